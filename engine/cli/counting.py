"""How far a count is: in one line of the terminal that is painted again, or said once where nobody watches."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.cli.in_place import InPlace
from engine.cli.output import narrate, on_terminal
from engine.series import format_duration

TICK_SECONDS = 0.2


@contextmanager
def counting(
    what: str, estimate: int | None, hint: str = "", *, quiet: bool = False
) -> Iterator[Callable[[int], None] | None]:
    """Gives what is to be told the rows so far, of about `estimate`; None where nobody watches.

    With `quiet` nothing is said then.
    """
    if not on_terminal(sys.stderr):
        if not quiet:
            narrate(f"{what}{f': about {estimate:,} rows' if estimate else ''}")
        yield None
        return
    line = InPlace(sys.stderr)
    started = told = time.monotonic()

    def show(rows: int) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= TICK_SECONDS:
            told = now
            line.show(
                [_words(what, rows, estimate, now - started, hint)], shutil.get_terminal_size()
            )

    try:
        yield show
    finally:
        line.end()


def _words(what: str, rows: int, estimate: int | None, passed: float, hint: str) -> str:
    of = f" of about {estimate:,}" if estimate else ""
    known = estimate is not None and rows < estimate and passed > 1
    left = (
        f", {format_duration(passed * (estimate - rows) / rows)} left" if known and estimate else ""
    )
    return f"{what}: {rows:,} rows{of}{left}{hint}"
