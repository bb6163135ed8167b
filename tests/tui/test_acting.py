"""What the keys do to marked jobs, deletion, and that every key answers in every state."""

from functools import partial

import pytest
from textual.pilot import Pilot

from engine import actions
from engine.control import Desired
from engine.job import Job
from engine.lock import Lock
from engine.status import JobState, JobStatus
from engine.store import Store
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, row_with, screen, until, until_said, until_shown
from tui import text
from tui.keys import HOME, JOB, Key, keys_of
from tui.screens.answers import Outcome
from tui.screens.base import DeckScreen
from tui.screens.home import HomeScreen
from tui.widgets.job_table import JobTable
from tui.widgets.note_line import NoteLine

S = JobState


def footer(pilot: Pilot[int]) -> str:
    return screen(pilot).splitlines()[-1]


async def test_marks_stay_with_their_jobs_and_esc_clears_them(bench: Bench) -> None:
    bench.job("aaa", S.RUNNING, step=9)
    bench.job("bbb", S.PAUSED, step=9, checkpoint=9)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("space", "space")
        assert "2 marked" in screen(pilot)
        await pilot.press("s")
        assert "│* ▶ running" in row_with(pilot, "aaa")
        assert "│* ‖ paused" in row_with(pilot, "bbb")
        assert "Compare" in footer(pilot)
        await pilot.press("escape")
        assert "marked" not in screen(pilot)
        assert "│* " not in screen(pilot)
        await pilot.press("escape")
        await until_said(pilot, "there is no filter and no mark to clear")


async def test_a_key_acts_on_all_that_are_marked_and_says_why_not_on_others(bench: Bench) -> None:
    one = bench.job("one", S.RUNNING, step=9)
    two = bench.job("two", S.QUEUED)
    done = bench.job("done", S.COMPLETED, step=9)
    alone = bench.job("alone", S.RUNNING, step=9, ago=9000)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "✓ completed")
        table = pilot.app.screen.query_one(JobTable)
        for job in (one, two, done):
            table.select(job.id)
            await pilot.press("space")
        await pilot.press("p")
        why = f"1 not: {text.short_id(done.id)} is completed already"
        await until_said(pilot, f"pausing 1, paused 1; {why}")
        assert one.control().desired is two.control().desired is Desired.PAUSE
        assert alone.control().desired is Desired.RUN
        await until_shown(pilot, "‖ paused")
        assert "1 not:" in note(pilot), "the reason is not overwritten by what was paused at once"
        bench.set(one, state=S.PAUSED, ack_request_id=one.control().request_id, checkpoint_step=9)
        bench.die(one)
        await until_said(pilot, "is paused with checkpoint 9")


async def test_marked_jobs_that_the_filter_hides_are_left_alone(bench: Bench) -> None:
    shown = bench.job("shown", S.RUNNING, step=9)
    hidden = bench.job("hidden", S.RUNNING, step=9)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "hidden")
        await pilot.press("space", "space", "slash", *"shown", "enter")
        await until_shown(pilot, "2 marked (1 hidden)")
        await pilot.press("p")
        await until_said(pilot, "pausing 1; 1 not: 1 marked job is hidden by the filter")
        assert shown.control().desired is Desired.PAUSE
        assert hidden.control().desired is Desired.RUN


async def test_cancel_of_several_names_them_and_only_y_does_it(bench: Bench) -> None:
    jobs = [bench.job(f"run-{n}", S.RUNNING, step=9, checkpoint=5) for n in range(3)]
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "run-2")
        await pilot.press("space", "space", "space", "x")
        await until_said(pilot, "Cancel 3 jobs, unsaved")
        for job in jobs:
            assert text.short_id(job.id) in screen(pilot)
        words = " ".join(screen(pilot).split())
        assert "The checkpoints of 3 stay. y yes n no" in words, "the question is never cut"
        await pilot.press("n")
        await until_said(pilot, "all 3 go on as they were")
        assert all(job.control().desired is Desired.RUN for job in jobs)
        await pilot.press("x", "y")
        await until_said(pilot, "cancelling 3")
        assert all(job.control().desired is Desired.CANCEL for job in jobs)


async def test_several_are_resumed_in_the_order_in_which_they_stand(bench: Bench) -> None:
    first = bench.job("first", S.PAUSED, step=9, checkpoint=9, ago=100)
    second = bench.job("second", S.PAUSED, step=9, checkpoint=9, ago=200)
    bench.job("waits", S.QUEUED)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "○ queued")
        await pilot.press("j", "space", "space", "r")
        await until_said(pilot, "queued 2")
        assert first.control().order < second.control().order


async def test_several_exports_at_once_are_asked_about(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported: list[str] = []

    def export(store: Store, job: Job, kinds: tuple[str, ...]) -> None:
        exported.append(job.id)

    monkeypatch.setattr(actions, "export", export)
    jobs = [bench.job(f"done-{n}", S.COMPLETED, step=9, checkpoint=9) for n in range(2)]
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "done-1")
        await pilot.press("space", "space", "e")
        await until_said(pilot, "Export 2 jobs")
        await pilot.press("n")
        await until_said(pilot, "nothing was exported")
        await pilot.press("e", "y")
        await until_said(pilot, "exporting 2")
        assert sorted(exported) == sorted(job.id for job in jobs)


async def test_c_compares_what_is_marked_or_says_what_is_missing(bench: Bench) -> None:
    jobs = [bench.job(f"run-{n}", S.RUNNING, step=9) for n in range(2)]
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "run-1")
        await pilot.press("c")
        await until_said(pilot, "comparing needs 2 marked jobs or more, none is: space marks")
        await pilot.press("space", "c")
        await until_said(pilot, "one is")
        compared: list[str] = []
        pilot.app.open_compare = lambda views: compared.extend(v.id for v in views)  # type: ignore[attr-defined]
        await pilot.press("space", "c")
        assert sorted(compared) == sorted(job.id for job in jobs)


# --- deletion -------------------------------------------------------------------------------------


async def test_deletion_names_what_goes_and_needs_y(bench: Bench) -> None:
    job = bench.job("done", S.COMPLETED, step=9, checkpoint=9)
    builder.export(job, "adapter")
    bench.job("stays", S.PAUSED, step=9)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "✓ completed")
        await pilot.press("G", "X")
        await until_said(pilot, f"Delete {text.short_id(job.id)} for good: 1 checkpoint, 1 export,")
        assert "KiB?" in note(pilot)
        await pilot.press("enter")
        await until_said(pilot, "nothing was deleted")
        assert job.folder.exists()
        await pilot.press("X")
        await until_said(pilot, "Delete")
        await pilot.press("y")
        await until_said(pilot, "are free again")
        assert not job.folder.exists()
        await until(pilot, lambda: "✓ completed" not in screen(pilot), "its row is gone")


async def test_what_still_works_is_not_deleted(bench: Bench) -> None:
    runs = bench.job("runs", S.RUNNING, step=9)
    gone = bench.job("gone", S.FAILED, step=9)
    exports = bench.job("exports", S.COMPLETED, step=9, checkpoint=9)
    held = Lock.take(exports.export_lock)
    assert held is not None
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "✓ completed")
        await pilot.press("space", "space", "space", "X")
        await until_said(pilot, "Delete 2 jobs")
        await pilot.press("y")
        await until_said(pilot, "deleted 1; 2 not:")
        assert "has a living worker" in note(pilot)
        assert "has a running export" in note(pilot)
        assert runs.folder.exists()
        assert exports.folder.exists()
        assert not gone.folder.exists()
        assert "1 job" not in footer(pilot)
    held.close()


def test_reasons_are_counted_beyond_the_first() -> None:
    outcome = Outcome(done=["paused"] * 2, not_done=[f"job-{n} is running" for n in range(5)])
    assert outcome.said().endswith("job-2 is running; and 2 more")
    assert outcome.said().startswith("paused 2; 5 not: job-0 is running; ")


# --- every key, in every state --------------------------------------------------------------------

DONE = {"cancel": "cancelling", "pause": "pausing", "resume": "queued", "export": "exporting"}


@pytest.fixture
def verbs_done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verbs that were done; nothing starts a process or touches a job."""
    done: list[str] = []

    def pretend(verb: str) -> object:
        def do(*args: object, **kwargs: object) -> object:
            done.append(verb)
            return JobStatus(state=S.QUEUED if verb == "resume" else S.PAUSED)

        return do

    for verb in ("pause", "resume", "cancel", "export", "remove"):
        monkeypatch.setattr(actions, verb, pretend(verb))
    return done


def acting_keys(screen_name: str) -> list[Key]:
    return [key for key in keys_of(screen_name) if key.verb in {*DONE, "remove"}]


@pytest.mark.parametrize(
    ("screen_name", "state"), [*((HOME, state) for state in S), (JOB, S.PAUSED), (JOB, S.FAILED)]
)
async def test_every_verb_is_done_or_says_why_not_in_every_state(
    bench: Bench, verbs_done: list[str], state: S, screen_name: str
) -> None:
    job = bench.job("some", state, step=0 if state is S.QUEUED else 5)
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, f" {state}")
        if screen_name == JOB:
            await pilot.press("enter")
        possible = actions.verbs(job.observed(), has_checkpoint=False)
        for key in acting_keys(screen_name):
            verb, why_not = key.verb or "", possible[key.verb or ""]
            shown = [entry for entry in footer(pilot).split("  ") if entry.strip()]
            in_footer = f"{key.shown} {key.label}" in [entry.strip() for entry in shown]
            pilot.app.screen.query_one(NoteLine).clear()
            verbs_done.clear()
            await pilot.press(key.keys[0])
            if why_not is not None:
                await until_said(pilot, why_not)
                assert not verbs_done
                assert not in_footer, f"{key.label} is not possible, and stands in the footer"
                continue
            if key.asks:
                await until(pilot, lambda: pilot.app.screen.query_one(NoteLine).asking, verb)
                await pilot.press("y")
            await until(pilot, partial(verbs_done.__eq__, [verb]), verb)
            await until(pilot, lambda: note(pilot), "and it is said")


async def test_edit_is_about_the_highlighted_job_whatever_is_marked(bench: Bench) -> None:
    bench.job("runs", S.RUNNING, step=9)
    bench.job("rests", S.PAUSED, step=9, checkpoint=9)
    edit = next(key for key in keys_of(HOME) if key.action == "edit")
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        home = pilot.app.screen
        assert isinstance(home, HomeScreen)
        await pilot.press("space", "k")
        assert home.why_not(edit)
        await pilot.press("j")
        assert home.why_not(edit) is None


MOVES = frozenset({"down", "up", "page_down", "page_up", "top", "bottom"})
TRIED_ELSEWHERE = frozenset({"quit_deck", "demo", "copy"})


@pytest.mark.parametrize("state", [None, S.RUNNING])
async def test_every_key_of_home_does_something_that_is_seen(
    bench: Bench, verbs_done: list[str], state: S | None
) -> None:
    """A key changes the picture, opens another screen, or says why not."""
    if state is not None:
        for name in ("above", "some", "below"):
            bench.job(name, state, step=0 if state is S.QUEUED else 5)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, state or "No jobs yet.")
        home = pilot.app.screen
        assert isinstance(home, HomeScreen)
        table, line = home.query_one(JobTable), home.query_one(NoteLine)

        def seen(before: str) -> bool:
            return pilot.app.screen is not home or line.asking or screen(pilot) != before

        for key in keys_of(HOME):
            if key.action in TRIED_ELSEWHERE or (state is None and key.action in MOVES):
                continue
            line.clear()
            table.move(-9)
            table.move(1 if key.action != "bottom" else 0)
            await pilot.pause()
            before = screen(pilot)
            await pilot.press(key.keys[0])
            await until(pilot, partial(seen, before), f"{key.shown} in {state}")
            if line.asking:
                await pilot.press("n")
            while pilot.app.screen is not home:
                pilot.app.pop_screen()
                await pilot.pause()
            table.focus()


async def test_keys_say_that_there_is_no_job(bench: Bench) -> None:
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "No jobs yet.")
        for key in keys_of(HOME):
            asks_for_a_job = key.verb is not None or key.action in {"open", "log", "copy", "mark"}
            if asks_for_a_job or key.action in {"filter", "sort", "turn"}:
                await pilot.press(key.keys[0])
                await until_said(pilot, "there is no job yet")
                assert isinstance(pilot.app.screen, HomeScreen)
                assert isinstance(pilot.app.screen, DeckScreen)
                assert pilot.app.screen.why_not(key)
                pilot.app.screen.query_one(NoteLine).clear()
