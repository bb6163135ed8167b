"""Numbers for charts: extremes per column, smoothing, round ticks and short labels.

Pure: no file, no clock, no drawing. None, NaN and infinity are gaps, which split a line.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

T = TypeVar("T")

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


def buckets(
    xs: Sequence[float],
    ys: Sequence[float | None],
    width: int,
    *,
    lower: float = 0.0,
    upper: float | None = None,
) -> list[Column]:
    """The extremes of each of `width` equal columns between `lower` and `upper`, both included.

    `upper` is rounded up from the last x when not given, so that columns stay where they are while
    steps come in. Points outside are left out.
    """
    reach = max((x for x in xs if math.isfinite(x)), default=lower)
    end = lower + nice_upper(reach - lower) if upper is None else upper
    return _gather(zip(xs, ys, strict=True), width, lower, end)


class Buckets:
    """A growing series held as at most `resolution` extremes: O(1) a point, whatever its length.

    Its buckets double in width when the range outgrows them. A column drawn from it is exact
    except for points that share a bucket with the next column's.
    """

    def __init__(self, resolution: int = 2048, unit: float = 1.0, start: float = 0.0) -> None:
        if resolution < 2 or unit <= 0:
            raise ValueError("resolution must be at least 2 and unit above 0")
        self.start = start
        self.points_seen = 0
        self._last_x = -math.inf
        self._bucket_width = unit
        self._resolution = resolution
        self._lows: list[Point | None] = [None] * resolution
        self._highs: list[Point | None] = [None] * resolution
        self._gaps: list[float | None] = [None] * resolution

    @property
    def last_x(self) -> float | None:
        """The largest x seen, gaps included."""
        return None if self._last_x == -math.inf else self._last_x

    def add(self, x: float, y: float | None) -> bool:
        """Take one point in; True if what is kept has changed."""
        return self.extend((x,), (y,))

    def extend(self, xs: Iterable[float], ys: Iterable[float | None]) -> bool:
        """Take points in; True if what is kept has changed."""
        changed, seen, last_x = False, 0, self._last_x
        start, resolution = self.start, self._resolution
        lows, highs, width = self._lows, self._highs, self._bucket_width
        for x, y in zip(xs, ys, strict=True):
            place = (x - start) / width
            if not -math.inf < place < resolution:
                if not math.isfinite(place):
                    continue
                place = self._make_room(x)
                lows, highs, width = self._lows, self._highs, self._bucket_width
            seen += 1
            if x > last_x:
                last_x = x
            index = int(place) if place > 0 else 0
            if y is None or not math.isfinite(y):
                changed |= self._note_gap(index, x)
                continue
            low, high = lows[index], highs[index]
            if low is None or high is None:
                lows[index] = highs[index] = Point(x, y)
            elif y < low[1]:
                lows[index] = Point(x, y)
            elif y > high[1]:
                highs[index] = Point(x, y)
            else:
                continue
            changed = True
        self.points_seen += seen
        self._last_x = last_x
        return changed

    def columns(
        self, width: int, *, lower: float | None = None, upper: float | None = None
    ) -> list[Column]:
        """The columns of a chart, as `buckets` gives them; the cost depends on resolution only."""
        begin = self.start if lower is None else lower
        end = begin + nice_upper(self._last_x - begin) if upper is None else upper
        return _gather(self._kept(), width, begin, end)

    def _make_room(self, x: float) -> float:
        """Double the buckets until x has one; its place then."""
        place = (x - self.start) / self._bucket_width
        while place >= self._resolution:
            self._double()
            place = (x - self.start) / self._bucket_width
        return place

    def _note_gap(self, index: int, x: float) -> bool:
        if self._gaps[index] is not None:
            return False
        self._gaps[index] = x
        return True

    def _double(self) -> None:
        """Join neighbours, which frees the upper half for what comes."""
        rest = self._resolution - (self._resolution + 1) // 2
        self._lows = [_lower(*pair) for pair in _pairs(self._lows)] + [None] * rest
        self._highs = [_higher(*pair) for pair in _pairs(self._highs)] + [None] * rest
        self._gaps = [a if a is not None else b for a, b in _pairs(self._gaps)] + [None] * rest
        self._bucket_width *= 2

    def _kept(self) -> Iterable[tuple[float, float | None]]:
        for low, high, gap in zip(self._lows, self._highs, self._gaps, strict=True):
            if low is not None and high is not None:
                yield low
                yield high
            if gap is not None:
                yield gap, None


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


class Smoother:
    """An exponential moving average without the pull towards its start, as TensorBoard draws it.

    A gap stays a gap and does not reset the average.
    """

    def __init__(self, weight: float) -> None:
        if not 0.0 <= weight < 1.0:
            raise ValueError(f"weight must be at least 0 and below 1, not {weight}")
        self._weight = weight
        self._sum = 0.0
        self._remaining = 1.0

    def add(self, y: float | None) -> float | None:
        """The average after one more value."""
        if y is None or not math.isfinite(y):
            return None
        self._sum = self._sum * self._weight + (1.0 - self._weight) * y
        self._remaining *= self._weight
        return self._sum / (1.0 - self._remaining)


def smooth(ys: Iterable[float | None], weight: float) -> list[float | None]:
    """Every value averaged with those before it; 0 leaves them as they are."""
    smoother = Smoother(weight)
    return [smoother.add(y) for y in ys]


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
    if lo == hi:
        lo, hi = lo - (abs(lo) / 2 or 1.0), hi + (abs(hi) / 2 or 1.0)
    ticks = nice_ticks(lo, hi, max(2, n))
    if len(ticks) < 2:
        return lo, hi
    step = ticks[1] - ticks[0]
    below = ticks[0] if ticks[0] <= lo else ticks[0] - step
    above = ticks[-1] if ticks[-1] >= hi else ticks[-1] + step
    return min(lo, below), max(hi, above)


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


def _gather(
    pairs: Iterable[tuple[float, float | None]], width: int, lower: float, upper: float
) -> list[Column]:
    span = upper - lower
    if width < 1 or not 0 < span < math.inf:
        return [EMPTY] * max(0, width)
    lows: list[Point | None] = [None] * width
    highs: list[Point | None] = [None] * width
    gaps = [False] * width
    for x, y in pairs:
        if not lower <= x <= upper:
            continue
        index = min(width - 1, int((x - lower) / span * width))
        if y is None or not math.isfinite(y):
            gaps[index] = True
            continue
        low, high = lows[index], highs[index]
        if low is None or high is None:
            lows[index] = highs[index] = Point(x, y)
        elif y < low[1]:
            lows[index] = Point(x, y)
        elif y > high[1]:
            highs[index] = Point(x, y)
    return [Column(*parts) for parts in zip(lows, highs, gaps, strict=True)]


def _lower(a: Point | None, b: Point | None) -> Point | None:
    return b if a is None or (b is not None and b.y < a.y) else a


def _higher(a: Point | None, b: Point | None) -> Point | None:
    return b if a is None or (b is not None and b.y > a.y) else a


def _pairs(items: list[T | None]) -> Iterable[tuple[T | None, T | None]]:
    return zip(items[::2], [*items[1::2], *([None] * (len(items) % 2))], strict=True)


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
