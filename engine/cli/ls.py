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
from engine.cli.output import narrate, on_terminal, say, say_json, speaks_unicode
from engine.cli.table import Column, table
from engine.errors import TunedeckError
from engine.job import Job
from engine.series import format_duration
from engine.status import JobState, JobStatus, seconds_between, utc_now
from engine.store import Store
from engine.text import one_line

SETTLED_SHOWN = 20
NEWS_SECONDS = 24 * 3600.0
"""For how long a status bar tells of a job that failed."""

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
    if args.line:
        return _print_line(store, ascii_only=args.ascii)
    if args.quiet:
        for job in reversed(store.jobs()):
            say(job.id)
        return 0
    entries = listed(store)
    if args.json:
        say_json([as_json(entry.job, entry.status) for entry in entries])
    elif not entries:
        narrate("no jobs yet: `tunedeck demo` starts the bundled one")
    else:
        _print_table(store, entries, everything=args.all, ascii_only=args.ascii)
    return 0


def _print_line(store: Store, *, ascii_only: bool) -> int:
    """The status bar; what is wrong goes there too, in a few words, as nobody sees stderr."""
    ascii_only = ascii_only or not speaks_unicode(sys.stdout)
    try:
        statuses = [(job.id, job.observed()) for job in store.jobs()]
    except TunedeckError as error:
        say(one_line(f"tunedeck: {error.message}", 60))
        return error.exit_code
    say(status_bar(statuses, utc_now(), ascii_only=ascii_only))
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


def status_bar(jobs: Sequence[tuple[str, JobStatus]], now: str, *, ascii_only: bool = False) -> str:
    """All jobs in one short line, `▶2 ‖1 ✗1 · gsm8k 45% 12m`: how many, and the newest that runs.

    What failed counts for a day.
    """
    counted = Counter(_shown_as(status.state) for _, status in jobs if _is_news(status, now))
    counts = [
        f"{words.glyph(state, ascii_only=ascii_only)}{counted[state]}"
        for state in IN_BAR
        if counted[state]
    ]
    living = [(name, status) for name, status in jobs if status.state.living]
    running = max(living, key=lambda one: (one[1].started_at or "", one[0]), default=None)
    parts = [" ".join(counts)] if counts else []
    if running is not None:
        parts.append(_in_bar(*running))
    return (" - " if ascii_only else " · ").join(parts) or "idle"


IN_BAR = (
    JobState.RUNNING,
    JobState.QUEUED,
    JobState.PAUSED,
    JobState.INTERRUPTED,
    JobState.FAILED,
)
"""What a status bar counts, in this order."""


def _shown_as(state: JobState) -> JobState:
    """Whatever has a worker counts as running."""
    return JobState.RUNNING if state.living else state


def _is_news(status: JobStatus, now: str) -> bool:
    if status.state is not JobState.FAILED:
        return True
    ago = seconds_between(status.ended_at or status.updated_at, now)
    return ago is None or ago < NEWS_SECONDS


def _in_bar(job_id: str, status: JobStatus) -> str:
    """`gsm8k 45% 12m`: name, share and time left, or what it does before its first step."""
    name = "-".join(job_id.split("-")[3:-1]) or job_id
    if not status.step or not status.total_steps:
        return f"{name} {one_line(status.phase or str(status.state), 20)}"
    share = min(99, 100 * status.step // status.total_steps)
    left = "" if status.eta_seconds is None else f" {_largest_unit(status.eta_seconds)}"
    pausing = "" if status.state is JobState.RUNNING else f" {status.state}"
    return f"{name} {share}%{left}{pausing}"


def _largest_unit(seconds: float) -> str:
    """A duration in one word: `12m`."""
    text = format_duration(seconds)
    cut = next((at for at, sign in enumerate(text) if sign in "dhms"), len(text) - 1)
    return text[: cut + 1]


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


def _print_table(
    store: Store, entries: Sequence[Entry], *, everything: bool, ascii_only: bool
) -> None:
    settled = [entry for entry in entries if entry.status.state.settled]
    hidden = [] if everything else settled[SETTLED_SHOWN:]
    shown = entries[: len(entries) - len(hidden)]
    waits = waits_for(store, entries)
    rows = [
        _row(entry, brief(entry.job), waits.get(entry.job.id, ""), ascii_only=ascii_only)
        for entry in shown
    ]
    width = os.get_terminal_size().columns if on_terminal(sys.stdout) else None
    for line in table(COLUMNS, rows, width):
        say(_in_ascii(line) if ascii_only else line)
    if hidden:
        sys.stdout.flush()
        narrate(f"and {len(hidden)} older settled jobs: tunedeck ls --all")


def waits_for(store: Store, entries: Sequence[Entry]) -> dict[str, str]:
    """Job id -> what it waits for, for the queued ones; nothing is imported when there is none."""
    if not any(entry.status.state is JobState.QUEUED for entry in entries):
        return {}
    from engine import actions

    return actions.waiting(store, [(entry.job, entry.status) for entry in entries])


def _in_ascii(line: str) -> str:
    from engine.ascii import to_ascii

    return to_ascii(line)


def _row(entry: Entry, about: Brief, waits_for: str, *, ascii_only: bool) -> list[str]:
    status = entry.status
    return [
        words.state_words(status.state, ascii_only=ascii_only),
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
