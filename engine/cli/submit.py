"""`tunedeck submit SPEC`: queue a job; stdout gets its id and nothing else."""

import argparse

from engine.cli.ls import as_json
from engine.cli.output import narrate, say, say_json
from engine.cli.plan import checked
from engine.cli.source import chosen_spec
from engine.job import Job
from engine.spec import JobSpec
from engine.store import Store

BY = "cli"


def run(args: argparse.Namespace) -> int:
    """Check and queue it."""
    store = Store()
    store.prepare()
    spec = chosen_spec(args)
    checked(spec, quiet=args.json, flags=args.model is not None)
    job = submitted(store, spec, quiet=args.json)
    if args.json:
        say_json(as_json(job, job.observed()))
    else:
        say(job.id)
    return 0


def submitted(store: Store, spec: JobSpec, *, quiet: bool = False) -> Job:
    """The queued job; says so when the supervisor lacks a token that this shell has."""
    from engine import actions

    job = actions.submit(store, spec, by=BY)
    notice = actions.token_notice(store)
    if notice and not quiet:
        narrate(f"warning: {notice}")
    return job
