"""What the axes of a chart count and how their ticks read, in letters and in pictures; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.compare.side import MEMORY, Series
from engine.curves import Axis
from engine.series import format_count, format_duration, nice_ticks
from engine.text import one_line

TIMES = ((86_400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))
SIZES = ((1024.0**3, "GiB"), (1024.0**2, "MiB"))
BIG = 99_999.5
"""An axis that reaches so far is labelled in thousands, millions, ..."""


@dataclass(frozen=True)
class Scale:
    """One axis: what it counts, and in which unit."""

    name: str
    unit: float = 1.0
    """How much of what was measured is 1 on the axis."""
    unit_name: str = ""
    big: bool = False
    """Whether its ticks are written like `120k`."""

    @property
    def title(self) -> str:
        """What stands beside the axis."""
        return f"{self.name}, {self.unit_name}" if self.unit_name else self.name

    def ticks(self, low: float, high: float, most: int) -> list[float]:
        """At most so many places that are round in the axis's unit, as they were measured."""
        return [tick * self.unit for tick in nice_ticks(low / self.unit, high / self.unit, most)]

    def label(self, value: float) -> str:
        """A tick in words."""
        shown = value / self.unit
        return format_count(shown) if self.big else f"{shown:g}"


@dataclass(frozen=True)
class Scales:
    """Both axes of one metric."""

    axis: Axis
    x: Scale
    y: Scale

    def at(self, x: float) -> str:
        """A place on the x axis in words: `180`, `1.2M`, `3m17s`."""
        if self.axis == "step":
            return f"{x:.0f}"
        return format_duration(x) if self.axis == "time" else format_count(x)


def scales(metric: str, axis: Axis, all_series: Sequence[Series]) -> Scales:
    """The axes on which these curves have room."""
    curves = [curve for one in all_series for curve in (one.line, one.dots)]
    highest = max((pair[1].y for curve in curves if (pair := curve.extremes())), default=0.0)
    end = max((one.end for one in all_series), default=0.0)
    name = one_line(metric, 60)
    if metric != MEMORY:
        return Scales(axis, _x_scale(axis, end), Scale(name, big=highest >= BIG))
    kinds = {one.what for one in all_series if one}
    return Scales(
        axis,
        _x_scale(axis, end),
        Scale(kinds.pop() if len(kinds) == 1 else name, *_fitting(SIZES, highest)),
    )


def labels_of(labels: Sequence[str], all_series: Sequence[Series]) -> list[str]:
    """The jobs' names, and what each measured where that is not the same thing."""
    mixed = len({one.what for one in all_series if one}) > 1
    return [
        f"{label} ({one.what})" if mixed and one else label
        for label, one in zip(labels, all_series, strict=True)
    ]


def broken_words(labels: Sequence[str], all_series: Sequence[Series], on: Scales) -> str:
    """`NaN since 180` of every curve that ends without a number; empty when none does."""
    return ", ".join(
        f"{f'{label}: ' if len(labels) > 1 else ''}NaN since {on.at(since)}"
        for label, one in zip(labels, all_series, strict=True)
        if (since := one.line.broken_since) is not None
    )


def _x_scale(axis: Axis, end: float) -> Scale:
    """Steps, tokens, or time of work in a unit that fits its length."""
    if axis == "tokens":
        return Scale("tokens", big=end >= BIG)
    if axis == "step":
        return Scale("optimizer step", big=end >= BIG)
    return Scale("time of work", *_fitting(TIMES, end))


def _fitting(units: tuple[tuple[float, str], ...], size: float) -> tuple[float, str]:
    """The largest unit of which there are at least two."""
    return next((one for one in units if size >= 2 * one[0]), units[-1])
