"""The pictures: what the deck shows at a size and in a theme, as Textual itself exports it."""

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.pilot import Pilot

from engine.store import Store
from tui.app import DeckApp
from tui.options import Options

SIZES = ((120, 40), (80, 24))
THEMES = ("dark", "light")
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Picture:
    """Keys to press on home, and what stands on the screen before each and at the end."""

    name: str
    job: str
    """The job that is highlighted first."""
    steps: Sequence[tuple[str, Sequence[str]]] = ()
    """Words to wait for, then keys to press."""
    shows: Sequence[str] = ()
    """Words to wait for at the end."""


async def take(store: Store, picture: Picture, private: str, out: Path) -> list[Path]:
    """Take a picture at every size and in every theme, as soon as `private` has left the log."""
    made = []
    for width, height in SIZES:
        for theme in THEMES:
            path = out / f"{picture.name}-{width}-{theme}.svg"
            app = DeckApp(store, Options(job=picture.job, theme=theme))
            async with app.run_test(size=(width, height)) as pilot:
                for words, keys in picture.steps:
                    await _until_shown(pilot, words)
                    await pilot.press(*keys)
                for words in picture.shows:
                    await _until_shown(pilot, words)
                await _until(lambda: private not in _screen(pilot), lambda: f"no {private}")
                await _until(lambda: "?%" not in _screen(pilot), lambda: "the load of the CPU")
                await pilot.pause(0.3)
                path.write_text(app.export_screenshot(title="tunedeck"), encoding="utf-8")
            print(path.name, file=sys.stderr)
            made.append(path)
    return made


async def _until_shown(pilot: Pilot[int], words: str) -> None:
    await _until(lambda: words in _screen(pilot), lambda: f"{words!r} in:\n{_screen(pilot)}")
    await pilot.pause()


def _screen(pilot: Pilot[int]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


async def _until(true: Callable[[], bool], what: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited in vain for {what()}")
        await asyncio.sleep(0.05)
