from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from engine import actions, edits
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, row_with, screen, until, until_said, until_shown
from tui.screens import edit
from tui.screens.edit import EditScreen
from tui.screens.home import HomeScreen
from tui.widgets.form import Form
from tui.widgets.submit_row import SubmitRow

S = JobState
SPEC: dict[str, Any] = {
    "name": "[b]sums",
    "model": {"name": "org/base"},
    "data": {"train": "/data/sums.jsonl"},
    "training": {"learning_rate": 2e-4, "max_steps": 1000},
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit is tried with the next turn of the loop."""
    monkeypatch.setattr(edit, "PAUSE_SECONDS", 0.01)


async def open_form(pilot: Pilot[int]) -> Form:
    await until_shown(pilot, "‖ paused")
    await pilot.press("E")
    await until(pilot, lambda: isinstance(pilot.app.screen, EditScreen), "the form")
    form = pilot.app.screen.query_one(Form)
    await until(pilot, lambda: "training.learning_rate" in form.rows, "its fields")
    return form


def last_row(pilot: Pilot[int]) -> str:
    return pilot.app.screen.query_one(SubmitRow).said


async def test_an_edit_is_typed_seen_asked_for_and_applied(bench: Bench, tmp_path: Path) -> None:
    job = bench.job("sums", S.PAUSED, step=400, checkpoint=400, spec=SPEC)
    async with opened(bench) as pilot:
        form = await open_form(pilot)
        await until_shown(pilot, "nothing is changed yet")
        assert form.rows["training.learning_rate"].input.has_focus
        await pilot.press(*"1e-4")
        await until(pilot, lambda: "0.0002 -> 0.0001" in last_row(pilot), "what it changes")
        assert "* learning_rate" in row_with(pilot, " learning_rate ")
        await pilot.press("f10")
        await until(pilot, lambda: "Change learning_rate" in note(pilot), "asked")
        await pilot.press("n")
        await until_said(pilot, "nothing was changed")
        assert edits.read(job) == []
        await pilot.press("f10", "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen), "back at home")
        await until_said(pilot, "r lets it go on with that")
        assert edits.effective(job).training == {"learning_rate": 1e-4, "max_steps": 1000}
        assert [one.by for one in edits.read(job)] == ["deck"]


async def test_what_makes_no_sense_is_said_at_its_field_and_not_applied(bench: Bench) -> None:
    job = bench.job("sums", S.PAUSED, step=400, checkpoint=400, spec=SPEC)
    async with opened(bench, 80, 24) as pilot:
        form = await open_form(pilot)
        form.rows["training.learning_rate"].input.value = "[/b]fast"
        form.rows["training.num_train_epochs"].input.value = "5"
        await until_shown(pilot, "is not a number")
        assert last_row(pilot).endswith("and 1 more") or "learning_rate" in last_row(pilot)
        await pilot.press("f10")
        await until_said(pilot, "not applied")
        form.rows["training.learning_rate"].input.value = ""
        await until(pilot, lambda: "has no effect while" in last_row(pilot), "the other problem")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen), "left")
        assert edits.read(job) == []


async def test_a_field_that_is_fixed_says_why_and_takes_nothing(bench: Bench) -> None:
    bench.job("sums", S.PAUSED, step=400, checkpoint=400, spec=SPEC)
    async with opened(bench, 120, 60) as pilot:
        form = await open_form(pilot)
        await until_shown(pilot, "the job has no evaluation data")
        assert form.rows["training.eval_steps"].input.disabled


async def test_an_edit_that_came_too_late_is_refused_in_words(bench: Bench) -> None:
    job = bench.job("sums", S.PAUSED, step=400, checkpoint=400, spec=SPEC)
    async with opened(bench) as pilot:
        await open_form(pilot)
        await pilot.press(*"1e-4")
        await until(pilot, lambda: "0.0001" in last_row(pilot), "tried")
        actions.resume(bench.store, job, by="cli")
        await pilot.press("f10", "y")
        await until(pilot, lambda: "waits in the queue" in last_row(pilot), "refused")
        assert edits.read(job) == []


@pytest.mark.parametrize("state", [S.RUNNING, S.QUEUED, S.COMPLETED])
async def test_e_says_why_a_job_cannot_be_edited(bench: Bench, state: S) -> None:
    bench.job("sums", state, step=0 if state is S.QUEUED else 4, spec=SPEC)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, f" {state}")
        await pilot.press("E")
        await until_said(pilot, "pause it first" if state is not S.COMPLETED else "nothing left")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_readonly_edits_nothing(bench: Bench) -> None:
    bench.job("sums", S.PAUSED, step=400, checkpoint=400, spec=SPEC)
    async with opened(bench, 80, 24, readonly=True) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("E")
        await until_said(pilot, "--readonly")
        assert "E Edit" not in screen(pilot).splitlines()[-1]
