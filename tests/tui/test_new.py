import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine import spec as specs
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, row_with, screen, until, until_said, until_shown
from tui.form import findings
from tui.screens import new
from tui.screens.home import HomeScreen
from tui.screens.new import ADD, START, NewScreen
from tui.widgets.form import Form
from tui.widgets.path_tree import PathTree
from tui.widgets.submit_row import SubmitRow

S = JobState
PAIRS = '{"prompt": "1+1", "completion": "2"}\n'
READY = "Fine-tunes work/base with LoRA r=16 on 120 questions and answers for 3 epochs"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with data and a model folder in it, where the deck was started."""
    made = tmp_path / "work"
    model = made / "base"
    model.mkdir(parents=True)
    (made / "sums.jsonl").write_text(PAIRS * 120)
    (made / "sums.yaml").write_text("model: {name: ./base}\ndata: {train: sums.jsonl}\n")
    (model / "config.json").write_text('{"model_type": "llama", "architectures": ["Llama"]}')
    (model / "tokenizer.json").write_text("{}")
    (model / "model.safetensors").write_bytes(b"0" * 2048)
    monkeypatch.chdir(made)
    return made


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks begin with the next turn of the loop."""
    monkeypatch.setattr(new, "PAUSE_SECONDS", 0.01)


def put(pilot: Pilot[int], key: str, text: str) -> None:
    """Type something into a field."""
    pilot.app.screen.query_one(Form).rows[key].input.value = text


def typed(pilot: Pilot[int], key: str) -> str:
    """What stands in a field."""
    return pilot.app.screen.query_one(Form).rows[key].input.value


def submit(pilot: Pilot[int]) -> str:
    """What the last row says."""
    return pilot.app.screen.query_one(SubmitRow).said


def seen_in(form: Form, field: Input) -> bool:
    """Whether a field is not scrolled away."""
    return form.region.contains_region(field.region)


async def until_ready(pilot: Pilot[int], words: str = "Fine-tunes") -> None:
    await until(pilot, lambda: submit(pilot).startswith(words), words)


async def open_form(pilot: Pilot[int]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen), "home")
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewScreen), "the form")
    await until_ready(pilot, "model.name: is missing")


# --- ways to begin --------------------------------------------------------------------------------


async def test_data_is_typed_checked_and_queued(bench: Bench, here: Path) -> None:
    bench.job("runs", S.RUNNING, step=9, model=str(here / "base"))
    async with opened(bench) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("n")
        await until(pilot, lambda: typed(pilot, "model.name") == "./base", "the newest job's model")
        await pilot.press(*"sums.j", "right")
        await until(pilot, lambda: typed(pilot, START) == "sums.jsonl", "completed")
        await pilot.press("enter")
        await until(pilot, lambda: typed(pilot, "data.train") == "sums.jsonl", "filled in")
        await until_ready(pilot, READY)
        shown = screen(pilot)
        for words in ("format prompt-completion, 120 rows", "train: sums.jsonl", "1+1"):
            assert words in shown
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen), "back at home")
        await until_said(pilot, "is queued")
        job = next(job for job in bench.store.jobs() if "sums" in job.id)
        stored = specs.read_resolved(job.spec_file)
        assert stored.data.train == str(here / "sums.jsonl")
        assert stored.adapter.r == 16
        home = pilot.app.screen
        assert isinstance(home, HomeScreen)
        await until(pilot, lambda: home.current and home.current.id == job.id, "highlighted")


async def test_a_spec_fills_the_form_and_enter_on_the_last_row_queues(
    bench: Bench, here: Path
) -> None:
    async with opened(bench, 80, 24) as pilot:
        await open_form(pilot)
        await pilot.press(*"sums.yaml", "enter")
        await until_ready(pilot, READY)
        assert typed(pilot, "model.name") == "./base"
        await pilot.press("shift+tab", "shift+tab", "enter")
        await until_said(pilot, "is queued")
        assert len(bench.store.jobs()) == 1


async def test_d_copies_a_job_and_marks_what_is_changed(bench: Bench, here: Path) -> None:
    spec = specs.load(here / "sums.yaml").model_dump(mode="json", exclude_none=True)
    spec["training"] = {"learning_rate": 2e-4, "weight_decay": 0.1}
    bench.job("sums", S.COMPLETED, step=9, total=9, spec=spec)
    async with opened(bench) as pilot:
        await until_shown(pilot, "completed")
        await pilot.press("enter", "d")
        await until_shown(pilot, "a copy of sums-")
        await until_ready(pilot, READY)
        assert typed(pilot, "name") == "sums-2"
        assert typed(pilot, "training.weight_decay") == "0.1"
        put(pilot, "training.learning_rate", "1e-4")
        await until_shown(pilot, "was 0.0002")
        assert "* learning_rate" in row_with(pilot, " learning_rate ")
        assert "*   learning_rate: 0.0001" in screen(pilot)
        await until_ready(pilot, READY)
        await pilot.press("f10")
        await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen), "home, not the job")
        await until_said(pilot, "is queued")
        made = next(job for job in bench.store.jobs() if "sums-2" in job.id)
        stored = specs.read_resolved(made.spec_file)
        assert stored.training == {"learning_rate": 1e-4, "weight_decay": 0.1}
        assert stored.name == "sums-2"


async def test_a_copy_without_its_spec_says_so(bench: Bench, here: Path) -> None:
    job = bench.job("sums", S.COMPLETED)
    async with opened(bench) as pilot:
        await until_shown(pilot, "completed")
        job.spec_file.write_text("{[")
        await pilot.press("d")
        await until_said(pilot, "not valid YAML")


# --- problems -------------------------------------------------------------------------------------


async def test_every_problem_stands_at_its_field_and_the_first_in_the_last_row(
    bench: Bench, here: Path
) -> None:
    (here / "bad.yaml").write_text(
        "model: {name: ./bas}\ndata: {train: sumz.jsonl}\ntraining: {learning_rat: 1}\n"
    )
    async with opened(bench, 240, 60) as pilot:
        await open_form(pilot)
        await pilot.press(*"bad.yaml", "enter")
        await until_shown(pilot, "no such model folder")
        lines = screen(pilot).splitlines()
        for field, words in (
            ("✗ name ", "no such model folder"),
            ("✗ train ", "no such file or folder"),
            ("✗ training.learning_rat ", "SFTConfig has no such field"),
        ):
            at = next(number for number, line in enumerate(lines) if field in line)
            assert words in lines[at + 1], field
        assert submit(pilot).endswith("and 2 more")
        await pilot.press("f10")
        await until_said(pilot, "not queued: model.name: no such model folder")
        assert pilot.app.screen.query_one(Form).rows["model.name"].input.has_focus
        put(pilot, "model.name", "./base")
        put(pilot, "data.train", "sums.jsonl")
        put(pilot, "training.learning_rat", "")
        await until_ready(pilot, READY)
        assert "✗" not in screen(pilot)
        assert bench.store.jobs() == []


async def test_data_that_vanishes_is_not_queued(bench: Bench, here: Path) -> None:
    async with opened(bench) as pilot:
        await open_form(pilot)
        await pilot.press(*"sums.yaml", "enter")
        await until_ready(pilot, READY)
        (here / "sums.jsonl").unlink()
        await pilot.press("f10")
        await until_said(pilot, "not queued: data.train")
        assert "no such file or folder" in note(pilot)
        assert bench.store.jobs() == []


async def test_what_cannot_be_read_to_begin_with_is_said_below_it(bench: Bench, here: Path) -> None:
    (here / "odd.yaml").write_text("{[/not yaml [bold]")
    (here / "junk.jsonl").write_bytes(b"\xff" * 999)
    async with opened(bench, 480) as pilot:
        await open_form(pilot)
        for name, words in (
            ("none.yaml", "no such file"),
            ("odd.yaml", "not valid YAML"),
            ("junk.jsonl", "is not UTF-8"),
            ("base", "the JSON object has"),
        ):
            put(pilot, START, name)
            await pilot.press("enter")
            await until_shown(pilot, words)
        assert isinstance(pilot.app.screen, NewScreen)


async def test_markup_and_control_characters_in_every_field_do_no_harm(
    bench: Bench, here: Path
) -> None:
    async with opened(bench, 120, 60) as pilot:
        await open_form(pilot)
        form = pilot.app.screen.query_one(Form)
        for key in list(form.rows):
            put(pilot, key, "[/bold][red]x\x1b[31m\n\u202e{")
            assert typed(pilot, key) == "[/bold][red]x {", key
        await until_shown(pilot, "no such model folder: [/bold][red]x {")
        assert "\x1b" not in screen(pilot)
        assert "name: '[/bold][red]x {'" in screen(pilot)


async def test_a_check_that_takes_long_blocks_no_key(
    bench: Bench, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    checked: list[str] = []
    check = findings.check

    def slow(draft: Any, look: Any) -> Any:
        checked.append(draft.text("name"))
        go_on.wait(20)
        return check(draft, look)

    async with opened(bench) as pilot:
        await open_form(pilot)
        await pilot.press(*"sums.yaml", "enter")
        await until_ready(pilot, READY)
        monkeypatch.setattr(new, "check", slow)
        pilot.app.screen.query_one(Form).focus_on("name")
        await pilot.press("end", "a")
        await until(pilot, lambda: checked == ["sumsa"], "a check runs")
        await pilot.press("b", "c")
        assert typed(pilot, "name") == "sumsabc"
        assert submit(pilot) == "checking"
        go_on.set()
        await until_ready(pilot, READY)
        assert checked == ["sumsa", "sumsabc"]


async def test_f10_twice_queues_once(
    bench: Bench, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    check = findings.check
    async with opened(bench) as pilot:
        await open_form(pilot)
        await pilot.press(*"sums.yaml", "enter")
        await until_ready(pilot, READY)
        monkeypatch.setattr(new, "check", lambda *given: go_on.wait(20) and check(*given))
        await pilot.press("f10", "f10", "f10")
        go_on.set()
        await until_said(pilot, "is queued")
        assert len(bench.store.jobs()) == 1


# --- settings, paths, files -----------------------------------------------------------------------


async def test_any_setting_is_added_by_its_own_name(bench: Bench, here: Path) -> None:
    async with opened(bench, 120, 60) as pilot:
        await open_form(pilot)
        pilot.app.screen.query_one(Form).focus_on(ADD)
        await pilot.press(*"weight_dec")
        await until_shown(pilot, "training.weight_decay: a number, default 0")
        await pilot.press("right", "enter")
        await until(
            pilot, lambda: "training.weight_decay" in pilot.app.screen.query_one(Form).rows, ""
        )
        await pilot.press(*"0.1")
        await until_shown(pilot, "  weight_decay: 0.1")
        pilot.app.screen.query_one(Form).focus_on(ADD)
        await pilot.press(*"use_dora=true", "enter")
        await until_shown(pilot, "  use_dora: true")
        pilot.app.screen.query_one(Form).focus_on(ADD)
        await pilot.press(*"weight_decoy", "enter")
        await until_shown(pilot, "did you mean weight_decay?")
        assert "training.weight_decoy" not in pilot.app.screen.query_one(Form).rows


async def test_the_tree_shows_what_the_field_can_take(bench: Bench, here: Path) -> None:
    for name in (".hidden.jsonl", "program.py", "[b]more.parquet"):
        (here / name).touch()
    async with opened(bench) as pilot:
        await open_form(pilot)
        await until_shown(pilot, "[b]more.parquet")
        shown = screen(pilot)
        assert "sums.yaml" in shown
        assert "program.py" not in shown
        assert ".hidden" not in shown
        await pilot.press("down")
        await until(pilot, lambda: pilot.app.screen.query_one(PathTree).has_focus, "in the tree")
        await pilot.press("escape")
        pilot.app.screen.query_one(Form).focus_on("model.name")
        await until(pilot, lambda: "sums.yaml" not in screen(pilot), "model folders alone")
        await until_shown(pilot, "base  model")
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: typed(pilot, "model.name") == "./base", "taken")
        await pilot.press("down", "left")
        await until_shown(pilot, f"a model folder: {here.parent}"[:40])
        pilot.app.screen.query_one(Form).focus_on("adapter.r")
        await until(pilot, lambda: not pilot.app.screen.query_one(PathTree).is_on_screen, "gone")


async def test_f2_saves_a_spec_that_runs_again(bench: Bench, here: Path) -> None:
    async with opened(bench) as pilot:
        await open_form(pilot)
        await pilot.press("f2")
        await until_said(pilot, "nothing to save")
        put(pilot, "model.name", "./base")
        put(pilot, "data.train", "sums.jsonl")
        put(pilot, "name", "My [run]")
        await pilot.press("f2")
        await until_said(pilot, f"saved as {here / 'my-run.yaml'}"[:60])
        assert specs.load(here / "my-run.yaml").name == "My [run]"


async def test_what_was_typed_is_not_lost_unasked(bench: Bench, here: Path) -> None:
    async with opened(bench, 80, 24) as pilot:
        await open_form(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        for answers, leaves in ((["n"], False), (["escape"], True), (["y"], True)):
            await open_form(pilot)
            put(pilot, "name", "x")
            await pilot.press("escape")
            await until(pilot, lambda: "Leave?" in note(pilot), "asked")
            await pilot.press(*answers)
            await pilot.pause()
            assert isinstance(pilot.app.screen, HomeScreen) is leaves
            if not leaves:
                assert typed(pilot, "name") == "x"
                await pilot.press("escape", "y")
                await pilot.pause()


# --- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (60, 16)])
async def test_the_form_can_be_used_at_every_size(
    bench: Bench, here: Path, width: int, height: int
) -> None:
    async with opened(bench, width, height, ascii_only=True) as pilot:
        await open_form(pilot)
        await pilot.press(*"sums.yaml", "enter")
        await until_ready(pilot, READY)
        assert "[ Queue it ]" in screen(pilot)
        form = pilot.app.screen.query_one(Form)
        for key in ("model.name", "data.train", "training.seed", ADD):
            field = form.rows[key].input
            form.focus_on(key)
            await until(pilot, partial(seen_in, form, field), key)
        await pilot.press("f3")
        await until_shown(pilot, "119 rows are the same")
        await until_shown(pilot, "  name: sums")
        assert screen(pilot).isascii()
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, NewScreen)


async def test_readonly_opens_no_form(bench: Bench, here: Path) -> None:
    bench.job("sums", S.COMPLETED)
    async with opened(bench, readonly=True) as pilot:
        await until_shown(pilot, "completed")
        for key in ("n", "d"):
            await pilot.press(key)
            await until_said(pilot, "--readonly")
            assert isinstance(pilot.app.screen, HomeScreen)


async def test_tab_goes_through_every_field_to_the_last_row(bench: Bench, here: Path) -> None:
    async with opened(bench) as pilot:
        await open_form(pilot)
        form = pilot.app.screen.query_one(Form)
        seen = []
        for _ in form.rows:
            focused = pilot.app.screen.focused
            assert isinstance(focused, Input)
            seen.append(focused)
            await pilot.press("tab")
        assert seen == [row.input for row in form.rows.values()]
        assert pilot.app.screen.query_one(SubmitRow).has_focus
