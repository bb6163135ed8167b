from pathlib import Path

import pytest

from engine.curves import Curves
from engine.status import JobState
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, screen, until, until_said, until_shown
from tui.screens.compare import CompareScreen
from tui.widgets.chart import Chart

S = JobState
HOSTILE = "[/x] [lr=1e-4]"


def two_jobs(bench: Bench) -> None:
    for name, state, rate, step in (
        ("slow", S.COMPLETED, 1e-4, 200),
        (HOSTILE, S.RUNNING, 2e-4, 120),
    ):
        training = {"learning_rate": rate, "num_train_epochs": 3}
        spec = {
            "name": name,
            "method": "sft",
            "model": {"name": "Qwen/Qwen3-0.6B"},
            "data": {"train": "/data/train.jsonl"},
            "training": training,
        }
        bench.job(name, state, step=step, total=200, checkpoint=100, spec=spec)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_marked_jobs_share_a_chart_and_tables(bench: Bench, size: tuple[int, int]) -> None:
    two_jobs(bench)
    async with opened(bench, *size) as pilot:
        await until_shown(pilot, "slow")
        await pilot.press("c")
        await until_said(pilot, "mark")
        await pilot.press("g", "space", "G", "space", "c")
        await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen))
        await until_shown(pilot, "final loss")
        chart = pilot.app.screen.query_one("#compared", Chart)
        assert len([line for line in chart.plot.lines if line.label]) == 2
        await pilot.press("G")
        await until_shown(pilot, "training.learning_rate")
        assert "0.0001" in screen(pilot)
        assert "0.0002" in screen(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, CompareScreen))


def written(folder: Path) -> list[str]:
    [path] = folder.glob("compare-*.csv")
    return path.read_text().splitlines()


async def test_its_keys_choose_what_is_drawn(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    two_jobs(bench)
    async with opened(bench) as pilot:
        await until_shown(pilot, "slow")
        await pilot.press("g", "space", "G", "space", "c")
        await until_shown(pilot, "final loss")
        chart = pilot.app.screen.query_one("#compared", Chart)
        await pilot.press("tab")
        assert next(line.tone for line in chart.plot.lines if line.label) == "raw"
        await pilot.press("tab", "tab")
        assert "raw" not in [line.tone for line in chart.plot.lines]
        await pilot.press("L")
        assert chart.plot.log
        await pilot.press("t")
        assert chart.plot.x_unit == "tokens"
        await pilot.press("t", "t", "left")
        assert chart.plot.cursor is not None
        await pilot.press("escape", "plus")
        lower, upper = chart.plot.x_range
        assert upper - lower == 100
        await pilot.press("0", "m")
        assert chart.plot.title != "loss"
        await pilot.press("w")
        assert "wrote" in note(pilot)
    lines = written(tmp_path)
    assert lines[0].startswith("job,kind,step,")
    assert len(lines) > 300


async def test_a_job_that_works_is_read_on_and_one_that_goes_away_stays_shown(bench: Bench) -> None:
    two_jobs(bench)
    jobs = {job.stored().state: job for job in bench.store.jobs()}
    async with opened(bench) as pilot:
        await until_shown(pilot, "slow")
        await pilot.press("g", "space", "G", "space", "c")
        await until_shown(pilot, "final loss")
        chart = pilot.app.screen.query_one("#compared", Chart)
        [growing] = [
            at for at, line in enumerate(chart.plot.lines) if line.label and line.curve.end < 200
        ]
        builder.measure(jobs[S.RUNNING], 150, 200, start=120)
        bench.set(jobs[S.RUNNING], step=150)
        await until(pilot, lambda: chart.plot.lines[growing].curve.end == 150)
        bench.store.remove(jobs[S.COMPLETED])
        builder.measure(jobs[S.RUNNING], 180, 200, start=150)
        bench.set(jobs[S.RUNNING], step=180)
        await until(pilot, lambda: chart.plot.lines[growing].curve.end == 180)
        assert isinstance(pilot.app.screen, CompareScreen)


def test_nothing_measured_is_said_and_drawn_as_nothing() -> None:
    from engine.compare.side import Side
    from engine.status import JobStatus
    from tui.charts.comparing import together
    from tui.charts.lens import Lens

    side = Side(id="2026-11-21-a-1234", status=JobStatus(), curves=Curves())
    plot = together([side, side], ["a", "b"], "loss", Lens())
    assert plot.empty == "none of these jobs has measured anything yet"
    assert not any(len(line.curve) for line in plot.lines)
