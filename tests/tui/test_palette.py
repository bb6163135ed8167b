"""The palette: what it offers, what it refuses, and what it does."""

import json

from textual.pilot import Pilot

from engine.control import Desired
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import opened, row_with, screen, until, until_said, until_shown
from tui.keys import HOME, keys_of
from tui.palette import Palette, entries
from tui.screens.base import DeckScreen
from tui.screens.home import HomeScreen
from tui.screens.job import JobScreen

S = JobState


async def choose(pilot: Pilot[int], words: str, shown: str) -> None:
    """Open the palette, type, and take the first hit."""
    await pilot.press("colon")
    await until(pilot, lambda: isinstance(pilot.app.screen, Palette), "the palette is open")
    await pilot.press(*("space" if character == " " else character for character in words))
    await until_shown(pilot, shown)
    await pilot.press("enter")


async def test_it_offers_every_action_with_its_key_every_job_and_every_theme(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5, checkpoint=5)
    async with opened(bench, 120, 60) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("ctrl+p")
        await until_shown(pilot, "job: pause")
        for key in keys_of(HOME):
            if key.listed:
                row = row_with(pilot, f": {key.label.lower()}")
                assert f" {key.shown} " in row, key.action
        assert "job: open some-" + job.id[-4:] in screen(pilot)
        assert "theme: colour-blind" in screen(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_what_is_typed_finds_and_enter_does_it(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await choose(pilot, "job pau", "job: pause")
        await until_said(pilot, "pausing some")
        assert job.control().desired is Desired.PAUSE


async def test_a_job_is_opened_by_a_part_of_its_name(bench: Bench) -> None:
    bench.job("other", S.RUNNING, step=5)
    bench.job("letters", S.COMPLETED, step=5)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await choose(pilot, "open lett", "job: open letters")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen), "the job is open")
        await until_shown(pilot, "letters")


async def test_the_impossible_is_shown_with_the_reason_and_says_it(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 100, 40) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("colon")
        await until_shown(pilot, "job: resume")
        assert "not now: is running" in row_with(pilot, "job: resume")
        assert "not now: has no checkpoint yet" in row_with(pilot, "job: export")
        await pilot.press("escape")
        await choose(pilot, "resume", "job: resume")
        await until_said(pilot, "is running")
        assert not job.control().request_id


async def test_readonly_offers_nothing_that_acts(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=5, checkpoint=5)
    async with opened(bench, 100, 40, readonly=True) as pilot:
        await until_shown(pilot, "▶ running")
        assert isinstance(pilot.app.screen, DeckScreen)
        offered = {entry.name.partition(": ")[2] for entry in entries(pilot.app.screen)}
        acting = {key.label.lower() for key in keys_of(HOME) if key.acts}
        assert acting
        assert not acting & offered
        assert "help" in offered


async def test_a_chosen_theme_is_there_again_at_the_next_visit(bench: Bench) -> None:
    async with opened(bench, 100, 40) as pilot:
        await choose(pilot, "nord", "theme: nord")
        await until_said(pilot, "the theme is nord")
        assert pilot.app.theme == "nord"
    async with opened(bench, 80, 24) as pilot:
        assert pilot.app.theme == "nord"
    async with opened(bench, 80, 24, theme="dark") as pilot:
        assert pilot.app.theme == "tokyo-night"


async def test_a_later_change_of_the_settings_counts_more_than_an_older_choice(
    bench: Bench,
) -> None:
    async with opened(bench, 100, 40) as pilot:
        await choose(pilot, "nord", "theme: nord")
        await until_said(pilot, "the theme is nord")
    bench.store.config_file.write_text('[deck]\ntheme = "high-contrast"\n')
    async with opened(bench, 80, 24) as pilot:
        assert pilot.app.theme == "high-contrast"


async def test_readonly_remembers_no_theme(bench: Bench) -> None:
    async with opened(bench, 100, 40, readonly=True) as pilot:
        await choose(pilot, "nord", "theme: nord")
        await until_said(pilot, "not remembered")
    if bench.store.deck_file.exists():
        assert "theme" not in json.loads(bench.store.deck_file.read_text())


async def test_names_of_jobs_are_no_markup(bench: Bench) -> None:
    bench.job("x [lr=1e-4] [/foo]", S.RUNNING, step=5, model="[/b] [red]x")
    async with opened(bench, 100, 40) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("colon")
        await until_shown(pilot, "[red]x")
