"""Sees to it that a supervisor runs while jobs wait: the deck is where people look when nothing moves."""

import threading
from collections.abc import Callable

from engine.errors import TunedeckError

GRACE_SECONDS = 3.0
"""How long jobs wait first: whoever queued them is starting one, most likely."""

RETRY_SECONDS = 30.0
"""How often to try at most."""


class Caretaker:
    """Starts a supervisor in a thread of its own, since that takes seconds when the machine is busy."""

    def __init__(
        self, start: Callable[[], object], failed: Callable[[TunedeckError], object]
    ) -> None:
        self._start = start
        self._failed = failed
        self._next: float | None = None
        self._thread: threading.Thread | None = None

    def look(self, now: float, *, waiting: bool) -> None:
        """`waiting`: jobs are queued and no supervisor lives. Starts one when that stays so."""
        if not waiting:
            self._next = None
        elif self._next is None:
            self._next = now + GRACE_SECONDS
        elif now >= self._next and (self._thread is None or not self._thread.is_alive()):
            self._next = now + RETRY_SECONDS
            self._thread = threading.Thread(target=self._try, name="caretaker", daemon=True)
            self._thread.start()

    def _try(self) -> None:
        try:
            self._start()
        except TunedeckError as error:
            self._failed(error)
