"""`tunedeck rm`: deletes jobs, after asking."""

import argparse
import sys

from engine.cli.output import narrate, on_terminal, report
from engine.errors import TunedeckError, UsageError
from engine.footprint import footprint
from engine.job import Job
from engine.series import format_bytes
from engine.store import Store


def run(args: argparse.Namespace) -> int:
    """Delete every job named; without `--yes` the user is asked, and must be there to answer."""
    from engine import actions

    store = Store()
    jobs = list(dict.fromkeys(store.find(name) for name in args.jobs))
    if not args.yes and not on_terminal(sys.stdin):
        raise UsageError(
            "rm deletes for good, and nobody is here to be asked", "add --yes if you mean it"
        )
    failures: list[TunedeckError] = []
    for job in jobs:
        if not args.yes and not _agreed(job):
            narrate(f"{job.id}: kept")
            continue
        try:
            actions.remove(store, job)
            narrate(f"{job.id}: removed")
        except TunedeckError as error:
            failures.append(error)
    for failure in failures[1:]:
        report(failure, as_json=False)
    if failures:
        raise failures[0]
    return 0


def _agreed(job: Job) -> bool:
    size = format_bytes(footprint(job).size_bytes)
    sys.stderr.write(f"remove {job.id} with its checkpoints and exports ({size})? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
