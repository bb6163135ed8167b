"""`tunedeck ls`: every job in a table, as JSON, as ids, or as one line for a status bar."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.cli import words
from engine.cli.brief import Brief, brief
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.cli.table import Column, table
from engine.job import Job
from engine.status import JobState, JobStatus
from engine.store import Store

SETTLED_SHOWN = 20

_UNSETTLED_FIRST = {
    state: rank
    for rank, states in enumerate(
        (
            (JobState.RUNNING, JobState.STARTING, JobState.PAUSING, JobState.CANCELLING),
            (JobState.QUEUED,),
            (JobState.PAUSED, JobState.INTERRUPTED),
            (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED),
        )
    )
    for state in states
}


@dataclass(frozen=True)
class Entry:
    """One job as listed."""

    job: Job
    status: JobStatus
    order: float
    """Its place in the queue."""


def run(args: argparse.Namespace) -> int:
    """Print the jobs."""
    store = Store()
    if args.quiet:
        for job in reversed(store.jobs()):
            say(job.id)
        return 0
    entries = listed(store)
    if args.json:
        say_json([as_json(entry.job, entry.status) for entry in entries])
    elif args.line:
        say(status_bar([entry.status for entry in entries]))
    elif not entries:
        narrate("no jobs yet: `tunedeck demo` starts the bundled one")
    else:
        _print_table(store, entries, everything=args.all)
    return 0


def as_json(job: Job, status: JobStatus) -> dict[str, Any]:
    """What `--json` prints of a job: its id and the observed status."""
    return {"id": job.id, **status.to_json()}


def listed(store: Store) -> list[Entry]:
    """Every job: first what runs, then the queue in its order, what rests, and the settled."""
    entries = [
        Entry(job, status, job.control().order if status.state is JobState.QUEUED else 0.0)
        for job in store.jobs()
        for status in (job.observed(),)
    ]
    entries.sort(key=lambda entry: (entry.status.created_at or "", entry.job.id), reverse=True)
    entries.sort(key=lambda entry: (_UNSETTLED_FIRST[entry.status.state], entry.order))
    return entries


def status_bar(statuses: Sequence[JobStatus]) -> str:
    """All jobs in one short line: `▶ 120/350 loss 0.41 eta 4m · 2 queued · 1 paused`."""
    parts = [_in_bar(status) for status in statuses if status.state.living]
    counted = Counter(status.state for status in statuses)
    parts += [
        f"{counted[state]} {state}"
        for state in (JobState.QUEUED, JobState.PAUSED, JobState.INTERRUPTED, JobState.FAILED)
        if counted[state]
    ]
    return " · ".join(parts) or "idle"


def _in_bar(status: JobStatus) -> str:
    glyph = words.state_words(status.state).partition(" ")[0]
    if not status.step:
        return f"{glyph} {status.phase or status.state}"
    loss = f" loss {words.number(status.loss)}" if status.loss is not None else ""
    left = f" eta {words.eta(status)}" if status.eta_seconds is not None else ""
    return f"{glyph} {words.steps(status)}{loss}{left}"


COLUMNS = (
    Column("state"),
    Column("job", shrinks_to=14),
    Column("model", shrinks_to=10),
    Column("method", optional=True),
    Column("step", right=True),
    Column("loss", right=True),
    Column("tok/s", right=True, optional=True),
    Column("eta", right=True),
    Column("note", shrinks_to=12),
)


def _print_table(store: Store, entries: Sequence[Entry], *, everything: bool) -> None:
    settled = [entry for entry in entries if entry.status.state.settled]
    hidden = [] if everything else settled[SETTLED_SHOWN:]
    shown = entries[: len(entries) - len(hidden)]
    waits = waits_for(store, entries)
    rows = [_row(entry, brief(entry.job), waits.get(entry.job.id, "")) for entry in shown]
    width = os.get_terminal_size().columns if on_terminal(sys.stdout) else None
    for line in table(COLUMNS, rows, width):
        say(line)
    if hidden:
        sys.stdout.flush()
        narrate(f"and {len(hidden)} older settled jobs: tunedeck ls --all")


def waits_for(store: Store, entries: Sequence[Entry]) -> dict[str, str]:
    """Job id -> what it waits for, for the queued ones; nothing is imported when there is none."""
    if not any(entry.status.state is JobState.QUEUED for entry in entries):
        return {}
    from engine import actions

    return actions.waiting(store, [(entry.job, entry.status) for entry in entries])


def _row(entry: Entry, about: Brief, waits_for: str) -> list[str]:
    status = entry.status
    return [
        words.state_words(status.state),
        entry.job.id,
        about.model_short or words.UNKNOWN,
        about.method or words.UNKNOWN,
        words.steps(status),
        words.number(status.loss),
        words.UNKNOWN if status.tokens_per_second is None else f"{status.tokens_per_second:,.0f}",
        words.eta(status),
        note(status, waits_for),
    ]


def note(status: JobStatus, waits_for: str) -> str:
    """The one thing worth a word about a job: what it waits for, does, or died of."""
    if status.state is JobState.QUEUED:
        return waits_for
    if status.error is not None and not status.state.living:
        return status.error.message
    if status.state in (JobState.PAUSED, JobState.INTERRUPTED):
        return "" if status.reason in (None, "user") else status.reason
    if status.state.living and status.phase not in (None, "training"):
        return status.phase
    return status.warnings[-1] if status.warnings else ""
