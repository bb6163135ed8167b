"""A live line chart: plotext draws it, and only the cells that changed are sent.

The points are reduced to the extremes of each column first, so that the cost does not grow with the
history, and nothing is drawn again unless one of these extremes, a label or the size changed.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from engine import series
from engine.curves import Curve
from engine.series import Column, Point
from engine.text import cells
from tui.widgets.canvas import Canvas

ASCII_FRAME = str.maketrans("┤│└┬─┼├┐┘┌┴", "||+-------+")

_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    label: str
    curve: Curve
    tone: str
    read: Callable[[float | None], str] = series.format_value
    """How a value of it is written in the legend."""
    dots: bool = False
    """Whether its few points are marked, and joined by a line."""
    filled: bool = False
    """Whether the room below it is filled."""
    coarse: bool = False
    """Whether one pair of extremes for each cell is enough: for noise."""
    shown: bool = True
    """Whether the legend names it."""
    measured: Curve | None = None
    """What the legend reads when the curve itself is smoothed."""

    def value(self, cursor: float | None) -> str:
        """Its value at the cursor, or the newest, in words."""
        curve = self.curve if self.measured is None else self.measured
        if cursor is None:
            return self.read(curve.last)
        point = curve.near(cursor)
        return self.read(point.y if point is not None and math.isfinite(point.y) else None)


@dataclass(frozen=True, kw_only=True)
class Plot:
    """Everything that a chart shows."""

    title: str
    lines: tuple[Line, ...] = ()
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] | None = None
    """Fixed ends of the y axis; None is round numbers around the values."""
    x_ticks: Callable[[float, float, int], Sequence[float]] = series.nice_ticks
    """Where to write on the x axis: at most so many places between its ends."""
    y_ticks: tuple[float, ...] = ()
    """Where to write on the y axis; none given is round numbers."""
    x_label: Callable[[float], str] = series.format_value
    y_label: Callable[[float], str] = series.format_value
    x_unit: str = ""
    log: bool = False
    """Whether the y axis is logarithmic; values that are not above 0 are left out."""
    cursor: float | None = None
    """Where values are read; None is the newest."""
    badge: str = ""
    """A warning beside the legend."""
    empty: str = "nothing measured yet"


Cell = tuple[str, str]
"""Some text and the meaning that styles it."""

Drawn = list[list[Column]]
"""The columns of every line."""


class Chart(Canvas):
    """Draws a `Plot`; the first row is title and legend."""

    def __init__(
        self, *, ascii_only: bool, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._ascii = ascii_only
        self._plot = Plot(title="")
        self._key: object = None
        self._drawn: list[list[Cell]] = []

    @property
    def plot(self) -> Plot:
        """What it shows."""
        return self._plot

    def show(self, plot: Plot) -> None:
        """Show this plot."""
        self._plot = plot
        self.redraw()

    def draw(self, width: int, height: int) -> Sequence[Text]:
        """Legend, then the chart."""
        rows = [self._legend(width)]
        if height < 4 or width < 24:
            return rows
        reduced = [self._reduced(line, width - 8) for line in self._plot.lines]
        body = self._body(width, height - 1, reduced)
        if body is None:
            note = Text(self._nothing(), style=self.tone("dim"), justify="center")
            note.align("center", width)
            return [*rows, *[Text()] * ((height - 2) // 2), note]
        for cells_of_row in body:
            rows.append(Text.assemble(*((said, self.tone(tone)) for said, tone in cells_of_row)))
        return rows

    def _nothing(self) -> str:
        """Why nothing is drawn."""
        plot = self._plot
        if not any(np.isfinite(line.curve.ys).any() for line in plot.lines):
            return plot.empty
        return "nothing above 0 here: L is the linear scale" if plot.log else "nothing in this part"

    def _legend(self, width: int) -> Text:
        plot = self._plot
        row = Text.assemble((plot.title, self.tone("title")))
        where = "" if plot.cursor is None else f"at {plot.x_label(plot.cursor)}"
        unit = f"log, {plot.x_unit}" if plot.log and plot.x_unit else plot.x_unit
        if where and cells(row.plain) + len(where) + 2 <= width:
            row.append(f"  {where}", style=self.tone("strong"))
        if plot.badge:
            row.append(f"  {plot.badge}", style=self.tone("bad"))
        for line in plot.lines:
            if not len(line.curve) or not line.shown:
                continue
            mark = ("o" if line.dots else "-") if self._ascii else ("•" if line.dots else "━")
            value = line.value(plot.cursor)
            if cells(row.plain) + len(line.label) + len(value) + 6 > width:
                break
            row.append(f"  {mark} ", style=self.tone(line.tone))
            row.append(line.label, style=self.tone("dim")).append(f" {value}")
        if unit and width - cells(row.plain) > len(unit) + 2:
            space = width - cells(row.plain) - len(unit)
            row.append(" " * space).append(unit, style=self.tone("dim"))
        return row

    def _body(self, width: int, height: int, reduced: Drawn) -> list[list[Cell]] | None:
        plot = self._plot
        if plot.log:
            reduced = [[_logarithm(column) for column in line] for line in reduced]
        bounds = series.bounds(column for line in reduced for column in line)
        if bounds is None:
            return None
        low, high = self._y_range(*bounds)
        shape = [(line.tone, line.dots, line.filled) for line in plot.lines]
        levels = [_levels(line, low, high, 4 * height) for line in reduced]
        key = (width, height, plot.x_range, plot.log, low, high, shape, levels)
        if key != self._key:
            self._key = key
            strokes = [_within(series.segments(line), low, high) for line in reduced]
            self._drawn = _tone(self._plotted(width, height, strokes, (low, high)), shape)
        return self._with_cursor(self._drawn)

    def _with_cursor(self, rows: list[list[Cell]]) -> list[list[Cell]]:
        """The cursor's column in its own tone, drawn where the chart is empty."""
        plot = self._plot
        lower, upper = plot.x_range
        if plot.cursor is None or not lower <= plot.cursor <= upper or not rows:
            return rows
        frame = "|" if self._ascii else "┤│"
        first = next((at + 1 for at, sign in enumerate(_plain(rows[0])) if sign in frame), 0)
        room = len(_plain(rows[0])) - first - 1
        column = first + round((plot.cursor - lower) / (upper - lower) * room)
        sign = "|" if self._ascii else "│"
        return [_crossed(row, column, sign) for row in rows[:-2]] + rows[-2:]

    def _reduced(self, line: Line, columns: int) -> list[Column]:
        """The extremes of each column; a fine line has one for each of a cell's two columns."""
        fine = not (self._ascii or line.coarse)
        return line.curve.columns(columns * 2 if fine else columns, *self._plot.x_range)

    def _y_range(self, low: float, high: float) -> tuple[float, float]:
        if self._plot.log:
            lowest, highest = series.log_range(10**low, 10**high)
            return math.log10(lowest), math.log10(highest)
        if self._plot.y_range is not None:
            return self._plot.y_range
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
        plotext.xlim(*plot.x_range)
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
        places, labels = self._y_places(y_range, max(2, min(6, height // 3)))
        x_ticks = plot.x_ticks(*plot.x_range, max(2, width // 12))
        plotext.yticks(places, [f"{label:>6}" for label in labels])
        plotext.xticks(x_ticks, [plot.x_label(tick) for tick in x_ticks])
        built: str = plotext.build()
        return built.translate(ASCII_FRAME) if self._ascii else built

    def _y_places(self, y_range: tuple[float, float], most: int) -> tuple[list[float], list[str]]:
        """Where to write on the y axis, and what."""
        plot = self._plot
        if plot.log:
            ticks = series.log_ticks(10 ** y_range[0], 10 ** y_range[1], most)
            return [math.log10(tick) for tick in ticks], [plot.y_label(tick) for tick in ticks]
        ticks = list(plot.y_ticks) or series.nice_ticks(*y_range, most)
        return ticks, [plot.y_label(tick) for tick in ticks]


def _logarithm(column: Column) -> Column:
    """The column on a logarithmic axis; only what is above 0 is there."""
    points = [
        Point(point.x, math.log10(point.y))
        for point in (column.low, column.high)
        if point is not None and point.y > 0
    ]
    return Column(points[0], points[-1], column.gap) if points else Column(gap=column.gap)


def _within(stretches: list[list[Point]], low: float, high: float) -> list[list[Point]]:
    """The line at the edge where it leaves a fixed range: plotext would follow it, cell by cell."""
    return [
        [Point(point.x, min(high, max(low, point.y))) for point in stretch] for stretch in stretches
    ]


def _plain(row: list[Cell]) -> str:
    return "".join(said for said, _ in row)


def _crossed(row: list[Cell], column: int, sign: str) -> list[Cell]:
    """The row with the cursor's sign in that column, unless a curve is there."""
    crossed: list[Cell] = []
    at = 0
    for said, tone in row:
        inside = column - at
        at += len(said)
        if not 0 <= inside < len(said):
            crossed.append((said, tone))
            continue
        there = said[inside]
        crossed += [(said[:inside], tone), (sign if there in " \u2800" else there, "strong")]
        crossed.append((said[inside + 1 :], tone))
    return [cell for cell in crossed if cell[0]]


def _levels(
    columns: list[Column], low: float, high: float, levels: int
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
