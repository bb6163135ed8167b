import math
import re

import pytest
from textual.pilot import Pilot

from engine.lock import Lock
from engine.metrics import MetricsWriter
from engine.status import Failure, JobState, Phase
from engine.text import GLYPHS
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, row_with, rows_of, screen, until, until_said, until_shown
from tui import text
from tui.widgets.job_table import JobTable

S = JobState


def names_of(pilot: Pilot[int]) -> list[str]:
    """The jobs of the table, by their names, from the first row on."""
    ids = pilot.app.screen.query_one(JobTable).ids
    return [text.short_id(job_id).rpartition("-")[0] for job_id in ids]


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_every_state_is_shown_by_sign_and_word(bench: Bench, size: tuple[int, int]) -> None:
    for state in S:
        bench.job(f"one-{state}", state, step=0 if state is S.QUEUED else 10, ago=60)
    async with opened(bench, *size) as pilot:
        await until_shown(pilot, "running")
        seen = rows_of(pilot)
        await pilot.press("G")
        seen += rows_of(pilot)
        for state in S:
            assert any(f"{GLYPHS[state]} {state}" in row and "one-" in row for row in seen), state


async def test_running_first_then_queue_then_resting_then_finished(bench: Bench) -> None:
    bench.job("done-old", S.COMPLETED, step=9, ago=9000)
    bench.job("done-new", S.COMPLETED, step=9, ago=900)
    bench.job("rests", S.PAUSED, step=9, ago=300)
    bench.job("second", S.QUEUED, order=2.0)
    bench.job("first", S.QUEUED, order=1.0)
    bench.job("runs", S.RUNNING, step=9)
    async with opened(bench) as pilot:
        await until_shown(pilot, "runs")
        assert names_of(pilot) == ["runs", "first", "second", "rests", "done-new", "done-old"]


async def test_a_queued_job_says_what_it_waits_for(bench: Bench) -> None:
    runs = bench.job("runs", S.RUNNING, step=9)
    bench.job("first", S.QUEUED, order=1.0)
    bench.job("second", S.QUEUED, order=2.0)
    async with opened(bench, 200, 50) as pilot:
        await until_shown(pilot, f"waits for runs-{runs.id[-4:]} (CPU)")
        assert "2nd in the queue: after first" in screen(pilot)


async def test_the_highlighted_job_stays_highlighted_when_the_order_changes(bench: Bench) -> None:
    bench.job("runs", S.RUNNING, step=9)
    waiting = bench.job("waits", S.QUEUED)
    async with opened(bench) as pilot:
        await until_shown(pilot, "waits")
        table = pilot.app.screen.query_one(JobTable)
        await pilot.press("j")
        assert table.selected == waiting.id
        bench.job("newer", S.RUNNING, step=5)
        bench.job("newest", S.STARTING)
        await until_shown(pilot, "newest")
        assert table.selected == waiting.id


async def test_removing_the_highlighted_job_highlights_another(bench: Bench) -> None:
    bench.job("stays", S.COMPLETED, step=9, ago=100)
    goes = bench.job("goes", S.COMPLETED, step=9, ago=50)
    async with opened(bench) as pilot:
        await until_shown(pilot, "goes")
        assert pilot.app.screen.query_one(JobTable).selected == goes.id
        bench.store.remove(goes)
        await until(pilot, lambda: "goes" not in screen(pilot), "the removed job is gone")
        assert "stays" in row_with(pilot, "sft · ")


async def test_names_that_look_like_markup_are_shown_as_they_are(bench: Bench) -> None:
    bench.job("[/x] [lr=1e-4]", S.RUNNING, step=9, model="org/[bold]x")
    bench.job("[/]", S.FAILED, step=3, error=Failure(message="[/red] broke", hint="[b]fix[/b]"))
    async with opened(bench) as pilot:
        await until_shown(pilot, "[/x] [lr=1e-4]")
        assert "[bold]x" in screen(pilot)
        await until_shown(pilot, "[/red] broke")
        await until_shown(pilot, "→ [b]fix[/b]")
        await pilot.press("enter")
        await until_shown(pilot, "Charts")
        await pilot.press("escape", "l")
        await until_shown(pilot, "Charts")


async def test_log_lines_and_names_bring_no_escape_sequences(bench: Bench) -> None:
    log = "a\x1b]52;c;ZXZpbA==\x07b\x1b[2J\x1b[31mc\u202ed\x9b31me\r12%|bar\r100%|bar\n[/oops]\n"
    spec = {"name": "n\x1b[2Jm\u202e", "method": "s\x1bft", "model": {"name": "m\x07"}}
    bench.job("evil", S.RUNNING, step=9, log=log, spec=spec)
    async with opened(bench) as pilot:
        await until_shown(pilot, "100%|bar")
        shown = screen(pilot)
        assert "[/oops]" in shown
        assert not set("\x1b\x07\x9b\u202e\r") & set(shown)
        for key in ("l", "escape", "enter"):
            await pilot.press(key)
            await pilot.pause()
            assert not set("\x1b\x07\x9b\u202e\r") & set(screen(pilot))


async def test_a_failed_job_says_why_and_what_to_do(bench: Bench) -> None:
    error = Failure(message="the loss became NaN at step 7", hint="lower training.learning_rate")
    bench.job("bad", S.FAILED, step=7, error=error)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "→ lower training.learning_rate")
        assert "the loss became NaN at step 7" in row_with(pilot, "✗ failed")
        await pilot.press("enter")
        await until_shown(pilot, "Charts")
        assert "→ lower training.learning_rate" in screen(pilot)


async def test_a_nan_loss_is_a_gap_with_a_badge(bench: Bench) -> None:
    job = bench.job("nan", S.RUNNING, step=100, total=200)
    writer = MetricsWriter(job.metrics_file, 1)
    for step in (101, 102):
        writer.append("train", step, {"loss": math.nan})
    writer.close()
    async with opened(bench) as pilot:
        await until_shown(pilot, "NaN since 101")
        assert "⠀" not in screen(pilot)


async def test_a_phase_shows_how_long_it_takes(bench: Bench) -> None:
    bench.job("young", S.STARTING, phase=Phase.LOADING_MODEL, phase_started_at=builder.stamp(12))
    async with opened(bench) as pilot:
        await until(pilot, lambda: re.search(r"loading model 1[3-9]s", screen(pilot)), "it ticks")


async def test_new_measurements_are_painted(bench: Bench) -> None:
    job = bench.job("grows", S.RUNNING, step=100, total=200)
    async with opened(bench) as pilot:
        await until_shown(pilot, "train ")
        before = rows_of(pilot)
        builder.measure(job, 140, 200, start=100)
        bench.set(job, step=140, loss=0.321, tokens_per_second=1234.0)
        await until_shown(pilot, "140/200")
        assert "0.321" in row_with(pilot, "140/200")
        assert "1,234" in row_with(pilot, "140/200")
        await until(pilot, lambda: _braille(rows_of(pilot)) != _braille(before), "a longer curve")


def _braille(rows: list[str]) -> list[str]:
    return ["".join(c for c in row if "⠀" < c <= "⣿") for row in rows]


async def test_a_killed_worker_shows_as_interrupted(bench: Bench) -> None:
    job = bench.job("runs", S.RUNNING, step=9)
    async with opened(bench) as pilot:
        await until_shown(pilot, "▶ running")
        bench.die(job)
        await until_shown(pilot, "! interrupted")


async def test_the_first_job_takes_the_place_of_the_advice(bench: Bench) -> None:
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "No jobs yet.")
        bench.job("first", S.RUNNING, step=9)
        await until_shown(pilot, "first")
        assert "No jobs yet." not in screen(pilot)


async def test_too_small_a_terminal_says_which_size_it_needs(bench: Bench) -> None:
    bench.job("runs", S.RUNNING, step=9)
    async with opened(bench, 52, 14) as pilot:
        await until_shown(pilot, "tunedeck needs 60x16, this is 52x14")
        await pilot.resize_terminal(80, 24)
        await until_shown(pilot, "▶ running")


async def test_memory_and_log_go_before_the_table(bench: Bench) -> None:
    bench.job("runs", S.RUNNING, step=9)
    async with opened(bench, 120, 40) as pilot:
        await until_shown(pilot, "tokenizing: 2000 rows")
        assert "used " in screen(pilot)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "tokenizing: 2000 rows" not in screen(pilot), "no log")
        assert "▶ running" in screen(pilot)
        assert "train " in screen(pilot)


async def test_ascii_draws_with_ascii_alone(bench: Bench) -> None:
    bench.job("runs", S.RUNNING, step=300, log="plain\n")
    bench.job("waits", S.QUEUED)
    async with opened(bench, 80, 24, ascii_only=True) as pilot:
        await until_shown(pilot, "train ")
        await until_shown(pilot, "*")
        allowed = {"·", "…", "─", "→"}
        assert {c for c in screen(pilot) if not c.isascii()} <= allowed


async def test_an_export_shows_its_progress_and_its_end(bench: Bench) -> None:
    job = bench.job("done", S.COMPLETED, step=1000, checkpoint=1000)
    held = Lock.take(job.export_lock)
    assert held is not None
    builder.export(job, "merged", state="running", progress=0.4)
    async with opened(bench) as pilot:
        await until_shown(pilot, "exporting merged")
        assert "40%" in row_with(pilot, "exporting merged")
        builder.export(job, "merged")
        held.close()
        await until_said(pilot, "exported merged to")


async def test_the_named_job_is_highlighted_first(bench: Bench) -> None:
    older = bench.job("older", S.COMPLETED, step=9, ago=900)
    bench.job("newer", S.RUNNING, step=9)
    async with opened(bench, job=older.id) as pilot:
        await until_shown(pilot, "older")
        assert pilot.app.screen.query_one(JobTable).selected == older.id


async def test_fifty_jobs_scroll_to_the_last(bench: Bench) -> None:
    for number in range(50):
        bench.job(f"job-{number:02}", S.COMPLETED, step=5, ago=60 + number)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "job-00")
        await pilot.press("G")
        await until_shown(pilot, "job-49")
        await pilot.press("g")
        await until_shown(pilot, "job-00")
