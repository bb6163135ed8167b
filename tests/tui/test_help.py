"""Help: what is needed here first, and nothing that is not so."""

from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import opened, rows_of, screen, until_shown
from tui.keys import KEYS

S = JobState


async def test_it_begins_with_what_a_job_is_and_with_the_keys_of_the_screen(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 120, 40) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("question_mark")
        await until_shown(pilot, "A job is one fine-tune")
        shown = screen(pilot)
        assert "goes on when the deck is closed" in shown
        assert shown.index("Keys on Home") < shown.index("Keys everywhere")
        await pilot.press("escape", "enter", "question_mark")
        await until_shown(pilot, "A job is one fine-tune")
        titles = [row.strip() for row in rows_of(pilot) if row.strip().startswith("Keys on")]
        assert titles[0].startswith("Keys on Job")


async def test_every_key_of_the_table_is_explained(bench: Bench) -> None:
    async with opened(bench, 200, 200) as pilot:
        await pilot.press("question_mark")
        await until_shown(pilot, "States")
        shown = screen(pilot)
        for key in KEYS:
            assert key.says in shown, key.action


async def test_it_says_where_things_are(bench: Bench) -> None:
    async with opened(bench, 200, 200) as pilot:
        await pilot.press("question_mark")
        await until_shown(pilot, "Where things are")
        shown = screen(pilot)
        assert str(bench.store.config_file) in shown
        assert str(bench.store.jobs_folder) in shown
        assert str(bench.store.supervisor_log) in shown


async def test_every_state_is_explained_with_its_sign(bench: Bench) -> None:
    async with opened(bench, 120, 200) as pilot:
        await pilot.press("question_mark")
        await until_shown(pilot, "States")
        below = screen(pilot).partition("States")[2]
        assert all(f" {state} " in below for state in S)
        assert "▶ running" in below


async def test_it_scrolls_to_its_end_at_80x24(bench: Bench) -> None:
    async with opened(bench, 80, 24) as pilot:
        await pilot.press("question_mark")
        await until_shown(pilot, "scroll")
        assert "queue's log" not in screen(pilot)
        await pilot.press("G")
        await until_shown(pilot, "queue's log")
        assert all(len(row.rstrip()) <= 80 for row in rows_of(pilot))
        await pilot.press("g")
        await until_shown(pilot, "A job is one fine-tune")


async def test_other_keys_are_shown_as_the_user_has_them(bench: Bench) -> None:
    bench.store.config_file.write_text('[keys]\npause = "P"\nback = ["B", "esc"]\n')
    async with opened(bench, 120, 60) as pilot:
        await pilot.press("question_mark")
        await until_shown(pilot, "Keys on Home")
        shown = screen(pilot)
        assert "  P         Pause" in shown
        assert "  p         Pause" not in shown
        assert "B goes back" in shown
        await pilot.press("B")
        await until_shown(pilot, "No jobs yet.")
