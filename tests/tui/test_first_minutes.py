"""A deck without jobs, the demo by a key, the clipboard, and what `--readonly` refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import MachineError
from engine.spec import load
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, screen, until, until_said, until_shown
from tui.app import DeckApp
from tui.keymap import keymap
from tui.keys import NEW
from tui.screens.acting import READONLY
from tui.screens.base import DeckScreen
from tui.screens.home import HomeScreen
from tui.widgets.note_line import NoteLine

S = JobState
ROOT = Path(__file__).parent.parent.parent


async def test_an_empty_deck_says_what_to_press(bench: Bench) -> None:
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "No jobs yet.")
        shown = screen(pilot)
        for words in ("D   fine-tune the bundled", "n   start a job", "?   what a job is"):
            assert words in shown
        assert "goes on when the deck is closed. q closes it" in shown


async def test_an_empty_deck_names_the_keys_that_the_user_has(bench: Bench) -> None:
    bench.store.config_file.write_text('[keys]\nnew = "N"\nquit_deck = "Q"\n')
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "N   start a job")
        assert "Q closes it" in screen(pilot)


async def test_an_empty_deck_proposes_nothing_that_readonly_refuses(bench: Bench) -> None:
    async with opened(bench, 80, 24, readonly=True) as pilot:
        await until_shown(pilot, "No jobs yet.")
        assert "fine-tune the bundled" not in screen(pilot)
        assert "start a job" not in screen(pilot)


async def test_d_queues_the_demo_of_the_command_line_and_highlights_it(bench: Bench) -> None:
    from engine.demo.submission import SPEC

    bench.job("other", S.RUNNING, step=5)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("D")
        await until_said(pilot, "is queued")
        home = pilot.app.screen
        assert isinstance(home, HomeScreen)
        await until(pilot, lambda: home.current and home.current.id != "other", "it is highlighted")
        await until(pilot, lambda: len(bench.store.jobs()) == 2)
        made = next(job for job in bench.store.jobs() if "other" not in job.id)
        assert home.current is not None
        assert home.current.id == made.id
        assert load(made.spec_file).to_yaml() == load(SPEC).to_yaml()
        assert made.control().by == "deck"


async def test_two_impatient_keys_queue_one_demo(bench: Bench) -> None:
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "No jobs yet.")
        assert isinstance(pilot.app, DeckApp)
        pilot.app.run_demo()
        pilot.app.run_demo()
        await until_said(pilot, "is queued")
        assert len(bench.store.jobs()) == 1


async def test_a_demo_that_cannot_be_queued_says_why_and_can_be_tried_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.demo import submission

    def full(*_: object, **__: object) -> None:
        raise MachineError("the disk is full", "free some space")

    monkeypatch.setattr(submission, "queue_demo", full)
    async with opened(bench, 80, 24) as pilot:
        for _ in range(2):
            await pilot.press("D")
            await until_said(pilot, "the disk is full: free some space")
            pilot.app.screen.query_one(NoteLine).clear()


async def test_y_copies_the_id_and_says_so(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 100, 24, ascii_only=True) as pilot:
        await until_shown(pilot, "> running")
        await pilot.press("y")
        await until_said(pilot, f"copied {job.id}")
        assert pilot.app.clipboard == job.id


# --- readonly ---------------------------------------------------------------------------------------


async def test_readonly_refuses_every_acting_key_of_every_screen_and_tab(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=5, checkpoint=5)
    files = {path: path.stat().st_mtime_ns for path in job.folder.rglob("*") if path.is_file()}
    refused = set()
    async with opened(bench, 120, 40, readonly=True) as pilot:
        await until_shown(pilot, "‖ paused")
        for way in ("", "enter", *map(str, range(2, 8))):
            await pilot.press(*([way] if way else []))
            await pilot.pause()
            shown = pilot.app.screen
            assert isinstance(shown, DeckScreen)
            footer = screen(pilot).splitlines()[-1]
            for name in shown.table_names:
                for key in (key for key in keymap({}).of(name) if key.acts):
                    assert f"{key.shown} {key.label}" not in footer
                    if (name, key.action) in refused:
                        continue
                    shown.query_one(NoteLine).clear()
                    await pilot.press(key.keys[0])
                    assert note(pilot) == READONLY, key.action
                    assert not shown.query_one(NoteLine).asking
                    assert pilot.app.screen is shown, key.action
                    refused.add((name, key.action))
    assert {action for _, action in refused} >= {"pause", "resume", "cancel", "export", "demo"}
    assert {action for _, action in refused} >= {"resume_here", "export_here", "remove"}
    assert files == {path: path.stat().st_mtime_ns for path in files}
    assert len(bench.store.jobs()) == 1


async def test_readonly_opens_no_screen_that_makes_a_job(bench: Bench) -> None:
    async with opened(bench, 80, 24, readonly=True) as pilot:
        await until_shown(pilot, "No jobs yet.")
        await pilot.press("n")
        await until_said(pilot, READONLY)
        assert isinstance(pilot.app.screen, DeckScreen)
        assert pilot.app.screen.table_name != NEW


# --- how it is started --------------------------------------------------------------------------------


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def test_both_helps_name_the_same_options() -> None:
    options = ("--job", "--home", "--readonly", "--ascii", "--no-mouse", "--theme")
    for module in ("tui", "engine.cli"):
        said = run(module, "--help").stdout
        assert all(option in said for option in options), module
        assert "colour-blind" in said.replace("\n", "").replace(" ", "")


def test_an_option_of_the_deck_is_no_option_of_a_command() -> None:
    ran = run("engine.cli", "--readonly", "ls")
    assert ran.returncode == 2
    assert "--readonly is an option of the deck" in ran.stderr


@pytest.mark.parametrize(
    ("jobs", "words"),
    [(1, "1 job goes on; tunedeck shows it again"), (2, "2 jobs go on; tunedeck shows them again")],
)
async def test_q_says_that_jobs_go_on(
    bench: Bench, capsys: pytest.CaptureFixture[str], jobs: int, words: str
) -> None:
    for _ in range(jobs):
        bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "▶ running")
        assert "q Quit" in screen(pilot).splitlines()[-1]
        assert note(pilot) == ""
        await pilot.press("q")
    assert words in capsys.readouterr().err
