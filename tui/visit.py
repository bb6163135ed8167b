"""When the user last looked, and what has happened since.

A visit lasts as long as keys are pressed or the mouse is clicked now and then. Its end is the last of
these and not the end of the process, so that a link that dropped, or a deck that was left open in tmux,
counts as absence.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from engine.status import JobState, seconds_between
from engine.watch import JobView
from tui.memory import Memory
from tui.order import needs_user, rested_at

AWAY_SECONDS = 15 * 60.0
"""So long without a key or a click, and the next one begins another visit."""

WRITTEN_SECONDS = 60.0
"""How much of a visit a killed deck may forget."""


class Visit:
    """Knows when the visit before this one ended."""

    def __init__(self, memory: Memory, *, readonly: bool = False) -> None:
        self._memory = memory
        self._readonly = readonly
        self._seen_at: str | None = None
        self._written_at: str | None = None
        self.since: str | None = None
        """The end of the visit before this one; None on the first visit of all."""

    def begin(self, now: str) -> None:
        """The deck was opened."""
        self.since = self._seen_at = self._written_at = self._stored()
        if self._seen_at is None:
            self._seen_at = now
            self._write()

    def touch(self, now: str) -> bool:
        """A key was pressed; whether that began another visit."""
        away = seconds_between(self._seen_at, now)
        returned = away is not None and away > AWAY_SECONDS and self._seen_at != self.since
        if returned:
            self.since = self._seen_at
        self._seen_at = now
        unwritten = seconds_between(self._written_at, now)
        if unwritten is None or unwritten > WRITTEN_SECONDS:
            self._write()
        return returned

    def end(self) -> None:
        """The deck is being closed."""
        if self._seen_at != self._written_at:
            self._write()

    def _stored(self) -> str | None:
        """A time that cannot be read is none: then nothing is told as news."""
        stored = self._memory.recall().get("last_seen_at")
        return stored if seconds_between(stored, stored) is not None else None

    def _write(self) -> None:
        """What cannot be stored is told again: no reason to disturb anybody."""
        if self._readonly:
            return
        self._written_at = self._seen_at
        with suppress(OSError):
            self._memory.remember(last_seen_at=self._seen_at)


@dataclass(frozen=True)
class News:
    """What happened to jobs while nobody looked."""

    jobs: tuple[JobView, ...] = ()
    """Those that it happened to: first what needs the user, then the finished, newest first."""

    @property
    def bad(self) -> bool:
        """Whether something needs the user."""
        return any(needs_user(view.status) for view in self.jobs)

    def said(self) -> str:
        """`2 finished, 1 failed`."""
        counted = (
            (JobState.COMPLETED, "finished"),
            (JobState.FAILED, "failed"),
            (JobState.INTERRUPTED, "interrupted"),
            (JobState.PAUSED, "paused by an error"),
        )
        counts = [(sum(view.state is state for view in self.jobs), word) for state, word in counted]
        return ", ".join(f"{count} {word}" for count, word in counts if count)


def news(jobs: Iterable[JobView], since: str | None) -> News:
    """What ended since then, apart from pauses and cancels that were asked for."""
    if since is None:
        return News()
    told = [view for view in jobs if _worth_telling(view) and _after(view, since)]
    told.sort(key=lambda view: rested_at(view.status) or "", reverse=True)
    return News(tuple(sorted(told, key=lambda view: not needs_user(view.status))))


def _worth_telling(view: JobView) -> bool:
    return view.state is JobState.COMPLETED or needs_user(view.status)


def _after(view: JobView, since: str) -> bool:
    seconds = seconds_between(since, rested_at(view.status))
    return seconds is not None and seconds > 0
