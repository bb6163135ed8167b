"""What came of some jobs, figure by figure; pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engine.compare.side import MEMORY, Side, series
from engine.curves import Curve
from engine.series import format_bytes, format_count, format_duration
from engine.text import clean_text

UNKNOWN = "-"
"""What a table shows for a figure that is not known."""


class Unit(StrEnum):
    """What kind of number a result is."""

    NUMBER = "number"
    COUNT = "count"
    WHOLE = "whole"
    SHARE = "share"
    SECONDS = "seconds"
    BYTES = "bytes"
    PER_SECOND = "per second"


@dataclass(frozen=True)
class Result:
    """One figure of every job."""

    name: str
    unit: Unit
    values: tuple[float | None, ...]
    """One for each job; None is not known, NaN was measured as no number."""
    steps: tuple[int | None, ...] = ()
    """Where each value was measured, for those that are the best of many."""
    lower_is_better: bool | None = None
    """None where neither end is better."""

    @property
    def best(self) -> frozenset[int]:
        """Which jobs have the best value; empty when they all have the same, or none is better."""
        known = [v for v in self.values if v is not None and math.isfinite(v)]
        if self.lower_is_better is None or len(known) < 2 or min(known) == max(known):
            return frozenset()
        wanted = min(known) if self.lower_is_better else max(known)
        return frozenset(i for i, value in enumerate(self.values) if value == wanted)

    def words(self, at: int) -> str:
        """The value of one job as a table shows it."""
        value = self.values[at]
        if value is None:
            return UNKNOWN
        if math.isnan(value):
            return "NaN"
        text = _FORMATS[self.unit](value)
        step = self.steps[at] if self.steps else None
        return text if step is None else f"{text} at {step}"


_FORMATS: Mapping[Unit, Callable[[float], str]] = {
    Unit.NUMBER: lambda value: f"{value:.4g}",
    Unit.COUNT: format_count,
    Unit.WHOLE: lambda value: f"{value:,.0f}",
    Unit.SHARE: lambda value: f"{value:.1%}",
    Unit.SECONDS: format_duration,
    Unit.BYTES: format_bytes,
    Unit.PER_SECOND: lambda value: f"{value:,.0f}",
}


def results(sides: Sequence[Side], metric: str = "loss") -> tuple[Result, ...]:
    """The figures of every job; a line that no job has a value for is left out."""
    best = [_best(side.curves.curve("eval", "eval_loss")) for side in sides]
    found = [
        Result("final loss", Unit.NUMBER, _each(sides, _final_loss), lower_is_better=True),
        Result(
            "best eval loss",
            Unit.NUMBER,
            tuple(value for value, _ in best),
            steps=tuple(step for _, step in best),
            lower_is_better=True,
        ),
        Result("final eval loss", Unit.NUMBER, _each(sides, _final_eval), lower_is_better=True),
        Result("exact match", Unit.SHARE, _each(sides, _exact_match), lower_is_better=False),
        *_of_metric(sides, metric),
        Result("steps", Unit.WHOLE, _each(sides, lambda side: side.status.step or None)),
        Result("tokens", Unit.COUNT, _each(sides, _tokens)),
        Result("tokens/s, mean", Unit.PER_SECOND, _each(sides, _speed), lower_is_better=False),
        Result("time of work", Unit.SECONDS, _each(sides, seconds_of_work)),
        Result("peak GPU memory", Unit.BYTES, _each(sides, _peak_gpu)),
        Result("peak process memory", Unit.BYTES, _each(sides, _peak_process)),
    ]
    return tuple(one for one in found if any(value is not None for value in one.values))


def _each(
    sides: Sequence[Side], figure: Callable[[Side], float | None]
) -> tuple[float | None, ...]:
    return tuple(map(figure, sides))


def _newest(curve: Curve) -> float | None:
    """The newest value; NaN where it was no number, None where nothing was measured."""
    return float(curve.ys[-1]) if len(curve) else None


def _final_loss(side: Side) -> float | None:
    return _newest(side.curves.curve("train", "loss"))


def _final_eval(side: Side) -> float | None:
    return _newest(side.curves.curve("eval", "eval_loss"))


def _exact_match(side: Side) -> float | None:
    return _newest(side.curves.curve("sample", "exact_match"))


def _best(curve: Curve) -> tuple[float | None, int | None]:
    """The lowest value, and its step."""
    extremes = curve.extremes()
    return (extremes[0].y, int(extremes[0].x)) if extremes else (None, None)


def _tokens(side: Side) -> float | None:
    """Tokens trained on, as far as they were measured."""
    return side.curves.curve("train", "num_tokens").last


def _speed(side: Side) -> float | None:
    """Tokens per second of training: all tokens over all the time, not the mean of the rates."""
    tokens = side.curves.curve("train", "num_tokens")
    rates = side.curves.curve("train", "tokens_per_second")
    _, at, of_rate = np.intersect1d(tokens.xs, rates.xs, return_indices=True)
    counted = np.diff(tokens.ys, prepend=0.0)[at]
    rate = rates.ys[of_rate]
    known = np.isfinite(counted) & np.isfinite(rate) & (rate > 0) & (counted > 0)
    if not known.any():
        return None
    return float(counted[known].sum() / (counted[known] / rate[known]).sum())


def seconds_of_work(side: Side) -> float | None:
    """For how long a worker lived, pauses left out; without readings, between the measurements."""
    lived = side.machine.curve("rss_bytes").end
    measured = side.curves.curve("train", "loss", "time").end
    return max(lived, measured) or None


def _peak_gpu(side: Side) -> float | None:
    extremes = side.machine.total("memory_used_bytes").extremes()
    return extremes[1].y if extremes else None


def _peak_process(side: Side) -> float | None:
    extremes = side.machine.curve("rss_bytes").extremes()
    return extremes[1].y if extremes else None


def _of_metric(sides: Sequence[Side], metric: str) -> list[Result]:
    """Last, lowest and highest value of a metric that has no line yet."""
    if metric in {"loss", "eval_loss", "exact_match", "num_tokens", MEMORY}:
        return []
    curves = [series(side, metric) for side in sides]
    chosen = [one.line if len(one.line) else one.dots for one in curves]
    extremes = [curve.extremes() for curve in chosen]
    name = clean_text(metric)
    return [
        Result(f"final {name}", Unit.NUMBER, tuple(map(_newest, chosen))),
        *(
            Result(
                f"{word} {name}",
                Unit.NUMBER,
                tuple(pair[end].y if pair else None for pair in extremes),
                steps=tuple(int(pair[end].x) if pair else None for pair in extremes),
            )
            for end, word in enumerate(("lowest", "highest"))
        ),
    ]
