"""How fast the feed goes: what may happen only so often, and long files that are read in slices."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

SLICE_SECONDS = 0.1
"""How long one look may read a long curve, before the keys of another job are noticed."""


class Pace:
    """Lets something through at most once in so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def ready(self, now: float) -> bool:
        """Whether it may happen now."""
        return now >= self._next

    def spend(self, now: float) -> None:
        """It happened."""
        self._next = now + self._seconds

    def remaining(self, now: float) -> float:
        """Seconds until it may happen again."""
        return max(0.0, self._next - now)

    def reset(self) -> None:
        """Let the next one through at once."""
        self._next = 0.0


class Tail(Generic[T]):
    """The growing end of one file: read in slices, told when it is time."""

    def __init__(self) -> None:
        self._newest: T | None = None
        self.behind = False
        """Whether there is more to read than one slice took."""

    def read(self, more: Callable[[], T | None]) -> None:
        """Read on for a slice of time."""
        until = time.monotonic() + SLICE_SECONDS
        self.behind = False
        while (newest := more()) is not None:
            self._newest = newest
            if time.monotonic() >= until:
                self.behind = True
                return

    @property
    def waiting(self) -> bool:
        """Whether something was read that is not told yet."""
        return self._newest is not None and not self.behind

    def take(self) -> T | None:
        """What was read and not taken before."""
        newest, self._newest = self._newest, None
        return newest
