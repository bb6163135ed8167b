import pytest
from textual.pilot import Pilot

from engine.metrics import MetricsWriter
from engine.status import JobState
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, until, until_shown
from tui.tabs.charts import ChartsTab
from tui.widgets.chart import Chart

S = JobState


def charts(pilot: Pilot[int]) -> dict[str, Chart]:
    """The charts that are shown, by title."""
    return {
        chart.plot.title: chart
        for chart in pilot.app.screen.query_one(ChartsTab).query(Chart)
        if chart.display
    }


async def at_charts(pilot: Pilot[int]) -> None:
    await until_shown(pilot, "sentences")
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.screen.query(ChartsTab) and "grad norm" in charts(pilot))
    await pilot.pause()


async def test_every_metric_that_the_run_logs_has_a_chart(bench: Bench) -> None:
    job = bench.job("sentences", S.RUNNING, step=40, total=100)
    writer = MetricsWriter(job.metrics_file, 1)
    writer.append("train", 41, {"loss": 0.5, "rewards/margins": 0.25, "../../x": 1.0})
    writer.close()
    async with opened(bench, 200, 50) as pilot:
        await at_charts(pilot)
        await until(pilot, lambda: "rewards/margins" in charts(pilot))
        titles = list(charts(pilot))
        assert titles[:2] == ["loss", "host memory"]
        assert {"learning rate", "grad norm", "../../x"} <= set(titles)
        writer = MetricsWriter(job.metrics_file, 1)
        writer.append("train", 42, {"loss": 0.4, "new_one": 7.0})
        writer.close()
        bench.set(job, step=42)
        await until(pilot, lambda: "new_one" in charts(pilot))
        lines = {line.label: line.curve for line in charts(pilot)["new_one"].plot.lines}
        assert lines["train"].last == 7.0


async def test_one_lens_serves_all_charts(bench: Bench) -> None:
    bench.job("sentences", S.RUNNING, step=400, total=1000)
    async with opened(bench) as pilot:
        await at_charts(pilot)
        await pilot.press("L", "left", "shift+left")
        drawn = charts(pilot)
        cursor = drawn["loss"].plot.cursor
        assert cursor is not None
        assert cursor < 400
        assert drawn["loss"].plot.log
        assert drawn["grad norm"].plot.cursor == cursor
        assert f"at {cursor:.0f}" in drawn["loss"].render_line(0).text
        await pilot.press("plus")
        lower, upper = charts(pilot)["loss"].plot.x_range
        assert lower <= cursor <= upper < 500
        await pilot.press("escape", "escape")
        assert charts(pilot)["loss"].plot.cursor is None
        assert charts(pilot)["loss"].plot.x_range[0] == 0


async def test_a_chart_is_enlarged_and_put_back(bench: Bench) -> None:
    bench.job("sentences", S.RUNNING, step=40, total=100)
    async with opened(bench, 80, 24) as pilot:
        await at_charts(pilot)
        await pilot.press("tab", "tab", "z")
        await until(pilot, lambda: len(charts(pilot)) == 1)
        await pilot.pause()
        [chart] = charts(pilot).values()
        assert chart.plot.title != "loss"
        assert chart.region.height >= 18
        await pilot.press("escape")
        await until(pilot, lambda: len(charts(pilot)) > 3)


@pytest.mark.parametrize("key", ["t", "a", "0", "f", "plus", "minus"])
async def test_every_key_says_what_it_chose(bench: Bench, key: str) -> None:
    bench.job("sentences", S.RUNNING, step=40, total=100)
    async with opened(bench, 80, 24) as pilot:
        await at_charts(pilot)
        await pilot.press(key)
        await until(pilot, lambda: note(pilot))


async def test_nan_is_a_gap_and_a_badge(bench: Bench) -> None:
    job = bench.job("sentences", S.RUNNING, step=40, total=100)
    writer = MetricsWriter(job.metrics_file, 1)
    for step in (41, 42):
        writer.append("train", step, {"loss": float("nan")})
    writer.close()
    bench.set(job, step=42, updated_at=builder.stamp(0))
    async with opened(bench, 80, 24) as pilot:
        await at_charts(pilot)
        await until_shown(pilot, "NaN since 41")
