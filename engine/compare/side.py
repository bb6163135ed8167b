"""One of several jobs that are shown together, and each of its metrics against a common axis."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from engine import edits
from engine.curves import STEADY, Axis, Curve, Curves, MetricsReader
from engine.errors import TunedeckError
from engine.files import LineReader
from engine.job import Job
from engine.machine import Machine, Readings
from engine.status import JobStatus

MEMORY = "memory"
"""The metric that no step carries: what the job's GPUs hold, or its process without one."""


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


def smoothed(line: Curve, metric: str) -> Curve:
    """A line as a chart draws it when nobody asked for more or less: averaged, unless it has no noise."""
    return line if metric in STEADY | {MEMORY} else line.smoothed()
