"""`tunedeck worker`: the queue in the foreground."""

import argparse

from engine.store import Store


def run(args: argparse.Namespace) -> int:
    """Run queued jobs until Ctrl-C; running jobs go on after it."""
    del args
    from engine import supervisor

    store = Store()
    store.prepare()
    supervisor.run(store, foreground=True)
    return 0
