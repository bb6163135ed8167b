"""`tunedeck exports ID`: the artifacts that were written of a job."""

import argparse
import os
import sys

from engine.cli import words
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.cli.table import Column, table
from engine.store import Store
from engine.watch import ExportView, JobFollower

COLUMNS = (
    Column("kind"),
    Column("state"),
    Column("of step", right=True),
    Column("note", shrinks_to=8),
    Column("folder", shrinks_to=12),
)


def run(args: argparse.Namespace) -> int:
    """Print the exports by kind."""
    job = Store().find(args.job)
    details = JobFollower(job).details()
    exports = details.exports if details is not None else ()
    if args.json:
        say_json([{**one.facts, "kind": one.kind, "path": str(one.folder)} for one in exports])
        return 0
    if not exports:
        narrate(f"{job.id} has no export yet: tunedeck export {job.id}")
        return 0
    width = os.get_terminal_size().columns if on_terminal(sys.stdout) else None
    for line in table(COLUMNS, map(_row, exports), width):
        say(line)
    return 0


def _row(one: ExportView) -> list[str]:
    step = one.facts.get("checkpoint_step")
    return [
        one.kind,
        one.state,
        words.UNKNOWN if step is None else str(step),
        _note(one),
        str(one.folder),
    ]


def _note(one: ExportView) -> str:
    """How far it is, or why it failed."""
    if one.running and one.progress is not None:
        return f"{one.progress:.0%}"
    error = one.facts.get("error")
    return str(error.get("message") or "") if isinstance(error, dict) else ""
