"""Numbers for charts: lines to draw, round ticks and short labels.

Pure: no file, no clock, no drawing. None, NaN and infinity are gaps, which split a line.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

UNKNOWN = "?"

ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
ROUND_LIMITS = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class Point(NamedTuple):
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Column:
    """What one column of a chart holds: its lowest and highest point, and whether a gap."""

    low: Point | None = None
    high: Point | None = None
    gap: bool = False


EMPTY = Column()


def is_gap(y: float | None) -> bool:
    """Whether a value cannot be drawn."""
    return y is None or not math.isfinite(y)


def segments(columns: Iterable[Column]) -> list[list[Point]]:
    """The line to draw: points in the order of x, one list for each stretch without a gap."""
    lines: list[list[Point]] = [[]]
    for column in columns:
        if column.low is not None and column.high is not None:
            lines[-1] += sorted({column.low, column.high})
        if column.gap and lines[-1]:
            lines.append([])
    return [line for line in lines if line]


def bounds(columns: Iterable[Column]) -> tuple[float, float] | None:
    """The lowest and the highest value drawn, or None when there is none."""
    drawn = [column for column in columns if column.low is not None]
    if not drawn:
        return None
    lows = [column.low.y for column in drawn if column.low is not None]
    highs = [column.high.y for column in drawn if column.high is not None]
    return min(lows), max(highs)


def nice_upper(x: float) -> float:
    """The next round number that is not below x; 1 for what has no size."""
    if not math.isfinite(x) or x <= 0:
        return 1.0
    exponent = math.floor(math.log10(x))
    for limit in (*ROUND_LIMITS, 12.0):
        candidate = _scaled(limit, exponent)
        if x <= candidate < math.inf:
            return candidate
    return x


def nice_ticks(lo: float, hi: float, n: int) -> list[float]:
    """At most `n` round values between `lo` and `hi`, evenly spaced."""
    if not (math.isfinite(lo) and math.isfinite(hi)) or n < 1:
        return []
    lo, hi = min(lo, hi), max(lo, hi)
    span = hi - lo
    if span == 0:
        return [lo]
    if not math.isfinite(span) or span < 1e-300 or span <= 1e-12 * max(abs(lo), abs(hi)):
        return [lo, hi][:n]
    n = min(n, 1000)
    exponent = math.floor(math.log10(span / n)) - 1
    while True:
        for step in ROUND_STEPS:
            size = _scaled(step, exponent)
            first, last = math.floor(lo / size), math.ceil(hi / size)
            if last - first > n + 1:
                continue
            ticks = _ticks(range(first, last + 1), step, exponent, lo, hi)
            if len(ticks) <= n:
                return ticks
        exponent += 1


def nice_range(lo: float, hi: float, n: int = 5) -> tuple[float, float]:
    """A range of round numbers around `lo` and `hi`, for an axis that does not twitch."""
    if not (math.isfinite(lo) and math.isfinite(hi)):
        return 0.0, 1.0
    lo, hi = min(lo, hi), max(lo, hi)
    if hi - lo <= SAME * max(abs(lo), abs(hi)):
        lo, hi = lo - (abs(lo) / 2 or 1.0), hi + (abs(hi) / 2 or 1.0)
    ticks = nice_ticks(lo, hi, max(2, n))
    if len(ticks) < 2:
        return lo, hi
    step = ticks[1] - ticks[0]
    below = ticks[0] if ticks[0] <= lo else ticks[0] - step
    above = ticks[-1] if ticks[-1] >= hi else ticks[-1] + step
    return min(lo, below), max(hi, above)


SAME = 1e-9
"""Values that differ by a smaller share are one value and rounding."""

LOG_STEPS = ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
"""Round values within each power of ten, ever more of them."""


def log_ticks(lo: float, hi: float, n: int) -> list[float]:
    """At most `n` round values between `lo` and `hi`, both above 0, for a logarithmic axis."""
    if not 0 < lo < hi < math.inf or n < 1:
        return []
    decades = range(math.floor(math.log10(lo)), math.ceil(math.log10(hi)) + 1)
    best: list[float] = []
    for steps in LOG_STEPS:
        ticks = [_scaled(step, decade) for decade in decades for step in steps]
        ticks = [tick for tick in ticks if lo <= tick <= hi]
        if len(ticks) > n:
            break
        best = ticks
    if len(best) >= 2:
        return best
    if len(decades) > n:
        return [_scaled(1.0, decade) for decade in decades[1 : -1 : -(-len(decades) // n)]]
    return nice_ticks(lo, hi, n)


def log_range(lo: float, hi: float) -> tuple[float, float]:
    """A range of round numbers around `lo` and `hi`, both above 0, for a logarithmic axis."""
    if not 0 < lo <= hi < math.inf:
        return 0.1, 1.0
    if hi < 1.5 * lo:
        below, above = nice_range(lo, hi)
        return (below, above) if below > 0 else (lo / 2, above)
    return _round_beyond(lo, down=True), _round_beyond(hi * 1.000001, down=False)


def _round_beyond(value: float, *, down: bool) -> float:
    """The next of 1, 1.5, 2, 3, 5, 7 times a power of ten, below or above."""
    exponent = math.floor(math.log10(value))
    around = [
        _scaled(step, e) for e in (exponent - 1, exponent, exponent + 1) for step in LOG_STEPS[-1]
    ]
    beyond = [
        round_value for round_value in around if (round_value < value) is down and round_value > 0
    ]
    return (max(beyond) if down else min(beyond)) if beyond else value


def format_value(x: float | None) -> str:
    """Three significant digits in as few characters as they need: 0.0312, 12.3, 1234, 1.2e-05."""
    if x is None:
        return UNKNOWN
    if not math.isfinite(x) or x == 0:
        return f"{x:g}".removeprefix("-") if x == 0 else f"{x:g}"
    size = abs(x)
    if size >= 999_999.5 or size < 0.001:
        return f"{x:.2g}"
    return f"{x:.0f}" if size >= 99.95 else f"{x:.3g}"


def format_bytes(size: float | None) -> str:
    """1024-based: 512 B, 1.5 KiB, 18.3 GiB."""
    if size is None or not math.isfinite(size):
        return UNKNOWN
    units = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
    value, unit = _reduced(size, 1024, len(units))
    digits = 0 if unit == 0 or abs(value) >= 99.95 else 1
    return f"{value:.{digits}f} {units[unit]}"


def format_count(number: float | None) -> str:
    """1000-based: 950, 1.23k, 45.6M."""
    if number is None or not math.isfinite(number):
        return UNKNOWN
    units = ("", "k", "M", "B", "T")
    value, unit = _reduced(number, 1000, len(units))
    text = f"{value:.0f}" if unit == 0 or abs(value) >= 99.95 else f"{value:.3g}"
    return f"{text}{units[unit]}"


def format_duration(seconds: float | None) -> str:
    """The two largest units: 45s, 3m12s, 2h05m, 3d04h."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    sign, whole = ("-" if seconds <= -0.5 else ""), round(abs(seconds))
    if whole < 60:
        return f"{sign}{whole}s"
    minutes, left = divmod(whole, 60)
    if minutes < 60:
        return f"{sign}{minutes}m{left:02}s"
    hours, left = divmod(minutes, 60)
    if hours < 24:
        return f"{sign}{hours}h{left:02}m"
    days, left = divmod(hours, 24)
    return f"{sign}{days}d{left:02}h"


def _scaled(mantissa: float, exponent: int) -> float:
    """mantissa * 10**exponent, rounded once, as if it were written out."""
    return float(f"{mantissa}e{exponent}")


def _ticks(multiples: range, step: float, exponent: int, lo: float, hi: float) -> list[float]:
    ticks = (_scaled(round(multiple * step, 1), exponent) for multiple in multiples)
    return list(dict.fromkeys(tick for tick in ticks if lo <= tick <= hi))


def _reduced(number: float, base: int, units: int) -> tuple[float, int]:
    """A number below `base` and the index of its unit, after the rounding that labels do."""
    unit = 0
    while abs(number) >= base - 0.5 and unit < units - 1:
        number /= base
        unit += 1
    return number, unit
