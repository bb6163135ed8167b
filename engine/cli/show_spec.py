"""`tunedeck spec ID`: the spec in force, edits put in, as a file that can be submitted again."""

import argparse

from engine import edits
from engine.cli.output import narrate, say, say_json
from engine.store import Store
from engine.text import clean_text


def run(args: argparse.Namespace) -> int:
    """Print it as YAML; what was edited is said beside it.

    Raises:
        SpecError: `spec.yaml` cannot be read.
    """
    job = Store().find(args.job)
    if args.json:
        say_json(edits.document(job))
        return 0
    text = edits.effective(job).to_yaml()
    say("\n".join(clean_text(line) for line in text.rstrip("\n").split("\n")))
    changed = edits.changed(edits.read(job))
    for field, (before, after) in changed.items():
        narrate(clean_text(f"edited: {field} was {before}, is {after}"))
    return 0
