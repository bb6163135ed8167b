from pathlib import Path

import pytest
from textual.widgets import Input

from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import opened, screen, until, until_said, until_shown
from tui import sources
from tui.screens.home import HomeScreen
from tui.screens.new import NewScreen

ROWS = '{"prompt": "1+1", "completion": "2"}\n' * 8


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data in it, where the deck was started."""
    made = tmp_path / "work"
    (made / "models").mkdir(parents=True)
    (made / "sums.jsonl").write_text(ROWS)
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def base() -> str:
    """The bundled base model."""
    found = sources.demo_model()
    if not found or not Path(found).is_dir():
        pytest.skip("the bundled base model is not there")
    return found


async def test_data_asks_for_a_model_and_is_queued(bench: Bench, folder: Path, base: str) -> None:
    bench.job("runs", JobState.RUNNING, step=9, model=base)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("n", *"sum")
        await pilot.press("right", "enter")
        await until_shown(pilot, "base model")
        field = pilot.app.screen.query_one("#model", Input)
        await until(pilot, lambda: field.value == base, "the last model is proposed")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen), "back at home")
        await until_said(pilot, "is queued")
        await until_shown(pilot, "○ queued   ")
        new = next(job for job in bench.store.jobs() if "sums" in job.id)
        assert new.observed().state is JobState.QUEUED
        home = pilot.app.screen
        assert isinstance(home, HomeScreen)
        await until(pilot, lambda: home.current and home.current.id == new.id, "highlighted")


async def test_a_spec_is_queued_as_it_is(bench: Bench, folder: Path, base: str) -> None:
    (folder / "sums.yaml").write_text(f"model: {{name: {base}}}\ndata: {{train: sums.jsonl}}\n")
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "No jobs yet.")
        await pilot.press("n", *"sums.yaml", "enter")
        await until_said(pilot, "is queued")
        assert len(bench.store.jobs()) == 1


async def test_problems_are_said_below_and_nothing_is_lost(bench: Bench, folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        "model: {name: x}\ndata: {trian: a}\ntraining: {learning_rat: 1}\n"
    )
    (folder / "odd.yaml").write_text("{[/not yaml [bold]")
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "No jobs yet.")
        await pilot.press("n", "enter")
        await until_shown(pilot, "type a path")
        field = pilot.app.screen.query_one("#path", Input)
        for name, words in (
            ("none.yaml", "no such file"),
            ("bad.yaml", "data.trian"),
            ("bad.yaml", "learning_rate"),
            ("odd.yaml", "not valid YAML"),
        ):
            field.value = name
            await pilot.press("enter")
            await until_shown(pilot, words)
        field.value = "sums.jsonl"
        await pilot.press("enter")
        await until_shown(pilot, "which model shall it fine-tune")
        model = pilot.app.screen.query_one("#model", Input)
        model.value = "no such folder!"
        await pilot.press("enter")
        await until_shown(pilot, "no such model folder")
        assert field.value == "sums.jsonl"
        assert isinstance(pilot.app.screen, NewScreen)
        await pilot.press("escape")
        await until_shown(pilot, "No jobs yet.")
        assert bench.store.jobs() == []


async def test_the_tree_shows_what_can_begin_a_job(bench: Bench, folder: Path) -> None:
    for name in (".hidden.jsonl", "program.py", "more.parquet"):
        (folder / name).touch()
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "No jobs yet.")
        await pilot.press("n")
        await until_shown(pilot, "sums.jsonl")
        shown = screen(pilot)
        assert "more.parquet" in shown
        assert "models" in shown
        assert "program.py" not in shown
        assert ".hidden" not in shown
        await pilot.press("tab", "down", "down", "down", "enter")
        await until_shown(pilot, "which model shall it fine-tune")


def test_a_path_completes_to_the_first_that_fits(folder: Path) -> None:
    (folder / "models" / "data.csv").touch()
    assert sources.complete("su") == "sums.jsonl"
    assert sources.complete("mod") == "models/"
    assert sources.complete("models/d") == "models/data.csv"
    assert sources.complete(f"{folder}/su") == f"{folder}/sums.jsonl"
    for nothing in ("", "zzz", "none/such", "models/", "\0"):
        assert sources.complete(nothing) is None


def test_a_json_file_is_a_spec_when_it_holds_one(folder: Path) -> None:
    spec, rows = folder / "spec.json", folder / "rows.json"
    spec.write_text('{"model": {"name": "m"}, "data": {"train": "x"}}')
    rows.write_text('[{"prompt": "a"}]')
    assert sources.is_spec(spec)
    assert not sources.is_spec(rows)
    assert not sources.is_spec(folder / "sums.jsonl")
    assert sources.is_spec(folder / "any.TOML")
