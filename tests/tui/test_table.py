"""The job table on the screen: where it scrolls, sorts and filters, and what follows the highlighted row."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from engine.status import Failure, JobState
from engine.watch import JobView
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import (
    note,
    opened,
    row_with,
    rows_of,
    screen,
    until,
    until_said,
    until_shown,
)
from tui import text
from tui.caretaker import GRACE_SECONDS, RETRY_SECONDS, Caretaker
from tui.memory import Memory
from tui.messages import JobsChanged
from tui.screens.home import REST_SECONDS, HomeScreen
from tui.screens.job import JobScreen
from tui.widgets.job_table import JobTable

S = JobState


def table_of(pilot: Pilot[int]) -> JobTable:
    return pilot.app.screen.query_one(JobTable)


def names_of(pilot: Pilot[int]) -> list[str]:
    return [text.short_id(job_id).rpartition("-")[0] for job_id in table_of(pilot).ids]


def shown_rows(pilot: Pilot[int]) -> list[str]:
    """The rows of the table's window, without its header."""
    region = table_of(pilot).region
    return rows_of(pilot)[region.y + 1 : region.bottom]


def finished(bench: Bench, count: int) -> None:
    for number in range(count):
        bench.job(f"job-{number:03}", S.COMPLETED, step=5, ago=60 + number)


async def test_the_window_follows_the_highlighted_row_and_has_a_scrollbar(bench: Bench) -> None:
    finished(bench, 40)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "job-000")
        height = len(shown_rows(pilot))
        assert height < 40
        assert "┃" in "".join(shown_rows(pilot))
        await pilot.press("pagedown", "j")
        assert names_of(pilot)[height] == f"job-{height:03}"
        assert f"job-{height:03}" in shown_rows(pilot)[-1]
        await pilot.press("G")
        assert "job-039" in shown_rows(pilot)[-1]
        assert shown_rows(pilot)[-1].rstrip().endswith("┃")
        await pilot.press("k", "g")
        assert "job-000" in shown_rows(pilot)[0]


async def test_the_wheel_looks_elsewhere_and_keeps_the_highlighted_job(bench: Bench) -> None:
    finished(bench, 40)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "job-000")
        selected = table_of(pilot).selected
        for _ in range(4):
            table_of(pilot)._scroll(3)
        await pilot.pause()
        assert "job-012" in shown_rows(pilot)[0]
        assert table_of(pilot).selected == selected
        await pilot.press("j")
        assert "job-001" in "".join(shown_rows(pilot))


async def test_s_sorts_and_the_header_says_by_what(bench: Bench) -> None:
    bench.job("bbb", S.RUNNING, step=9, loss=0.3)
    bench.job("aaa", S.PAUSED, step=9, loss=0.9)
    chosen = bench.job("ccc", S.COMPLETED, step=9, loss=0.1)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "bbb")
        await pilot.press("G")
        await pilot.press("s")
        assert names_of(pilot) == ["aaa", "bbb", "ccc"]
        assert "job ▲" in screen(pilot)
        await pilot.press("S")
        assert names_of(pilot) == ["ccc", "bbb", "aaa"]
        assert "job ▼" in screen(pilot)
        await pilot.press("s", "s")
        assert names_of(pilot) == ["ccc", "bbb", "aaa"]
        assert "loss ▲" in screen(pilot)
        await pilot.press("s", "s", "s")
        assert "by creation ▼" in screen(pilot), "no such column here, so the title says it"
        await pilot.press("s")
        assert names_of(pilot) == ["bbb", "aaa", "ccc"]
        assert "▲" not in screen(pilot)
        assert table_of(pilot).selected == chosen.id


async def test_a_click_on_a_title_sorts_and_another_turns(bench: Bench) -> None:
    bench.job("aaa", S.RUNNING, step=9)
    bench.job("bbb", S.RUNNING, step=9)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "bbb")
        header = rows_of(pilot)[table_of(pilot).region.y]
        await pilot.click(JobTable, offset=(header.index("job") - 1, 0))
        assert names_of(pilot) == ["aaa", "bbb"]
        await pilot.click(JobTable, offset=(header.index("job") - 1, 0))
        assert names_of(pilot) == ["bbb", "aaa"]
        await pilot.click(JobTable, offset=(header.index("model") - 1, 0))
        assert "can be sorted by" in note(pilot)


async def test_a_filter_narrows_as_it_is_typed_and_esc_takes_it_away(bench: Bench) -> None:
    finished(bench, 5)
    keeps = bench.job("keeps", S.PAUSED, step=9, checkpoint=9)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "keeps")
        await pilot.press("slash", *"state:comp")
        await until_shown(pilot, "5 of 6 jobs")
        assert rows_of(pilot)[-1].split() == ["enter", "Keep", "esc", "Clear"]
        assert "keeps" not in "".join(names_of(pilot))
        await pilot.press(*" 003")
        await until_shown(pilot, "1 of 6 jobs")
        await pilot.press("enter")
        assert pilot.app.focused is table_of(pilot)
        assert "Open" in rows_of(pilot)[-1]
        assert "/ state:comp 003" in screen(pilot)
        await pilot.press("escape")
        assert len(names_of(pilot)) == 6
        assert "state:comp" not in screen(pilot)
        await pilot.press("slash", *"!job", "down", "enter")
        await until_shown(pilot, "1 of 6 jobs")
        assert table_of(pilot).selected == keeps.id


async def test_no_letter_that_is_typed_acts_on_a_job(bench: Bench) -> None:
    job = bench.job("prxeXcdnDqs", S.RUNNING, step=9, checkpoint=5)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("slash", *"prxeXcdnDqs", "backspace", "delete", "y", "space", "backspace")
        await pilot.press("backspace", "backspace", "backspace")
        await until_shown(pilot, "/ prxeXcdn")
        assert isinstance(pilot.app.screen, HomeScreen)
        assert not job.control().request_id
        assert job.folder.exists()


async def test_a_filter_that_hides_everything_says_how_to_go_on(bench: Bench) -> None:
    bench.job("only", S.RUNNING, step=9)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "only")
        await pilot.press("slash", *"[/x]", "enter")
        await until_shown(pilot, "no job matches this filter")
        for key in ("p", "x", "e", "enter", "space", "X"):
            await pilot.press(key)
            await until_said(pilot, "the filter hides every job: esc clears it")
            pilot.app.screen.query_one("#note").clear()  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until_shown(pilot, "only")


async def test_the_table_stays_whole_beside_the_filter(bench: Bench) -> None:
    finished(bench, 40)
    for size in ((80, 24), (120, 40)):
        async with opened(bench, *size) as pilot:
            await until_shown(pilot, "job-000")
            await pilot.press("slash", *"job", "down")
            table = table_of(pilot)
            table.to_end()
            await pilot.pause()
            parent = table.parent
            assert table.region.bottom <= parent.content_region.bottom  # type: ignore[union-attr]
            assert "job-039" in shown_rows(pilot)[-1]


async def test_a_new_job_is_shown_even_when_the_filter_would_hide_it(bench: Bench) -> None:
    bench.job("old", S.COMPLETED, step=9)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "old")
        await pilot.press("slash", *"old", "enter")
        made = bench.job("fresh", S.RUNNING, step=1)
        pilot.app.made(made.id)  # type: ignore[attr-defined]
        await until(pilot, lambda: table_of(pilot).selected == made.id, "it is highlighted")


async def test_a_removed_row_leaves_the_cursor_where_it_was(bench: Bench) -> None:
    finished(bench, 6)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "job-005")
        await pilot.press("j", "j")
        bench.store.remove(bench.store.find("job-002"))
        await until(pilot, lambda: len(names_of(pilot)) == 5, "the row is gone")
        assert "job-003" in (table_of(pilot).selected or "")


async def test_hostile_names_keep_the_columns_aligned(bench: Bench) -> None:
    for name in ("[/x] [lr=1e-4]", "日本語の長い名前のジョブ", "a\u202eb", "plain", "👩‍👩‍👧‍👦"):
        bench.job(name, S.PAUSED, step=9, checkpoint=9)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "plain")
        places = {cell_len(row[: row.index("saved at")]) for row in shown_rows(pilot)[:5]}
        assert len(places) == 1
        assert all(cell_len(row) == 120 for row in rows_of(pilot))


async def test_running_through_the_rows_reads_only_where_the_cursor_rests(bench: Bench) -> None:
    finished(bench, 12)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "job-000")
        deck, followed = pilot.app, []
        follow: Callable[[JobView | None], None] = deck.follow  # type: ignore[attr-defined]

        def spied(job: JobView | None) -> None:
            followed.append(job.name if job is not None else "")
            follow(job)

        deck.follow = spied  # type: ignore[attr-defined]
        for _ in range(8):
            deck.screen.action_down()  # type: ignore[attr-defined]
            await asyncio.sleep(REST_SECONDS / 10)
        assert not followed
        await until(pilot, lambda: followed, "it rests")
        assert followed == ["job-008"]
        await until_shown(pilot, "completed  job-008")
        await pilot.press("j", "enter")
        assert isinstance(pilot.app.screen, JobScreen)
        assert followed == ["job-008", "job-009"], "a job that is opened is read at once"


async def test_the_trend_appears_when_enough_was_seen(bench: Bench) -> None:
    bench.job("falls", S.RUNNING, step=10, total=100, loss=2.0)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "2.000")
        seen = pilot.app.latest[JobsChanged]  # type: ignore[attr-defined]
        for step in range(11, 18):
            status = replace(seen.jobs[0].status, step=step, loss=2.0 - 0.1 * (step - 10))
            pilot.app.post_message(JobsChanged((replace(seen.jobs[0], status=status),), {}))
            await until_shown(pilot, f"{step}/100")
        assert "1.300 ↘" in row_with(pilot, "17/100")


# --- since the last visit -------------------------------------------------------------------------


def visited(bench: Bench, minutes_ago: float) -> None:
    Memory(bench.store.deck_file).remember(last_seen_at=builder.stamp(60 * minutes_ago))


async def test_the_deck_tells_what_happened_and_enter_opens_the_first(bench: Bench) -> None:
    visited(bench, 30)
    bench.job("runs", S.RUNNING, step=9)
    bench.job("done", S.COMPLETED, step=9, ago=1200)
    error = Failure(message="out of memory", hint="smaller batch")
    bench.job("bad", S.FAILED, step=9, ago=2000, error=error)
    bench.job("known", S.COMPLETED, step=9, ago=9000)
    async with opened(bench, 100, 30) as pilot:
        await until_said(
            pilot, "since your last visit: 1 finished, 1 failed (enter opens the first)"
        )
        assert names_of(pilot)[0] == "bad"
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, JobScreen)
        assert "bad" in screen(pilot)
    stored = Memory(bench.store.deck_file).recall()["last_seen_at"]
    assert stored > builder.stamp(30)


async def test_what_only_finished_is_highlighted_too(bench: Bench) -> None:
    visited(bench, 30)
    bench.job("runs", S.RUNNING, step=9)
    done = bench.job("done", S.COMPLETED, step=9, ago=1200)
    async with opened(bench, 100, 30) as pilot:
        await until_said(pilot, "since your last visit: 1 finished (enter opens it)")
        assert table_of(pilot).selected == done.id


async def test_the_first_visit_and_a_named_job_highlight_no_news(bench: Bench) -> None:
    runs = bench.job("runs", S.RUNNING, step=9)
    bench.job("done", S.COMPLETED, step=9, ago=1200)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "▶ running")
        assert table_of(pilot).selected == runs.id
        assert not note(pilot)
    visited(bench, 30)
    async with opened(bench, 100, 30, job=runs.id) as pilot:
        await until_said(pilot, "1 finished")
        assert table_of(pilot).selected == runs.id


# --- a supervisor for what waits ------------------------------------------------------------------


def test_a_supervisor_is_started_when_jobs_go_on_waiting() -> None:
    started: list[float] = []
    now = 0.0
    caretaker = Caretaker(lambda: started.append(now), lambda error: None)

    def look(at: float, *, waiting: bool) -> None:
        nonlocal now
        now = at
        caretaker.look(at, waiting=waiting)
        if caretaker._thread is not None:
            caretaker._thread.join()

    look(0.0, waiting=True)
    look(GRACE_SECONDS - 0.1, waiting=True)
    assert not started
    look(GRACE_SECONDS, waiting=True)
    look(GRACE_SECONDS + RETRY_SECONDS - 1, waiting=True)
    assert started == [GRACE_SECONDS]
    look(GRACE_SECONDS + RETRY_SECONDS, waiting=True)
    assert len(started) == 2
    look(100.0, waiting=False)
    look(101.0, waiting=True)
    assert len(started) == 2, "another wait has its own grace"


async def test_a_queue_without_a_supervisor_gets_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.caretaker.GRACE_SECONDS", 0.1)
    started: list[str] = []
    bench.job("waits", S.QUEUED)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "○ queued")
        care = pilot.app.feed._caretaker  # type: ignore[attr-defined]
        care._start = lambda: started.append("supervisor")
        bench.locks.pop("supervisor").close()
        await until(pilot, lambda: started, "it is started")
        bench.supervise()


async def test_a_deck_that_only_reads_starts_no_supervisor(bench: Bench) -> None:
    bench.job("waits", S.QUEUED)
    async with opened(bench, 100, 30, readonly=True) as pilot:
        await until_shown(pilot, "○ queued")
        assert pilot.app.feed._caretaker is None  # type: ignore[attr-defined]
