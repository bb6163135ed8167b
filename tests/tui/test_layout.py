"""What stands where, in every screen and tab and at every size: nothing runs out of the terminal or is cut."""

import itertools

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from engine.status import Failure, JobState
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, rows_of, screen, until, until_shown
from tui import feed
from tui.app import DeckApp
from tui.keys import SAMPLES, TABS, TITLES
from tui.messages import DetailsChanged, JobsChanged, LogGrew, MemoryGrew, MetricsGrew
from tui.screens.base import DeckScreen
from tui.screens.home import HomeScreen
from tui.screens.job import JobScreen
from tui.widgets.columns import GUTTER
from tui.widgets.job_table import JobTable
from tui.widgets.key_bar import KeyBar

S = JobState
SIZES = [(80, 24), (120, 40), (200, 50)]
WIDE = "日本語のモデル🦙"
"""A name whose letters take two cells each."""

HEARD = (DetailsChanged, LogGrew, MetricsGrew, MemoryGrew)


@pytest.fixture
def busy(bench: Bench) -> Bench:
    """Jobs in every state, with names of every kind; the first of them has everything."""
    first = bench.job("gsm8k", S.RUNNING, step=400, checkpoint=400, order=1.0)
    builder.remember(first, 400, 1000, gpu=True)
    builder.answer(first)
    builder.export(first, "adapter")
    first.append_event("state", state="running", step=0, attempt=1)
    first.append_event("checkpoint", step=400, size_bytes=2048)
    bench.job(WIDE, S.PAUSED, step=300, checkpoint=300, model=f"org/{WIDE}")
    bench.job("[/x] [lr=1e-4]", S.QUEUED)
    bench.job("a-very-long-name-" * 4, S.COMPLETED, step=1000, model="an-organisation/" + "m" * 60)
    error = Failure(message="CUDA out of memory " + "in a very long sentence " * 8, hint="batch 1")
    bench.job("broke", S.FAILED, step=12, error=error)
    for state in (S.STARTING, S.PAUSING, S.CANCELLING, S.CANCELLED, S.INTERRUPTED):
        bench.job(f"is-{state}", state, step=7)
    return bench


def assert_fits(pilot: Pilot[int], what: str) -> None:
    """Every row has exactly as many cells as the terminal, and nothing in it is a control character."""
    width, height = pilot.app.size
    rows = rows_of(pilot)
    assert len(rows) == height, what
    for row in rows:
        assert cell_len(row) == width, (what, row)
        assert row.isprintable(), (what, row)


def assert_whole_keys(pilot: Pilot[int], what: str) -> None:
    """The footer shows each of its keys whole, and those that matter most are among them."""
    bar = pilot.app.screen.query_one(KeyBar)
    keymap = pilot.app.keymap  # type: ignore[attr-defined]
    known = {f"{key.shown} {key.label}" for name in TITLES for key in keymap.of(name)}
    row = rows_of(pilot)[bar.region.y]
    shown = [one.strip() for one in row.split("  ") if one.strip()]
    assert shown, what
    assert not [one for one in shown if one not in known], (what, shown)


def assert_aligned(pilot: Pilot[int], what: str) -> None:
    """Before a column of the table is a gap, in every row at the same cell; words may reach over figures."""
    table = pilot.app.screen.query_one(JobTable)
    region = table.region
    rows = [_by_cell(row)[region.x : region.right] for row in rows_of(pilot)]
    rows = rows[region.y : region.bottom]
    assert len(rows) > 2, what
    begin = GUTTER
    for column, width in table.plan:
        begin += column.gap
        for row in rows if column.key in ("state", "name", "model", "doing") else rows[:1]:
            assert row[begin - 1] == " ", (what, column.key, "".join(row))
        begin += width


def _by_cell(row: str) -> list[str]:
    """One entry for each cell; the second cell of a wide letter is NUL."""
    cells: list[str] = []
    for char in row:
        width = cell_len(char)
        if width:
            cells += [char, *["\0"] * (width - 1)]
    return cells


async def every_screen(pilot: Pilot[int]) -> None:
    """Open every screen and tab in turn, and look at it."""
    app = pilot.app
    assert isinstance(app, DeckApp)

    async def look(what: str) -> None:
        await pilot.pause()
        assert_fits(pilot, what)
        if app.screen.query(KeyBar):
            assert_whole_keys(pilot, what)

    await until(pilot, lambda: all(kind in app.latest for kind in HEARD))
    await look("home")
    assert_aligned(pilot, "home")
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, JobScreen))
    for number, tab in enumerate(TABS, start=1):
        await pilot.press(str(number))
        await until_shown(
            pilot, f"[{number} {TITLES[tab]}]" if app.size.width > 90 else TITLES[tab]
        )
        await look(tab)
    for open_it, what in (
        (app.open_help, "help"),
        (lambda: app.open_compare(app.latest[JobsChanged].jobs), "compare"),  # type: ignore[attr-defined]
        (app.open_new, "new"),
        (app.open_palette, "palette"),
    ):
        open_it()
        await until(pilot, lambda: not isinstance(app.screen, JobScreen | HomeScreen), what)
        await pilot.pause(0.2)
        await look(what)
        app.pop_screen()
        await pilot.pause()


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_nothing_runs_out_of_the_terminal_or_is_cut(
    busy: Bench, width: int, height: int
) -> None:
    async with opened(busy, width, height, job="gsm8k") as pilot:
        await until_shown(pilot, "▶ running")
        shown = screen(pilot)
        assert "jobs" in shown
        assert "loss" in shown
        assert "memory" in shown
        await every_screen(pilot)


async def test_with_ascii_it_is_the_same(busy: Bench) -> None:
    async with opened(busy, 80, 24, job="gsm8k", ascii_only=True) as pilot:
        await until_shown(pilot, "> running")
        await every_screen(pilot)


# --- selection ------------------------------------------------------------------------------------


async def test_the_same_job_stays_highlighted_while_others_come_go_and_change_places(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "TICK_SECONDS", 0.02)
    jobs = [bench.job(f"job-{n}", S.RUNNING, step=10 * n + 10) for n in range(6)]
    mine = jobs[3]
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "job-3")
        table = pilot.app.screen.query_one(JobTable)
        table.select(mine.id)
        await pilot.press("s")
        others = [job for job in jobs if job is not mine]
        states = itertools.cycle([S.PAUSED, S.RUNNING, S.FAILED, S.QUEUED])
        for refresh in range(50):
            other = others[refresh % len(others)]
            if refresh % 7 == 6:
                if other.id in bench.locks:
                    bench.die(other)
                bench.store.remove(other)
                others.remove(other)
                others.append(bench.job(f"new-{refresh}", S.PAUSED, step=refresh + 1))
            else:
                bench.set(
                    other, state=next(states), step=refresh * 17 % 900, loss=9.0 - refresh / 9
                )
            if refresh % 10 == 9:
                await pilot.press("S" if refresh % 20 == 9 else "s")
            pilot.app.feed.look_again()  # type: ignore[attr-defined]
            await until(pilot, lambda: _steps(pilot) == _stored(bench), "every job is seen")
            assert table.selected == mine.id, refresh
            home = pilot.app.screen
            assert isinstance(home, HomeScreen)
            assert home.current is not None
            assert home.current.id == mine.id, refresh


def _steps(pilot: Pilot[int]) -> dict[str, int]:
    """The step of every job, as the deck knows it."""
    jobs = pilot.app.latest[JobsChanged].jobs  # type: ignore[attr-defined]
    return {job.id: job.status.step for job in jobs}


def _stored(bench: Bench) -> dict[str, int]:
    return {job.id: job.stored().step for job in bench.store.jobs()}


# --- resizing -------------------------------------------------------------------------------------


async def test_a_tiny_terminal_and_back_leaves_every_screen_as_it_was(busy: Bench) -> None:
    for job in busy.store.jobs():  # nothing works: nothing moves
        if job.id in busy.locks:
            busy.die(job)
        busy.set(job, state=S.PAUSED)
    async with opened(busy, 100, 30, job="gsm8k") as pilot:
        app = pilot.app
        assert isinstance(app, DeckApp)
        await until(pilot, lambda: all(kind in app.latest for kind in HEARD))
        await _there_and_back(pilot, "home")
        await pilot.press("enter")
        job_screen = app.screen
        assert isinstance(job_screen, JobScreen)
        for number, tab in enumerate(TABS, start=1):
            if tab == SAMPLES and not job_screen.details.samples:
                continue
            await pilot.press(str(number))
            await _there_and_back(pilot, tab)
        for open_it, what in ((app.open_help, "help"), (app.open_new, "new")):
            open_it()
            await until_shown(pilot, "is missing" if what == "new" else "Help  ")
            await _there_and_back(pilot, what)
            app.pop_screen()
            await pilot.pause()


async def _there_and_back(pilot: Pilot[int], what: str) -> None:
    await pilot.pause()
    focused = pilot.app.focused
    before = _still(pilot)
    await pilot.resize_terminal(20, 5)
    await pilot.pause()
    assert_fits(pilot, what)
    await pilot.resize_terminal(100, 30)
    await until(pilot, lambda: len(rows_of(pilot)) == 30)
    assert pilot.app.focused is focused, what
    await until(
        pilot, lambda: _still(pilot) == before, f"{what} is as it was:\n" + "\n".join(before)
    )
    assert isinstance(pilot.app.screen, DeckScreen)


def _still(pilot: Pilot[int]) -> list[str]:
    """The rows without the machine's own figures, which move by themselves."""
    return [row for row in rows_of(pilot) if "memory" not in row and " ago" not in row]
