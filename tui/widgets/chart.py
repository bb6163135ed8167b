"""A live line chart: plotext draws it, and only the cells that changed are sent.

The points are reduced to the extremes of each column first, so that the cost does not grow with the
history, and nothing is drawn again unless one of these extremes, a label or the size changed.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from engine import series
from engine.text import cells
from tui.curves import Points
from tui.widgets.canvas import Canvas

ASCII_FRAME = str.maketrans("┤│└┬─┼├┐┘┌┴", "||+-------+")

_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    label: str
    points: Points
    tone: str
    value: str = ""
    """Its newest value, for the legend."""
    dots: bool = False
    """Whether its few points are marked, and joined by a line."""
    filled: bool = False
    """Whether the room below it is filled."""
    coarse: bool = False
    """Whether one pair of extremes for each cell is enough: for noise."""
    shown: bool = True
    """Whether the legend names it."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Everything that a chart shows."""

    title: str
    lines: tuple[Line, ...] = ()
    x_end: float = 1.0
    y_range: tuple[float, float] | None = None
    """Fixed ends of the y axis; None is round numbers around the values."""
    x_ticks: Callable[[float, int], Sequence[float]] = lambda end, most: series.nice_ticks(
        0, end, most
    )
    """Where to write on the x axis: at most so many places up to its end."""
    y_ticks: tuple[float, ...] = ()
    """Where to write on the y axis; none given is round numbers."""
    x_label: Callable[[float], str] = series.format_value
    y_label: Callable[[float], str] = series.format_value
    x_unit: str = ""
    badge: str = ""
    """A warning beside the legend."""
    empty: str = "nothing measured yet"


Cell = tuple[str, str]
"""Some text and the meaning that styles it."""


class Chart(Canvas):
    """Draws a `Plot`; the first row is title and legend."""

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._plot = Plot(title="")
        self._key: object = None
        self._drawn: list[list[Cell]] = []

    def show(self, plot: Plot) -> None:
        """Show this plot."""
        self._plot = plot
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Text]:
        """Legend, then the chart."""
        rows = [self._legend(width)]
        if height < 4 or width < 24:
            return rows
        if not any(y is not None for line in self._plot.lines for y in line.points.ys):
            note = Text(self._plot.empty, style=self.tone("dim"), justify="center")
            note.align("center", width)
            return [*rows, *[Text()] * ((height - 2) // 2), note]
        body = self._body(width, height - 1)
        for cells_of_row in body:
            rows.append(Text.assemble(*((said, self.tone(tone)) for said, tone in cells_of_row)))
        return rows

    def _legend(self, width: int) -> Text:
        plot = self._plot
        row = Text.assemble((plot.title, self.tone("title")))
        for line in plot.lines:
            if not line.points.xs or not line.shown:
                continue
            mark = ("o" if line.dots else "-") if self._ascii else ("•" if line.dots else "━")
            value = f" {line.value}" if line.value else ""
            if cells(row.plain) + len(line.label) + len(value) + 4 > width:
                break
            row.append(f"  {mark} ", style=self.tone(line.tone))
            row.append(line.label, style=self.tone("dim")).append(value)
        if plot.badge:
            row.append(f"  {plot.badge}", style=self.tone("bad"))
        if plot.x_unit and width - cells(row.plain) > len(plot.x_unit) + 2:
            space = width - cells(row.plain) - len(plot.x_unit)
            row.append(" " * space).append(plot.x_unit, style=self.tone("dim"))
        return row

    def _body(self, width: int, height: int) -> list[list[Cell]]:
        plot = self._plot
        reduced = [self._reduced(line, width - 8) for line in plot.lines]
        low, high = self._y_range([column for line in reduced for column in line])
        shape = [(line.tone, line.dots, line.filled) for line in plot.lines]
        levels = [_levels(line, low, high, 4 * height) for line in reduced]
        key = (width, height, plot.x_end, low, high, shape, levels)
        if key != self._key:
            self._key = key
            strokes = [series.segments(line) for line in reduced]
            self._drawn = _tone(self._plotted(width, height, strokes, (low, high)), shape)
        return self._drawn

    def _reduced(self, line: Line, columns: int) -> list[series.Column]:
        """The extremes of each column; a fine line has one for each of a cell's two columns."""
        fine = not (self._ascii or line.coarse)
        xs, ys = line.points.xs, line.points.ys
        return series.buckets(
            xs, ys, columns * 2 if fine else columns, lower=0, upper=self._plot.x_end
        )

    def _y_range(self, columns: list[series.Column]) -> tuple[float, float]:
        if self._plot.y_range is not None:
            return self._plot.y_range
        low, high = series.bounds(columns) or (0.0, 1.0)
        return series.nice_range(low, high, 5)

    def _plotted(
        self,
        width: int,
        height: int,
        strokes: list[list[list[series.Point]]],
        y_range: tuple[float, float],
    ) -> str:
        """The chart as plotext draws it; colour N stands for line N-1."""
        import plotext  # late: the first paint does not wait for it

        plot = self._plot
        plotext.clear_figure()
        plotext.limit_size(False, False)
        plotext.plotsize(width, height)
        plotext.theme("clear")
        plotext.xaxes(True, False)
        plotext.yaxes(True, False)
        plotext.xlim(0, plot.x_end)
        plotext.ylim(*y_range)
        for number, (line, stretches) in enumerate(zip(plot.lines, strokes, strict=True), start=1):
            for stretch in stretches:
                xs, ys = [point.x for point in stretch], [point.y for point in stretch]
                mark = ("." if number == 1 else "*") if self._ascii else "braille"
                plotext.plot(xs, ys, marker=mark, color=number, fillx=line.filled)
        for number, (line, stretches) in enumerate(zip(plot.lines, strokes, strict=True), start=1):
            for stretch in stretches if line.dots else ():
                xs, ys = [point.x for point in stretch], [point.y for point in stretch]
                plotext.scatter(xs, ys, marker="o" if self._ascii else "•", color=number)
        y_ticks = plot.y_ticks or series.nice_ticks(*y_range, max(2, min(6, height // 3)))
        x_ticks = plot.x_ticks(plot.x_end, max(2, width // 12))
        plotext.yticks(y_ticks, [f"{label:>6}" for label in map(plot.y_label, y_ticks)])
        plotext.xticks(x_ticks, [plot.x_label(tick) for tick in x_ticks])
        built: str = plotext.build()
        return built.translate(ASCII_FRAME) if self._ascii else built


def _levels(
    columns: list[series.Column], low: float, high: float, levels: int
) -> list[tuple[int, int, bool]]:
    """The columns as the screen can tell them apart."""
    scale = levels / (high - low) if high > low else 0.0
    return [
        (int((c.low.y - low) * scale), int((c.high.y - low) * scale), c.gap)
        if c.low is not None and c.high is not None
        else (-1, -1, c.gap)
        for c in columns
    ]


def _tone(built: str, shape: list[tuple[str, bool, bool]]) -> list[list[Cell]]:
    """plotext's rows with its colour numbers turned into meanings."""
    rows = []
    for line in built.rstrip("\n").split("\n"):
        row: list[Cell] = []
        tone, position = "axis", 0
        for match in _COLOUR.finditer(line):
            if match.start() > position:
                row.append((line[position : match.start()], tone))
            position = match.end()
            codes = match[1].split(";")
            number = int(codes[2]) if codes[:2] == ["38", "5"] else 0
            tone = shape[number - 1][0] if 0 < number <= len(shape) else "axis"
        if position < len(line):
            row.append((line[position:], tone))
        rows.append(row)
    return rows
