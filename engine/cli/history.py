"""`tunedeck history ID`: what happened to a job, and when."""

import argparse
from datetime import datetime

from engine.cli.output import narrate, say, say_json
from engine.history import History, words
from engine.store import Store


def run(args: argparse.Namespace) -> int:
    """Print the events, oldest first."""
    job = Store().find(args.job)
    history = History(job.events_file)
    history.update()
    if args.json:
        say_json(
            [
                {"time": one.time, "kind": one.kind, **one.facts, "words": words(one)}
                for one in history.events
            ]
        )
        return 0
    if not history.events:
        narrate(f"nothing is known of what happened to {job.id}")
    for one in history.events:
        say(f"{local_time(one.time):<19}  {words(one)}".rstrip())
    return 0


def local_time(stamp: object) -> str:
    """A stored time as the clock on the wall showed it; empty when it is none."""
    try:
        return f"{datetime.fromisoformat(str(stamp)).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return ""
