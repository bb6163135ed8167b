import math
from itertools import pairwise

import numpy as np
import pytest
from rich.text import Text
from textual.app import App, ComposeResult
from textual.geometry import Region

from engine.curves import Curve
from tui.charts.plots import time_end, time_ticks
from tui.options import Options
from tui.screens.base import DeckScreen
from tui.widgets.canvas import changed_span, strip_of
from tui.widgets.chart import Chart, Line, Plot


class ChartScreen(DeckScreen):
    """A chart alone."""

    def __init__(self, *, ascii_only: bool) -> None:
        super().__init__()
        self.ascii_only = ascii_only

    def compose(self) -> ComposeResult:
        yield Chart(ascii_only=self.ascii_only, id="chart")


class ChartApp(App[None]):
    """Shows it."""

    latest: dict[type, object] = {}  # noqa: RUF012 - what a DeckScreen asks its application for
    options = Options()

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.ascii_only = ascii_only

    def on_mount(self) -> None:
        self.push_screen(ChartScreen(ascii_only=self.ascii_only))


def plot(*ys: float | None, **options: object) -> Plot:
    curve = Curve(np.arange(1.0, len(ys) + 1), np.array(ys, dtype=float))
    line = Line("train", curve, "curve")
    return Plot(title="loss", lines=(line,), **options)  # type: ignore[arg-type]


def shown(chart: Chart) -> list[str]:
    return [chart.render_line(y).text for y in range(chart.size.height)]


async def test_a_nan_splits_the_line() -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(Chart)
        ys: list[float | None] = [2.0] * 40 + [None] * 20 + [2.0] * 40
        chart.show(plot(*ys, x_range=(0, 100), y_range=(0.0, 4.0)))
        row = next(row for row in shown(chart)[1:] if any("⠀" < c <= "⣿" for c in row))
        drawn = [x for x, c in enumerate(row) if "⠀" < c <= "⣿"]
        gaps = [b - a for a, b in pairwise(drawn)]
        assert max(gaps) > 8
        chart.show(plot(*[None] * 5))
        assert "nothing measured yet" in "\n".join(shown(chart))
        chart.show(plot(math.nan, math.inf))
        assert not any("⠀" < c <= "⣿" for c in "".join(shown(chart)))


async def test_one_more_point_repaints_few_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ChartApp()
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(Chart)
        ys = [3 * math.exp(-x / 40) + 0.3 for x in range(100)]
        options = {"x_range": (0, 200), "y_range": (0.0, 4.0)}
        chart.show(plot(*ys, **options))
        dirty: list[Region] = []
        monkeypatch.setattr(chart, "refresh", lambda *regions, **_: dirty.extend(regions))
        chart.show(plot(*ys, **options))
        assert dirty == []
        chart.show(plot(*ys, 0.6, **options))
        assert 0 < sum(region.area for region in dirty) < 30


async def test_the_ascii_chart_is_ascii() -> None:
    app = ChartApp(ascii_only=True)
    async with app.run_test(size=(60, 14)) as pilot:
        await pilot.pause()
        chart = app.screen.query_one(Chart)
        chart.show(plot(*[3.0, 2.0, 1.5, 1.2, 1.1], x_range=(0, 5)))
        assert "\n".join(shown(chart)).isascii()
        assert "." in "".join(shown(chart)[1:])


def test_only_the_span_that_differs_is_dirty() -> None:
    before, after = strip_of(Text("step 100  loss"), 20), strip_of(Text("step 123  loss"), 20)
    assert changed_span(before, after) == (6, 8)
    assert changed_span(before, before) is None
    assert changed_span(before, strip_of(Text("step 100  loss", style="bold"), 20)) is not None
    wide = strip_of(Text("日本 100"), 20)
    assert changed_span(wide, strip_of(Text("日本 200"), 20)) == (5, 6)


def test_a_time_axis_has_round_ends_and_few_round_ticks() -> None:
    for reached in (0, 5, 59, 61, 600, 3601, 100_000, 3_000_000):
        end = time_end(reached)
        assert end >= reached
        ticks = time_ticks(0, end, 5)
        assert 1 <= len(ticks) <= 6
        assert ticks[0] == 0
        assert ticks[-1] <= end
