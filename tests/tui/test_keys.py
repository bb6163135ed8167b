from engine.control import Desired
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, screen, until_said, until_shown
from tui.keys import (
    CHARTS,
    CHECKPOINTS,
    DATA,
    EDIT,
    EVENTS,
    EXPORTS,
    HELP,
    HOME,
    JOB,
    KEYS,
    LOG,
    NEW,
    NO,
    SAMPLES,
    SPEC,
    TITLES,
    YES,
    bindings_of,
    keys_of,
)
from tui.screens.edit import EditScreen
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.screens.job import JobScreen
from tui.screens.new import NewScreen
from tui.tabs.charts import ChartsTab
from tui.tabs.checkpoints import CheckpointsTab
from tui.tabs.data import DataTab
from tui.tabs.events import EventsTab
from tui.tabs.exports import ExportsTab
from tui.tabs.log import LogTab
from tui.tabs.samples import SamplesTab
from tui.tabs.spec import SpecTab
from tui.widgets.job_table import JobTable

S = JobState
SCREENS = {
    HOME: HomeScreen,
    JOB: JobScreen,
    CHARTS: ChartsTab,
    LOG: LogTab,
    SPEC: SpecTab,
    CHECKPOINTS: CheckpointsTab,
    EXPORTS: ExportsTab,
    EVENTS: EventsTab,
    DATA: DataTab,
    SAMPLES: SamplesTab,
    NEW: NewScreen,
    EDIT: EditScreen,
    HELP: HelpScreen,
}


def test_no_key_means_two_things_on_one_screen() -> None:
    for name in TITLES:
        used = [key for entry in keys_of(name) for key in entry.keys]
        assert len(used) == len(set(used)), name


def test_every_key_of_the_table_has_its_action_on_every_screen_it_names() -> None:
    for name, kind in SCREENS.items():
        for entry in keys_of(name):
            assert callable(getattr(kind, f"action_{entry.action}", None)), (name, entry.action)


def test_nothing_is_bound_beside_the_table() -> None:
    for name, kind in SCREENS.items():
        own = kind.__dict__["BINDINGS"]
        assert [binding.key for binding in own] == [b.key for b in bindings_of(name)]  # type: ignore[union-attr]


def test_the_key_that_asks_is_never_the_key_that_answers_yes() -> None:
    asking = {key for entry in KEYS if entry.action == "cancel" for key in entry.keys}
    assert YES not in asking
    assert YES not in NO


def test_keys_that_terminals_and_multiplexers_eat_are_not_used() -> None:
    """As a second way to the same action they do no harm."""
    assert not {entry.keys[0] for entry in KEYS if entry.keys[0].startswith(("ctrl+", "alt+"))}
    assert not {key for entry in KEYS for key in entry.keys if key.startswith("alt+")}


async def test_x_then_y_cancels_and_nothing_else_does(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        for no in ("x", "n", "enter", "escape"):
            await pilot.press("x", no)
            await until_said(pilot, "goes on as it was")
            assert job.control().desired is Desired.RUN
        await pilot.press("x", "p", "j", "q")
        assert note(pilot).startswith("Cancel some")
        await pilot.press("y")
        await until_said(pilot, "cancelling some")
        assert job.control().desired is Desired.CANCEL
        assert job.control().by == "deck"
        await until_shown(pilot, "◌ cancelling")


async def test_p_pauses_and_says_what_happens(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("p")
        await until_said(pilot, "pausing some")
        assert job.control().desired is Desired.PAUSE
        await until_shown(pilot, "◑ pausing")
        bench.set(job, state=S.PAUSED, ack_request_id=job.control().request_id, checkpoint_step=5)
        bench.die(job)
        await until_said(pilot, "is paused with checkpoint 5: r lets it go on")


async def test_one_click_highlights_and_two_open(bench: Bench) -> None:
    bench.job("first", S.RUNNING, step=5)
    second = bench.job("second", S.PAUSED, step=5)
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "‖ paused")
        table = pilot.app.screen.query_one(JobTable)
        await pilot.click(JobTable, offset=(5, 2))
        assert table.selected == second.id
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.click(JobTable, offset=(5, 2), times=2)
        assert isinstance(pilot.app.screen, JobScreen)


async def test_r_queues_a_paused_job_at_the_head(bench: Bench) -> None:
    bench.job("runs", S.RUNNING, step=9)
    bench.job("waits", S.QUEUED)
    job = bench.job("rests", S.PAUSED, step=5, checkpoint=5)
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("G", "r")
        await until_said(pilot, "queued at the head")
        assert job.observed().state is S.QUEUED
        lines = screen(pilot)
        assert lines.index("rests") < lines.index("waits")


async def test_readonly_refuses_every_key_that_acts_and_shows_none(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5, checkpoint=5)
    async with opened(bench, 100, 24, readonly=True) as pilot:
        await until_shown(pilot, "▶ running")
        footer = screen(pilot).splitlines()[-1]
        for entry in keys_of(HOME):
            if not entry.acts:
                continue
            assert f"{entry.shown} {entry.label}" not in footer
            await pilot.press("escape", entry.keys[0])
            await until_said(pilot, "--readonly")
            pilot.app.screen.query_one("#note").clear()  # type: ignore[attr-defined]
        assert not job.control().request_id
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_keys_without_a_job_say_so(bench: Bench) -> None:
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "No jobs yet.")
        for key in ("p", "r", "x", "e", "enter", "l"):
            await pilot.press(key)
            await until_said(pilot, "no job yet")
            pilot.app.screen.query_one("#note").clear()  # type: ignore[attr-defined]


async def test_enter_l_and_escape_walk_through_the_screens(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=5, log="\n".join(f"line {n}" for n in range(200)))
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, JobScreen)
        await pilot.press("l")
        await until_shown(pilot, "line 199")
        await pilot.press("g")
        await until_shown(pilot, "line 0")
        await pilot.press("escape", "escape")
        assert isinstance(pilot.app.screen, HomeScreen)
