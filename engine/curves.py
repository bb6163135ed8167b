"""A job's measurements as curves: held in columns, so that a million steps cost megabytes and milliseconds.

`Measurements` takes lines in and drops what a resume took back; `Curves` is what it holds at one
moment, immutable, so that one thread may read on while another draws. A curve is two arrays of equal
length, float64, sorted by x; NaN in `ys` is a gap: a value that was measured as NaN or infinite.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.columns import TIME, Floats, Table, column_of, names_of
from engine.files import LineReader, objects_of, open_regular
from engine.metrics import ENVELOPE
from engine.series import EMPTY, Column, Point, nice_upper

Axis = Literal["step", "tokens", "time"]
AXES: tuple[Axis, ...] = ("step", "tokens", "time")
"""What a curve can be drawn against: optimizer steps, tokens trained on, seconds of work."""

STEADY = frozenset({"learning_rate", "num_tokens"})
"""Metrics without noise, which are never smoothed."""

SMOOTHED_SHARE = 32
"""A smoothed value is the mean over about one part in so many of the curve, to either side."""


@dataclass(frozen=True)
class Curve:
    """One measurement over the run."""

    xs: Floats = field(default_factory=lambda: np.empty(0))
    ys: Floats = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.xs)

    @property
    def last(self) -> float | None:
        """The newest value; None when there is none, or when it is a gap."""
        return float(self.ys[-1]) if len(self.ys) and np.isfinite(self.ys[-1]) else None

    @property
    def end(self) -> float:
        """The largest x; 0 when there is none."""
        return float(self.xs[-1]) if len(self.xs) else 0.0

    @property
    def broken_since(self) -> float | None:
        """The x from which on every value is a gap; None when the newest is a number."""
        if not len(self.ys) or np.isfinite(self.ys[-1]):
            return None
        known = np.flatnonzero(np.isfinite(self.ys))
        return float(self.xs[known[-1] + 1 if len(known) else 0])

    def extremes(self) -> tuple[Point, Point] | None:
        """Its lowest and its highest point; None when nothing is known."""
        if not np.isfinite(self.ys).any():
            return None
        finite = np.where(np.isfinite(self.ys), self.ys, np.nan)
        low, high = int(np.nanargmin(finite)), int(np.nanargmax(finite))
        return self._point(low), self._point(high)

    def near(self, x: float) -> Point | None:
        """The measured point nearest to `x`; its y may be NaN. None when there is none."""
        if not len(self.xs):
            return None
        after = int(np.searchsorted(self.xs, x))
        best = min(
            (at for at in (after - 1, after) if 0 <= at < len(self.xs)),
            key=lambda at: abs(float(self.xs[at]) - x),
        )
        return self._point(best)

    def _point(self, at: int) -> Point:
        return Point(float(self.xs[at]), float(self.ys[at]))

    def smoothed(self, share: int = SMOOTHED_SHARE, *, reach: int | None = None) -> "Curve":
        """Each value's mean with its neighbours: centred, so that a steep fall is not drawn too late.

        The reach grows only when the number of values has doubled, so that a live curve stays where
        it is; at the beginning it shrinks, at the end it is cut. A gap stays a gap. `reach` names
        the neighbours to either side instead of a share of the curve.
        """
        count = len(self.ys)
        if reach is None:
            reach = (1 << count.bit_length() >> 1) // share
        reach = min(reach, max(0, count - 1) // 2)
        if not reach:
            return self
        known = np.isfinite(self.ys)
        sums = np.concatenate(([0.0], np.cumsum(np.where(known, self.ys, 0.0))))
        counts = np.concatenate(([0], np.cumsum(known)))
        means = np.empty(count)
        inner = slice(2 * reach + 1, None), slice(None, -2 * reach - 1)
        near = np.arange(reach)
        for where, last, first in (
            (slice(reach, count - reach), *inner),
            (near, 2 * near + 1, 0 * near),
            (count - 1 - near, 0 * near + count, count - 1 - near - reach),
        ):
            number = np.maximum(counts[last] - counts[first], 1)
            means[where] = (sums[last] - sums[first]) / number
        return Curve(self.xs, np.where(known, means, np.nan))

    def columns(self, width: int, lower: float = 0.0, upper: float | None = None) -> list[Column]:
        """The extremes of each of `width` equal columns between `lower` and `upper`, both included.

        `upper` is rounded up from the last x when not given, so that columns stay where they are
        while steps come in. Points outside are left out.
        """
        end = lower + nice_upper(self.end - lower) if upper is None else upper
        span = end - lower
        if width < 1 or not 0 < span < np.inf:
            return [EMPTY] * max(0, width)
        first = int(np.searchsorted(self.xs, lower, "left"))
        past = int(np.searchsorted(self.xs, end, "right"))
        drawn: list[Column] = [EMPTY] * width
        if first == past:
            return drawn
        xs, ys = self.xs[first:past], self.ys[first:past]
        places = np.minimum(((xs - lower) / span * width).astype(np.int64), width - 1)
        starts = np.concatenate(([0], np.flatnonzero(np.diff(places)) + 1))
        known = np.isfinite(ys)
        gaps = np.logical_or.reduceat(~known, starts)
        lows = _first_extremes(np.where(known, ys, np.inf), starts, np.minimum)
        highs = _first_extremes(np.where(known, ys, -np.inf), starts, np.maximum)
        for place, low, high, gap in zip(
            places[starts].tolist(), lows.tolist(), highs.tolist(), gaps.tolist(), strict=True
        ):
            if known[low]:
                lowest = Point(float(xs[low]), float(ys[low]))
                highest = lowest if high == low else Point(float(xs[high]), float(ys[high]))
                drawn[place] = Column(lowest, highest, gap)
            elif gap:
                drawn[place] = Column(gap=True)
        return drawn


def _first_extremes(ys: Floats, starts: NDArray[np.int64], extreme: np.ufunc) -> NDArray[np.int64]:
    """For each stretch that begins at `starts`, where its extreme stands first."""
    counts = np.diff(np.append(starts, len(ys)))
    hits = np.flatnonzero(ys == np.repeat(extreme.reduceat(ys, starts), counts))
    found: NDArray[np.int64] = hits[np.searchsorted(hits, starts)]
    return found


STEP, ATTEMPT = "step", "attempt"
_NO_KEYS = frozenset({STEP, ATTEMPT, TIME, "epoch"})
"""Columns of a table that are no curve."""


@dataclass(frozen=True)
class Curves:
    """The clean curves of a job at one moment: per kind, step and key the highest attempt's value."""

    tables: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    """kind -> column -> values; `step` is among the columns."""

    def keys(self, kind: str) -> list[str]:
        """The names measured under that kind, in order of first appearance."""
        return [name for name in self.tables.get(kind, {}) if name not in _NO_KEYS]

    def curve(self, kind: str, key: str, axis: Axis = "step") -> Curve:
        """One measurement; empty when it was never made, or when the axis is not known of it."""
        table = self.tables.get(kind, {})
        if key not in table or key in (STEP, ATTEMPT):
            return Curve()
        values = table[key]
        measured = ~np.isnan(values)
        xs = self.along(table[STEP], axis)
        if xs is None:
            return Curve()
        ys = values[measured]
        return Curve(xs[measured], np.where(np.isfinite(ys), ys, np.nan))

    def points(self, kind: str, key: str) -> tuple[list[int], list[float | None]]:
        """Steps and values of one curve; None is a measured NaN or infinity."""
        curve = self.curve(kind, key)
        values = [
            None if gap else y for y, gap in zip(curve.ys.tolist(), np.isnan(curve.ys), strict=True)
        ]
        return [int(x) for x in curve.xs], values

    def last(self, kind: str) -> tuple[int, dict[str, float | None]] | None:
        """The highest step measured under that kind, and what was measured there."""
        table = self.tables.get(kind)
        if not table or not len(table[STEP]):
            return None
        row = {
            name: None if np.isinf(column[-1]) else float(column[-1])
            for name, column in table.items()
            if name not in (STEP, ATTEMPT) and not np.isnan(column[-1])
        }
        return int(table[STEP][-1]), row

    def along(self, steps: Floats, axis: Axis) -> Floats | None:
        """Where these steps lie on an axis; of evaluations, too, the training tells.

        None where the training did not measure that axis.
        """
        if axis == "step":
            return steps
        train = self.tables.get("train", {})
        if axis == "time":
            return np.interp(steps, train[STEP], _seconds_of_work(train)) if TIME in train else None
        tokens = self.curve("train", "num_tokens")
        return np.interp(steps, tokens.xs, tokens.ys) if len(tokens) else None


def _seconds_of_work(train: Mapping[str, Floats]) -> Floats:
    """Seconds since the first measurement, without the time between attempts."""
    passed = np.diff(train[TIME], prepend=train[TIME][:1])
    same_attempt = np.diff(train[ATTEMPT], prepend=train[ATTEMPT][:1]) == 0
    return np.cumsum(np.where(same_attempt & (passed > 0), passed, 0.0))


class Measurements:
    """Takes the lines of `metrics.jsonl` in; what a resume took back is dropped.

    Lines of earlier attempts beyond a later `from_step` do not count; of what remains, the highest
    attempt counts for each kind, step and key.
    """

    def __init__(self) -> None:
        self._tables: dict[str, Table] = {}

    def curves(self) -> Curves:
        """What is held now."""
        return Curves({kind: table.view() for kind, table in self._tables.items()})

    def extend(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Take lines in, in their order."""
        said = (line.get("kind") for line in lines)
        kinds = [kind if isinstance(kind, str) else None for kind in said]
        start = 0
        for at in [at for at, kind in enumerate(kinds) if kind == "resume"]:
            self._take_in(lines[start:at], kinds[start:at])
            self._take_back(lines[at])
            start = at + 1
        self._take_in(lines[start:], kinds[start:])

    def _take_in(self, lines: Sequence[Mapping[str, Any]], kinds: Sequence[str | None]) -> None:
        for kind in dict.fromkeys(kinds):
            if kind is None:
                continue
            rows = [line for line, of in zip(lines, kinds, strict=True) if of == kind]
            places = [(row.get("step"), row.get("attempt", 1)) for row in rows]
            if not set(map(type, chain.from_iterable(places))) <= {int}:
                rows = [row for row, at in zip(rows, places, strict=True) if _is_place(at)]
                places = [at for at in places if _is_place(at)]
            if not rows:
                continue
            table = self._tables.setdefault(kind, Table())
            steps, attempts = np.array(places, dtype=np.float64).T
            if _goes_on(table, steps):
                columns = {
                    name: column_of(rows, name)
                    for name in names_of(rows)
                    if name == TIME or name not in ENVELOPE
                }
                table.append({STEP: steps, ATTEMPT: attempts, **columns}, len(rows))
            else:
                for row in rows:
                    self._place(table, row)

    def _place(self, table: Table, line: Mapping[str, Any]) -> None:
        """Take one line in wherever its step belongs."""
        step, attempt = float(line["step"]), float(line.get("attempt", 1))
        names = [name for name in line if name == TIME or name not in ENVELOPE]
        row = {name: float(column_of([line], name)[0]) for name in names}
        row = {name: value for name, value in row.items() if not np.isnan(value)}
        row |= {STEP: step, ATTEMPT: attempt}
        held = table.view()
        steps = held.get(STEP, np.empty(0))
        at = int(np.searchsorted(steps, step))
        if at < len(steps) and steps[at] == step:
            if attempt < held[ATTEMPT][at]:
                return
            if attempt > held[ATTEMPT][at]:
                row = dict.fromkeys(table.names, np.nan) | row
            table.put(at, row)
            return
        table.append({name: np.array([value]) for name, value in row.items()}, 1)
        if at < len(steps):
            table.keep(np.insert(np.arange(len(steps)), at, len(steps)))

    def _take_back(self, line: Mapping[str, Any]) -> None:
        from_step, attempt = line.get("from_step", line.get("step")), line.get("attempt", 1)
        if not isinstance(from_step, int) or not isinstance(attempt, int):
            return
        for table in self._tables.values():
            held = table.view()
            stale = (held[STEP] > from_step) & (held[ATTEMPT] < attempt)
            if stale.any():
                table.keep(~stale)


def _is_place(place: tuple[object, object]) -> bool:
    """Whether step and attempt are whole numbers; a truth value is none."""
    return type(place[0]) is int and type(place[1]) is int


def _goes_on(table: Table, steps: Floats) -> bool:
    """Whether these rows simply follow those that are there."""
    held = table.view()
    after = not table.length or steps[0] > held[STEP][-1]
    return bool(after and (np.diff(steps) > 0).all())


CHUNK_BYTES = 256 * 1024
"""Read at a time: a few milliseconds of work, so that whoever shares the interpreter can go on."""


class MetricsReader:
    """Follows `metrics.jsonl`; each `update` reads only what was added."""

    def __init__(self, path: Path) -> None:
        self._lines = LineReader(path)
        self._measurements = Measurements()

    @property
    def curves(self) -> Curves:
        """What was read so far."""
        return self._measurements.curves()

    @property
    def share(self) -> float:
        """How much of the file was read, 0 to 1."""
        return self._lines.share

    def update(self, max_bytes: int = CHUNK_BYTES) -> bool:
        """Read what is new, at most about so many bytes; True when anything was."""
        restarts, before = self._lines.restarts, self._lines.offset
        new = self._lines.objects(max_bytes)
        if self._lines.restarts != restarts:
            self._measurements = Measurements()
        self._measurements.extend(new)
        return bool(new) or self._lines.offset != before


SKETCH_PARTS = 64
SKETCH_BYTES = 64 * 1024
"""A sketch reads so many parts of a file, spread evenly over it, each of so many bytes."""


def sketch(path: Path) -> Curves | None:
    """The shape of a long run at once, from parts of its file; None when reading it whole is as fast.

    It has gaps where nothing was read, and may still hold what a resume took back.
    """
    held = Measurements()
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size < 2 * SKETCH_PARTS * SKETCH_BYTES:
                return None
            for part in range(SKETCH_PARTS):
                file.seek((size - SKETCH_BYTES) * part // (SKETCH_PARTS - 1))
                block = file.read(SKETCH_BYTES)
                held.extend(objects_of(block[block.find(b"\n") + 1 : block.rfind(b"\n") + 1]))
    except OSError:
        return None
    return held.curves()


def read_curves(path: Path) -> Curves:
    """All of a metrics file at once."""
    reader = MetricsReader(path)
    while reader.update():
        pass
    return reader.curves
