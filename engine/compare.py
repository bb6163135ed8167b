"""Several jobs side by side: what differs in their specs, what came of it, and their curves on one axis.

Pure but for `read_side`; who shows it (a table, a chart, a file) decides how.
"""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from engine import edits
from engine.curves import (
    Axis,
    Curve,
    Curves,
    Floats,
    Machine,
    MetricsReader,
    Readings,
)
from engine.errors import TunedeckError
from engine.files import LineReader
from engine.job import Job
from engine.series import format_bytes, format_count, format_duration
from engine.status import JobStatus
from engine.text import clean_text, one_line

ABSENT = "-"
"""What a table shows for a field that a spec does not set, and for a result that is not known."""

MEMORY = "memory"
"""The metric that no step carries: what the job's GPUs hold, or its process without one."""

_IN_THE_HEADING = frozenset({"name"})
"""Fields of a spec that every table of jobs shows anyway."""


@dataclass(frozen=True)
class Side:
    """One of the jobs that are compared."""

    id: str
    status: JobStatus
    spec: Mapping[str, Any] = field(default_factory=dict)
    """The effective spec, as a plain mapping."""
    curves: Curves = field(default_factory=Curves)
    machine: Machine = field(default_factory=Machine)

    @property
    def measured(self) -> bool:
        """Whether there is anything to draw."""
        return any(self.curves.keys(kind) for kind in self.curves.tables)


@dataclass(frozen=True)
class Difference:
    """A field of the spec that not all jobs have alike."""

    field: str
    """Dotted: `training.learning_rate`."""
    values: tuple[str, ...]
    """One for each job; `ABSENT` where a spec does not set it."""

    @property
    def short(self) -> tuple[str, ...]:
        """The values without the folders that all paths among them share."""
        return _without_common_folder(self.values)


class Unit(StrEnum):
    """What kind of number a result is."""

    NUMBER = "number"
    COUNT = "count"
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
            return ABSENT
        if math.isnan(value):
            return "NaN"
        text = _FORMATS[self.unit](value)
        step = self.steps[at] if self.steps else None
        return text if step is None else f"{text} at {step}"


_FORMATS: Mapping[Unit, Callable[[float], str]] = {
    Unit.NUMBER: lambda value: f"{value:.4g}",
    Unit.COUNT: format_count,
    Unit.SHARE: lambda value: f"{value:.1%}",
    Unit.SECONDS: format_duration,
    Unit.BYTES: format_bytes,
    Unit.PER_SECOND: lambda value: f"{value:,.0f}",
}


@dataclass(frozen=True)
class Comparison:
    """Everything about some jobs side by side."""

    sides: tuple[Side, ...]
    labels: tuple[str, ...]
    """A short name for each, no two alike."""
    differences: tuple[Difference, ...]
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Series:
    """One metric of one job against one axis."""

    line: Curve = field(default_factory=Curve)
    """What the training measured, step by step."""
    dots: Curve = field(default_factory=Curve)
    """What the evaluations measured."""
    what: str = ""
    """What it is of several things that the metric can be: whose memory."""

    def __bool__(self) -> bool:
        return bool(len(self.line) or len(self.dots))

    @property
    def end(self) -> float:
        """The largest x."""
        return max(self.line.end, self.dots.end)


# --- what is compared -----------------------------------------------------------------------------


def read_side(job: Job) -> Side:
    """All that is known of a job; this reads its files, so a deck calls it in a thread."""
    return SideReader(job).read()


class SideReader:
    """A job that is read on while it works; for one thread at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._metrics = MetricsReader(job.metrics_file)
        self._memory = LineReader(job.memory_file)
        self._readings = Readings()
        self._spec: Mapping[str, Any] = {}

    def read(self) -> Side:
        """All that is known of the job now."""
        while self._metrics.update():
            pass
        restarts = self._memory.restarts
        while new := self._memory.objects():
            if self._memory.restarts != restarts:
                restarts, self._readings = self._memory.restarts, Readings()
            self._readings.extend(new)
        with suppress(TunedeckError):  # gone, or no spec any more: what was read before stays
            self._spec = edits.document(self._job)
        return Side(
            id=self._job.id,
            status=self._job.observed(),
            spec=self._spec,
            curves=self._metrics.curves,
            machine=self._readings.machine(),
        )


def compare(sides: Sequence[Side], metric: str = "loss") -> Comparison:
    """The tables; a metric that the usual results do not tell gets lines of its own."""
    return Comparison(
        sides=tuple(sides),
        labels=labels([side.id for side in sides]),
        differences=differences([side.spec for side in sides]),
        results=results(sides, metric),
    )


def labels(ids: Sequence[str]) -> tuple[str, ...]:
    """The ids without their date, `gsm8k-7f3a`; whole where two would read alike."""
    short = ["-".join(name.split("-")[3:]) or name for name in ids]
    return tuple(
        one if short.count(one) == 1 else name for one, name in zip(short, ids, strict=True)
    )


def differences(specs: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The fields that are not the same everywhere, in the order in which the specs have them."""
    flat = [dict(_flattened(spec)) for spec in specs]
    names = dict.fromkeys(name for one in flat for name in one if name not in _IN_THE_HEADING)
    return tuple(
        Difference(name, tuple(_value_words(one[name]) if name in one else ABSENT for one in flat))
        for name in sorted(names, key=_section_order(names))
        if not all(name in one and _same(one[name], flat[0].get(name)) for one in flat)
    )


def _flattened(value: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Dotted name and value of every leaf; a list is a leaf, and so is an empty section."""
    found: list[tuple[str, Any]] = []
    for key, inner in value.items():
        name = f"{above}{key}"
        if isinstance(inner, Mapping) and inner:
            found += _flattened(inner, f"{name}.")
        elif not isinstance(inner, Mapping):
            found.append((name, inner))
    return found


def _section_order(names: Mapping[str, None]) -> Callable[[str], int]:
    """Fields of one section stand together, though another spec may add some."""
    sections = list(dict.fromkeys(name.partition(".")[0] for name in names))
    return lambda name: sections.index(name.partition(".")[0])


def _same(one: object, other: object) -> bool:
    """Whether two values mean the same: 16 is 16.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _value_words(value: object) -> str:
    """A value as a spec would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_value_words, value)) + "]"
    return one_line(str(value))


def _without_common_folder(values: tuple[str, ...]) -> tuple[str, ...]:
    paths = [value.split("/") for value in values if value.startswith("/")]
    if len(set(map(tuple, paths))) < 2:
        return values
    shared = 0
    while len({tuple(path[: shared + 1]) for path in paths}) == 1 and all(
        len(path) > shared + 1 for path in paths
    ):
        shared += 1
    if shared < 2:
        return values
    return tuple(
        "…/" + "/".join(value.split("/")[shared:]) if value.startswith("/") else value
        for value in values
    )


# --- what came of it ------------------------------------------------------------------------------


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
        Result("steps", Unit.COUNT, _each(sides, lambda side: side.status.step or None)),
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


# --- curves on one axis ---------------------------------------------------------------------------


def metrics(sides: Sequence[Side]) -> list[str]:
    """What can be drawn of these jobs, in the order of first appearance."""
    names = dict.fromkeys(
        key for side in sides for kind in side.curves.tables for key in side.curves.keys(kind)
    )
    if any(memory(side) for side in sides):
        names[MEMORY] = None
    return list(names)


def series(side: Side, metric: str, axis: Axis = "step") -> Series:
    """One metric of one job: `loss` brings its `eval_loss` along; empty when it was never measured.

    `memory` is measured against time whatever the axis, as no step carries it.
    """
    if metric == MEMORY:
        return memory(side) if axis == "time" else Series()
    line = side.curves.curve("train", metric, axis)
    dots = side.curves.curve("eval", f"eval_{metric}", axis)
    for kind in side.curves.tables:
        if kind != "train" and not len(dots):
            dots = side.curves.curve(kind, metric, axis)
    return Series(line, dots)


def memory(side: Side) -> Series:
    """What its GPUs hold against seconds of work; without one, what its process holds."""
    on_gpus = side.machine.total("memory_used_bytes")
    if len(on_gpus):
        return Series(on_gpus, what="GPU memory")
    return Series(side.machine.curve("rss_bytes"), what="process memory")


# --- a file for other tools -----------------------------------------------------------------------


def to_csv(sides: Sequence[Side]) -> str:
    """Every measurement in long form: a line for each job, kind and step.

    A cell is empty where nothing was measured, and `nan` where the value was no number.
    """
    names = [name for name in metrics(sides) if name != MEMORY]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["job", "kind", "step", "tokens", "seconds", *map(clean_text, names)])
    for side in sides:
        for kind, table in side.curves.tables.items():
            steps = table["step"]
            columns = [
                _cells(side.curves.along(steps, "tokens"), len(steps)),
                _cells(side.curves.along(steps, "time"), len(steps)),
                *(_cells(table.get(name), len(steps)) for name in names),
            ]
            for row, step in enumerate(steps.tolist()):
                values = (column[row] for column in columns)
                writer.writerow([side.id, clean_text(kind), int(step), *values])
    return text.getvalue()


def _cells(column: Floats | None, rows: int) -> list[str]:
    if column is None:
        return [""] * rows
    return ["" if y != y else "nan" if math.isinf(y) else _exact(y) for y in column.tolist()]


def _exact(y: float) -> str:
    """A number as short as it can be read back exactly."""
    return str(int(y)) if y.is_integer() and abs(y) < 1e15 else repr(y)
