"""Every key of the key table, on every screen and tab: it does something or says why not.

Home's keys are walked through in `test_acting.py`. What does not depend on the job's state is pressed for a
job that has everything and for one that has nothing yet, what does in every state.
"""

import asyncio
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine import actions, launch
from engine.errors import MachineError
from engine.job import Job
from engine.status import Failure, JobState
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, screen, until, until_shown
from tui.app import DeckApp
from tui.keys import CHECKPOINTS, COMPARE, HELP, JOB, LOG, SAMPLES, SPEC, TABS, Key, keys_of
from tui.messages import DetailsChanged, JobsChanged
from tui.screens.job import JobScreen
from tui.widgets.job_table import JobTable
from tui.widgets.note_line import NoteLine

S = JobState
MOVES = {"down", "up", "page_down", "page_up", "top", "bottom"}
"""At the end of a list they have nowhere to go, as everywhere."""

PATIENCE_SECONDS = 5.0


@pytest.fixture(autouse=True)
def nothing_is_launched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No process begins and no file is written outside; that the deck would end is said instead."""
    monkeypatch.setattr(actions, "export", lambda *args, **options: None)
    monkeypatch.setattr(launch, "launch_preview", no_process)
    monkeypatch.setattr(
        DeckApp, "leave", lambda self: setattr(self, "sub_title", self.sub_title + "!")
    )
    monkeypatch.chdir(tmp_path)


def no_process(*args: Any, **options: Any) -> None:
    """In place of what starts a process."""
    raise MachineError("no process begins here", "it would take seconds")


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
        return len(self.app.screen_stack), self.app.sub_title, notes, drawn

    async def press(self, entry: Key, place: str) -> None:
        """Press it; fails when nothing happens."""
        base = list(self.app.screen_stack)
        for note in self.app.screen.query(NoteLine):
            note.clear()
        await asyncio.sleep(0)
        before = self.picture()
        self.app.simulate_key(entry.keys[0])
        if entry.action in MOVES:
            await self.pilot.pause()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.picture() == before:
            if entry.action in MOVES:
                break
            what = f"{entry.keys[0]} ({entry.action}) on {place} is silent when {self.state}"
            assert time.monotonic() < deadline, f"{what}\n{screen(self.pilot)}"
            await asyncio.sleep(0.01)
        await self.pilot.pause()
        self.pressed.append(entry.action)
        await self._back(base)

    async def _back(self, base: list[Any]) -> None:
        for note in self.app.screen.query(NoteLine):
            if note.asking:
                await self.pilot.press("n")
        while len(self.app.screen_stack) > len(base):
            self.app.pop_screen()
            await self.pilot.pause()
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


@pytest.mark.parametrize("state", [S.RUNNING, S.QUEUED])
async def test_every_key_does_something_or_says_why_not(bench: Bench, state: JobState) -> None:
    job = make(bench, state)
    async with opened(bench, 80, 24, job=job.id) as pilot:
        await until_shown(pilot, str(state))
        walk = Walk(pilot, job, state)
        walk.app.open_job(walk.app.home.current)  # type: ignore[arg-type]
        await until(pilot, lambda: DetailsChanged in walk.app.latest)
        for entry in keys_of(JOB):
            await _stay(walk, LOG if entry.action in ("tab_spec", "next_tab") else SPEC)
            await walk.press(entry, JOB)
        for tab in TABS:
            if tab == SAMPLES and state is S.QUEUED:  # a job without answers has no such tab
                continue
            for entry in keys_of(tab):
                await _stay(walk, tab)
                await walk.press(entry, tab)


async def test_every_key_that_acts_does_or_says_why_not_in_every_state(bench: Bench) -> None:
    jobs = {state: make(bench, state) for state in JobState}
    async with opened(bench, 80, 30) as pilot:
        await until_shown(pilot, "running")
        for state, job in jobs.items():
            walk = Walk(pilot, job, state)
            walk.app.home.query_one(JobTable).select(job.id)
            for name, tab in ((JOB, SPEC), (CHECKPOINTS, CHECKPOINTS)):
                for entry in keys_of(name):
                    if entry.acts and entry.action != "duplicate":  # any job can be copied
                        await _stay(walk, tab)
                        await walk.press(entry, name)
            walk.app.go_home()
            await pilot.pause()


async def _stay(walk: Walk, tab: str) -> None:
    """Be on that tab, whatever the last key did."""
    if walk.app.screen is walk.app.home:  # `esc` went back
        walk.app.open_job(walk.app.home.current)  # type: ignore[arg-type]
        await walk.pilot.pause()
    if isinstance(walk.app.focused, Input):
        await walk.pilot.press("escape")
    job_screen = walk.app.screen
    assert isinstance(job_screen, JobScreen)
    if job_screen.tab.table_name != tab:
        job_screen.show_tab(tab)
        await walk.pilot.pause()


async def test_every_key_of_the_other_screens_does_something(bench: Bench) -> None:
    job = make(bench, S.COMPLETED)
    bench.job("other", S.COMPLETED, step=20, total=20, ago=30)
    async with opened(bench, 120, 24, job=job.id) as pilot:
        await until_shown(pilot, "✓ completed")
        walk = Walk(pilot, job, S.COMPLETED)
        jobs = walk.app.latest[JobsChanged].jobs  # type: ignore[attr-defined]
        for open_it, name in (
            (walk.app.open_help, HELP),
            (partial(walk.app.open_compare, jobs), COMPARE),
        ):
            for entry in keys_of(name):
                if walk.app.screen is walk.app.home:
                    open_it()
                    await until_shown(pilot, "Help  " if name == HELP else "eval")
                await walk.press(entry, name)
            walk.app.go_home()
            await pilot.pause()
