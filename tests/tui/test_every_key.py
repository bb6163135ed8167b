"""Every key of the key table, on every screen and tab, in every state of a job: it does something or says why not."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine import actions
from engine.job import Job
from engine.lock import Lock
from engine.status import Failure, JobState
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, screen, until, until_shown
from tui.app import DeckApp
from tui.keys import COMPARE, HELP, HOME, JOB, SAMPLES, TABS, Key, keys_of
from tui.messages import DetailsChanged, JobsChanged
from tui.screens.job import JobScreen
from tui.widgets.note_line import NoteLine

S = JobState
MOVES = {"down", "up", "page_down", "page_up", "top", "bottom"}
"""At the end of a list they have nowhere to go, as everywhere."""

PATIENCE_SECONDS = 5.0
LEFT = "the deck was left"
FULL = frozenset({S.QUEUED, S.RUNNING, S.COMPLETED})
"""States in which every tab is walked through; in the others those whose keys depend on the state."""


@pytest.fixture(autouse=True)
def nothing_is_launched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No process begins and no file is written outside; that the deck would end is said instead."""
    monkeypatch.setattr(actions, "export", lambda *args, **options: None)
    monkeypatch.setattr(DeckApp, "_queue_demo", lambda self: setattr(self, "_demo_wanted", False))
    monkeypatch.setattr(DeckApp, "leave", lambda self: self.say(LEFT))
    monkeypatch.chdir(tmp_path)
    yield


class Walk:
    """Presses keys on an open deck, and brings everything back to where it was."""

    def __init__(self, pilot: Pilot[int], job: Job, state: JobState) -> None:
        self.pilot, self.job, self.state = pilot, job, state
        self.app: DeckApp = pilot.app  # type: ignore[assignment]
        self.files = {
            file: file.read_bytes() for file in (job.status_file, job.control_file) if file.exists()
        }
        self.pressed: list[str] = []

    def picture(self) -> tuple[Any, ...]:
        """Everything that a user could see of the deck."""
        top = self.app.screen
        strips = top._compositor.render_strips()
        notes = [note.said for note in top.query(NoteLine)]
        drawn = tuple(tuple((part.text, part.style) for part in strip) for strip in strips)
        return len(self.app.screen_stack), notes, self.app.theme, drawn

    async def press(self, entry: Key, place: str) -> None:
        """Press it; fails when nothing happens."""
        base = list(self.app.screen_stack)
        for note in self.app.screen.query(NoteLine):
            note.clear()
        await self.pilot.pause()
        before = self.picture()
        await self.pilot.press(entry.keys[0])
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.picture() == before:
            if entry.action in MOVES:
                break
            what = f"{entry.keys[0]} ({entry.action}) on {place} is silent when {self.state}"
            assert time.monotonic() < deadline, f"{what}\n{screen(self.pilot)}"
            await asyncio.sleep(0.01)
        self.pressed.append(entry.action)
        await self._back(base)

    async def _back(self, base: list[Any]) -> None:
        for note in self.app.screen.query(NoteLine):
            if note.asking:
                await self.pilot.press("n")
        while len(self.app.screen_stack) > len(base):
            self.app.pop_screen()
            await self.pilot.pause()
        if len(self.app.screen_stack) < len(base):  # `esc` went back
            await self.pilot.press("enter")
        if self.app.screen is self.app.home and self.app.focused is not None:
            if self.app.focused.id not in ("table", "note"):
                await self.pilot.press("escape")
        changed = [file for file, content in self.files.items() if file.read_bytes() != content]
        for file in changed:
            file.write_bytes(self.files[file])
        if changed or self._state() is not self.state:
            self.app.feed.look_again()
            await until(self.pilot, lambda: self._state() is self.state, f"{self.state} again")

    def _state(self) -> JobState:
        jobs = self.app.latest[JobsChanged].jobs  # type: ignore[attr-defined]
        return next(one.state for one in jobs if one.id == self.job.id)


def make(bench: Bench, state: JobState) -> Job:
    """A job in that state with everything that such a job has."""
    begun = state not in (S.QUEUED, S.STARTING)
    job = bench.job(
        "some",
        state,
        step=40 if begun else 0,
        total=100,
        checkpoint=40 if begun else None,
        error=Failure(message="out of memory", hint="smaller batch") if state is S.FAILED else None,
        order=1.0,
    )
    if begun:
        builder.answer(job)
        builder.export(job, "adapter")
    return job


@pytest.mark.parametrize("state", list(JobState))
async def test_every_key_does_something_or_says_why_not(bench: Bench, state: JobState) -> None:
    job = make(bench, state)
    bench.job("other", S.COMPLETED, step=20, total=20, ago=30)
    async with opened(bench, 120, 40, job=job.id) as pilot:
        await until_shown(pilot, str(state))
        walk = Walk(pilot, job, state)
        await until(pilot, lambda: DetailsChanged in walk.app.latest)
        for entry in keys_of(HOME):
            await walk.press(entry, HOME)
            await pilot.press("g" if walk.app.home.current is None else "escape")
            walk.app.home.query_one("#table").select(job.id)  # type: ignore[attr-defined]
        assert {entry.action for entry in keys_of(HOME)} == set(walk.pressed)
        walk.app.open_job(walk.app.home.current)  # type: ignore[arg-type]
        await until(pilot, lambda: isinstance(walk.app.screen, JobScreen))
        await pilot.pause()
        job_screen = walk.app.screen
        assert isinstance(job_screen, JobScreen)
        for entry in keys_of(JOB):
            await _stay(walk, job_screen, "3")
            await walk.press(entry, JOB)
        for number, tab in enumerate(TABS, start=1):
            if tab == SAMPLES and not job_screen.details.samples:
                continue
            if state not in FULL and tab != "checkpoints":
                continue
            for entry in keys_of(tab):
                await _stay(walk, job_screen, str(number))
                await walk.press(entry, tab)


async def _stay(walk: Walk, job_screen: JobScreen, tab: str) -> None:
    """Be on that tab, whatever the last key did."""
    if walk.app.screen is not job_screen and not isinstance(walk.app.screen, JobScreen):
        walk.app.open_job(walk.app.home.current)  # type: ignore[arg-type]
        await walk.pilot.pause()
    prompt = walk.app.focused is not None and walk.app.focused.id == "search-input"
    if prompt:
        await walk.pilot.press("escape")
    await walk.pilot.press(tab)


async def test_every_key_of_the_other_screens_does_something(bench: Bench) -> None:
    job = make(bench, S.COMPLETED)
    bench.job("other", S.COMPLETED, step=20, total=20, ago=30)
    async with opened(bench, 120, 24, job=job.id) as pilot:
        await until_shown(pilot, "✓ completed")
        walk = Walk(pilot, job, S.COMPLETED)
        for open_it, name in ((walk.app.open_help, HELP), (_compare(walk), COMPARE)):
            for entry in keys_of(name):
                walk.app.go_home()
                await pilot.pause()
                open_it()
                await pilot.pause()
                await until_shown(pilot, "Help  " if name == HELP else "train loss")
                await walk.press(entry, name)


def _compare(walk: Walk) -> Any:
    return lambda: walk.app.open_compare(walk.app.home._jobs)


def test_the_exports_lock_is_free(bench: Bench) -> None:
    job = make(bench, S.COMPLETED)
    held = Lock.take(job.export_lock)
    assert held is not None
    held.close()
