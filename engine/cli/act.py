"""`tunedeck pause`, `resume` and `cancel`, for one job or several, with `--wait` until it is true."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from engine.cli.ls import as_json
from engine.cli.output import narrate, report, say_json
from engine.errors import TunedeckError, UsageError, WaitTimeout
from engine.job import Job
from engine.status import JobState, JobStatus
from engine.store import Store

BY = "cli"


@dataclass(frozen=True)
class Verb:
    """How one of the three is done and what it is waited for."""

    act: Callable[[Store, Job], JobStatus]
    wanted: frozenset[JobState]
    """`--wait` returns in these states."""


def run(args: argparse.Namespace) -> int:
    """Ask it of every job; the first failure decides the exit code, the others are still asked."""
    if args.timeout is not None and not args.wait:
        raise UsageError("--timeout has no meaning without --wait", "add --wait")
    store = Store()
    jobs = list(dict.fromkeys(store.find(name) for name in args.jobs))
    verb = VERBS[args.verb]
    if args.verb == "resume" and args.checkpoint is not None:
        if len(jobs) > 1:
            raise UsageError("--checkpoint is of one job", "name one job")
        verb = replace(verb, act=partial(_resume, from_step=args.checkpoint))
    deadline = None if args.timeout is None else time.monotonic() + args.timeout
    failures: list[TunedeckError] = []
    asked: list[tuple[Job, JobStatus]] = []
    for job in jobs:
        try:
            asked.append((job, verb.act(store, job)))
        except TunedeckError as error:
            failures.append(error)
    done = []
    for job, first in asked:
        try:
            status = _waited(job, verb, deadline, args.timeout) if args.wait else first
        except TunedeckError as error:
            failures.append(error)
            continue
        done.append((job, status))
        if not args.json:
            narrate(f"{job.id}: {told(status, args.verb)}")
    if args.json:
        say_json([as_json(job, status) for job, status in done])
    for failure in failures[1:]:
        report(failure, as_json=args.json)
    if failures:
        raise failures[0]
    return 0


def told(status: JobStatus, verb: str) -> str:
    """What the verb led to, in words."""
    match status.state:
        case JobState.PAUSING if verb == "resume":
            return "still pausing: it goes on, at the latest when that is done"
        case JobState.PAUSING:
            return "pausing: it saves a checkpoint at the next step and gives its device back"
        case JobState.CANCELLING:
            return "cancelling: nothing is saved, its checkpoints stay"
        case JobState.QUEUED:
            return "queued"
        case JobState.PAUSED if status.checkpoint_step is not None:
            return f"paused at step {status.checkpoint_step}"
    return str(status.state)


def _waited(job: Job, verb: Verb, deadline: float | None, timeout: float | None) -> JobStatus:
    """The status that was waited for; all jobs share one deadline."""
    from engine import actions

    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    try:
        return actions.wait_for(job, verb.wanted, left)
    except WaitTimeout as error:
        message = f"{job.id} is still {job.observed().state} after {timeout:g} s"
        raise WaitTimeout(message, error.hint) from None


def _pause(store: Store, job: Job) -> JobStatus:
    del store
    from engine import actions

    return actions.pause(job, by=BY)


def _resume(store: Store, job: Job, from_step: int | None = None) -> JobStatus:
    from engine import actions

    return actions.resume(store, job, by=BY, from_step=from_step)


def _cancel(store: Store, job: Job) -> JobStatus:
    del store
    from engine import actions

    return actions.cancel(job, by=BY)


VERBS = {
    "pause": Verb(_pause, frozenset({JobState.PAUSED})),
    "resume": Verb(_resume, frozenset({JobState.RUNNING})),
    "cancel": Verb(_cancel, frozenset({JobState.CANCELLED})),
}
