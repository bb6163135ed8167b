"""Following a job by its files: one line that changes on a terminal, plain lines elsewhere.

Never silent for two seconds while something is being done. Ctrl-C leaves; the job goes on.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from engine.ascii import to_ascii
from engine.cli import words
from engine.cli.logs import tail
from engine.cli.ls import Entry, waits_for
from engine.cli.output import narrate, on_terminal
from engine.errors import JobFailed, JobStopped
from engine.job import Job
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store
from engine.text import cells, one_line, shortened

POLL_SECONDS = 0.25
CHANGE_SECONDS = 1.0
"""Between two lines of which the later says something new."""
SILENCE_SECONDS = 1.7
PATIENT_AFTER_SECONDS = 30.0
PATIENT_SECONDS = 60.0
"""A job that waits in the queue for long says so once a minute."""
LOG_LINES = 12


@dataclass
class Pace:
    """Decides when the next plain line is due."""

    landmark: object = None
    text: str = ""
    printed_at: float = float("-inf")
    landmark_at: float = float("-inf")

    def due(self, landmark: object, text: str, now: float, *, may_rest: bool = False) -> bool:
        """Whether to print `text` now: at once for a new landmark, else by the clock."""
        if landmark != self.landmark:
            self.landmark, self.landmark_at = landmark, now
        else:
            waited = now - self.printed_at
            rests = may_rest and now - self.landmark_at > PATIENT_AFTER_SECONDS
            limit = PATIENT_SECONDS if rests else SILENCE_SECONDS
            if waited < (CHANGE_SECONDS if text != self.text and not rests else limit):
                return False
        self.text, self.printed_at = text, now
        return True


class Lines:
    """Shows one status after another: plain lines, or one line that is rewritten."""

    def __init__(
        self, stream: TextIO, *, live: bool | None = None, ascii_only: bool = False
    ) -> None:
        self._stream = stream
        self._live = on_terminal(stream) if live is None else live
        self._ascii = ascii_only
        self._pace = Pace()
        self._shown = False

    def show(self, status: JobStatus, waits: str) -> None:
        """Show what is true now, if it is time to."""
        text = one_line(words.progress(status, utc_now(), waits))
        text = to_ascii(text) if self._ascii else text
        if self._live:
            width = os.get_terminal_size(self._stream.fileno()).columns
            self._stream.write("\r\x1b[2K" + shortened(text, width - 1))
            self._shown = True
        else:
            landmark = (status.state, status.phase, waits)
            waiting = status.state is JobState.QUEUED
            if not self._pace.due(landmark, text, time.monotonic(), may_rest=waiting):
                return
            self._stream.write(text + "\n")
        self._stream.flush()

    def note(self, text: str) -> None:
        """A line that stays."""
        self.end()
        self._stream.write(one_line(text) + "\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line that is rewritten."""
        if self._shown:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
        self._shown = False


def follow(store: Store, job: Job, show: Callable[[JobStatus, str], None]) -> JobStatus:
    """Show the job a few times a second until it rests or is settled; returns how it ended."""
    while True:
        status = steady(job)
        waits = waits_for(store, [*_others(store, job, status), Entry(job, status, 0.0)])
        show(status, waits.get(job.id, ""))
        if status.state.settled or status.state.resting:
            return status
        time.sleep(POLL_SECONDS)


def steady(job: Job) -> JobStatus:
    """The observed status; an interruption counts once it is seen twice, as starts and ends race."""
    status = job.observed()
    for _ in range(4):
        if status.state is not JobState.INTERRUPTED:
            break
        time.sleep(POLL_SECONDS)
        status = job.observed()
    return status


def follow_in_lines(
    store: Store,
    job: Job,
    stream: TextIO,
    *,
    live: bool | None = None,
    ascii_only: bool = False,
) -> JobStatus:
    """`follow` with progress lines and every new warning."""
    lines = Lines(stream, live=live, ascii_only=ascii_only)
    warned: set[str] = set()

    def show(status: JobStatus, waits: str) -> None:
        for warning in status.warnings:
            if warning not in warned:
                warned.add(warning)
                lines.note(f"warning: {warning}")
        if not (status.state.settled or status.state.resting):
            lines.show(status, waits)

    try:
        return follow(store, job, show)
    finally:
        lines.end()


def detached(job: Job) -> int:
    """What Ctrl-C says: how to come back."""
    narrate(f"\nleft; {job.id} goes on. Come back: tunedeck watch {job.id}")
    return 0


def conclude(job: Job, status: JobStatus, *, quiet: bool = False) -> int:
    """The end in words, and its exit code.

    Raises:
        JobFailed: it failed or was interrupted; the last lines of its log were printed.
        JobStopped: it was paused or cancelled.
    """
    match status.state:
        case JobState.COMPLETED:
            if not quiet:
                narrate(f"{job.id}: completed after {words.training(status)}")
            return 0
        case JobState.PAUSED | JobState.CANCELLED:
            reason = f" ({status.reason})" if status.reason not in (None, "user") else ""
            why = f": {status.error.message}" if status.error else ""
            raise JobStopped(
                f"{job.id} was {status.state}{reason} at step {status.step}{why}",
                (status.error.hint if status.error else "") or f"go on: tunedeck resume {job.id}",
            )
        case JobState.INTERRUPTED:
            _print_log(job, quiet)
            raise JobFailed(
                f"{job.id} was interrupted at step {status.step}"
                + (f": {status.reason}" if status.reason else ""),
                f"go on from its newest checkpoint: tunedeck resume {job.id}",
            )
    _print_log(job, quiet)
    error = status.error
    raise JobFailed(
        f"{job.id} failed: {error.message if error else 'it did not say why'}",
        (error.hint if error else "") or f"the whole log: tunedeck logs {job.id}",
    )


def _print_log(job: Job, quiet: bool) -> None:
    lines = [] if quiet else tail(job.log_file, LOG_LINES)
    if lines:
        narrate(f"--- the end of {job.log_file}")
        for line in lines:
            narrate(line)
        narrate("-" * min(79, max(map(cells, lines), default=3)))


def _others(store: Store, job: Job, status: JobStatus) -> list[Entry]:
    """The jobs that a queued one may wait for."""
    if status.state is not JobState.QUEUED:
        return []
    return [Entry(other, other.observed(), 0.0) for other in store.jobs() if other != job]
