"""A job's measurements as points to draw: immutable, so that the reading thread may hand them over."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from engine import series
from engine.metrics import Curves

SMOOTHED_SHARE = 32
"""The smoothed loss is the mean over about one part in so many of the curve, to either side."""

MOST_POINTS = 4096
"""More points than any terminal has columns: longer curves are handed over as their extremes."""

PAUSE_SECONDS = 60.0
"""A longer silence between two memory readings is a pause, and takes no room on the axis."""


@dataclass(frozen=True)
class Points:
    """One curve; None where the value was NaN or infinite."""

    xs: tuple[float, ...] = ()
    ys: tuple[float | None, ...] = ()

    @property
    def last(self) -> float | None:
        """The last value."""
        return self.ys[-1] if self.ys else None


@dataclass(frozen=True)
class LossPoints:
    """What the loss chart draws."""

    train: Points = Points()
    smooth: Points = Points()
    evaluation: Points = Points()
    last_step: int = 0
    not_finite_at: int | None = None
    """The first step whose loss was NaN or infinite, when the last one is too."""
    latest: Mapping[str, Any] = field(default_factory=dict)
    """The newest training measurement, whole."""


@dataclass(frozen=True)
class MemoryPoints:
    """What the memory chart draws, in bytes against seconds of work."""

    device: str = "host"
    """`GPU 0`, `2 GPUs` or `host`."""
    used: Points = Points()
    process: Points = Points()
    """The worker's own resident memory; host memory, whatever the device."""
    capacity: float | None = None
    peak: float | None = None
    """The most that was used."""


def loss_points(curves: Curves) -> LossPoints:
    """The loss curves of a job."""
    steps, losses = curves.points("train", "loss")
    evaluated, eval_losses = curves.points("eval", "eval_loss")
    latest = curves.last("train")
    return LossPoints(
        train=_reduced(steps, losses),
        smooth=_reduced(steps, smoothed(losses)),
        evaluation=_reduced(evaluated, eval_losses),
        last_step=max([*steps[-1:], *evaluated[-1:]], default=0),
        not_finite_at=_broken_since(steps, losses),
        latest=latest[1] if latest else {},
    )


def memory_points(readings: Sequence[Mapping[str, Any]]) -> MemoryPoints:
    """The memory curves of a job: of its GPUs when it has any, else of the host."""
    seconds = _working_seconds(readings)
    on_gpu = any(reading.get("gpus") for reading in readings)
    used = [
        _gpu(r, "memory_used_bytes") if on_gpu else _number(r, "host_used_bytes") for r in readings
    ]
    totals = [
        _gpu(r, "memory_total_bytes") if on_gpu else _number(r, "host_total_bytes")
        for r in readings[-1:]
    ]
    indices = [gpu.get("index") for gpu in (readings[-1].get("gpus") or [])] if readings else []
    return MemoryPoints(
        device="host" if not on_gpu else f"GPU {indices[0]}" if len(indices) == 1 else "GPUs",
        used=_reduced(seconds, used),
        process=_reduced(seconds, [_number(reading, "rss_bytes") for reading in readings]),
        capacity=totals[0] if totals else None,
        peak=max((value for value in used if value is not None), default=None),
    )


def smoothed(values: Sequence[float | None]) -> list[float | None]:
    """Each value's mean with its neighbours: centred, so that a steep fall is not drawn too late.

    The reach grows only when the number of values has doubled, so that a live curve stays where it
    is; at the beginning it shrinks, at the end it is cut. A gap stays a gap.
    """
    count = len(values)
    reach = (1 << count.bit_length() >> 1) // SMOOTHED_SHARE
    sums, counts = [0.0], [0]
    for value in values:
        known = value is not None and math.isfinite(value)
        sums.append(sums[-1] + (value if known and value is not None else 0.0))
        counts.append(counts[-1] + known)
    means: list[float | None] = []
    for at, value in enumerate(values):
        if series.is_gap(value):
            means.append(None)
            continue
        near = min(reach, at)
        first, last = at - near, min(count, at + near + 1)
        means.append((sums[last] - sums[first]) / (counts[last] - counts[first]))
    return means


def _reduced(xs: Sequence[float], ys: Sequence[float | None]) -> Points:
    if len(xs) <= MOST_POINTS:
        return Points(tuple(xs), tuple(ys))
    columns = series.buckets(xs, ys, MOST_POINTS // 2)
    kept: list[tuple[float, float | None]] = []
    for column in columns:
        if column.low is not None and column.high is not None:
            kept += sorted({column.low, column.high})
        if column.gap and kept:
            kept.append((kept[-1][0], None))
    return Points(tuple(x for x, _ in kept), tuple(y for _, y in kept))


def _broken_since(steps: Sequence[int], losses: Sequence[float | None]) -> int | None:
    since = None
    for step, loss in zip(reversed(steps), reversed(losses), strict=True):
        if not series.is_gap(loss):
            break
        since = step
    return since


def _working_seconds(readings: Sequence[Mapping[str, Any]]) -> list[float]:
    """When each reading was taken, in seconds of work: pauses left out."""
    times = [_number(reading, "time") or 0.0 for reading in readings]
    seconds = [0.0] if times else []
    for before, after in pairwise(times):
        passed = after - before
        seconds.append(seconds[-1] + (passed if 0 <= passed <= PAUSE_SECONDS else 1.0))
    return seconds


def _number(reading: Mapping[str, Any], key: str) -> float | None:
    value = reading.get(key)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _gpu(reading: Mapping[str, Any], key: str) -> float | None:
    """The sum over the job's GPUs, or None when any of them does not say."""
    values = [_number(gpu, key) for gpu in reading.get("gpus") or []]
    known = [value for value in values if value is not None]
    return sum(known) if values and len(known) == len(values) else None
