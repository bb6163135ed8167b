"""`tunedeck run SPEC` or `run DATA --model NAME`: submit and follow; Ctrl-C leaves the job running."""

import argparse
import sys

from engine import actions
from engine.cli.follow import conclude, detached, follow, follow_in_lines
from engine.cli.ls import as_json
from engine.cli.output import narrate, say, say_json
from engine.cli.plan import checked
from engine.cli.source import chosen_spec
from engine.cli.submit import submitted
from engine.store import Store


def run(args: argparse.Namespace) -> int:
    """Progress goes to stderr; stdout gets the id, or with `--json` the final status."""
    store = Store()
    store.prepare()
    spec = chosen_spec(args)
    checked(spec, quiet=args.json, flags=args.model is not None)
    job = submitted(store, spec, quiet=args.json)
    try:
        if args.json:
            status = follow(store, job, lambda status, waits: None)
            say_json(as_json(job, status))
        else:
            say(job.id)
            sys.stdout.flush()
            status = follow_in_lines(store, job, sys.stderr)
    except KeyboardInterrupt:
        return detached(job)
    code = conclude(job, status, quiet=args.json)
    if not args.json:
        narrate(f"next: tunedeck export {job.id} --to {','.join(actions.export_kinds(job))}")
    return code
