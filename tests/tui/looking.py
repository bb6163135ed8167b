"""How the tests look at the deck: as text, and with patience instead of pauses."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from tests.tui.builder import Bench
from tui.app import DeckApp
from tui.options import Options
from tui.widgets.note_line import NoteLine

PATIENCE_SECONDS = 10.0


@asynccontextmanager
async def opened(
    bench: Bench, width: int = 120, height: int = 40, **options: object
) -> AsyncIterator[Pilot[int]]:
    """The deck on that home folder, in a pretended terminal of that size."""
    app = DeckApp(bench.store, Options(**options))  # type: ignore[arg-type]
    async with app.run_test(size=(width, height)) as pilot:
        yield pilot


def rows_of(pilot: Pilot[int]) -> list[str]:
    """What stands on the screen, row by row."""
    strips = pilot.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


def screen(pilot: Pilot[int]) -> str:
    """What stands on the screen."""
    return "\n".join(rows_of(pilot))


def row_with(pilot: Pilot[int], words: str) -> str:
    """The first row that holds these words."""
    return next((row for row in rows_of(pilot) if words in row), "")


def note(pilot: Pilot[int]) -> str:
    """What the deck says above its footer."""
    return pilot.app.screen.query_one(NoteLine).said


async def until(pilot: Pilot[int], true: Callable[[], object], what: str = "") -> None:
    """Wait until it is true; fails with the screen when it never is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"never true: {what}\n{screen(pilot)}")
        await asyncio.sleep(0.02)
    await pilot.pause()


async def until_shown(pilot: Pilot[int], words: str) -> None:
    """Wait until these words stand on the screen."""
    await until(pilot, lambda: words in screen(pilot), words)


async def until_said(pilot: Pilot[int], words: str) -> None:
    """Wait until the deck says these words above its footer."""
    await until(pilot, lambda: words in note(pilot), words)
