"""Where the loss of each job is going, as far as the deck has watched it.

It costs no file: the losses of `status.json` pass by anyway, and the last few are remembered.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import pairwise
from math import isfinite, sqrt
from statistics import fmean

from engine.status import JobState
from engine.watch import JobView

READINGS = 20
"""How many are remembered of a job."""

LEAST_READINGS = 6
"""With fewer nothing is said."""

RUN_SHARE = 1 / 400
"""Readings lie at least so large a share of the run apart: twenty are a twentieth of it."""

SAME = 0.002
"""A smaller change, as a share of the loss, is none."""


class Trend(Enum):
    """What a loss does; the value is its arrow, and that without line-drawing characters."""

    FALLS = ("↘", "\\")
    RISES = ("↗", "/")
    STAYS = ("→", "-")

    def arrow(self, *, ascii_only: bool) -> str:
        """One cell."""
        return self.value[ascii_only]


def trend_of(losses: Sequence[float]) -> Trend | None:
    """The trend of losses in the order of their steps; None while there are too few.

    Their newer half against their older half. A difference within twice its standard error, by the
    scatter from one reading to the next, is noise.
    """
    if len(losses) < LEAST_READINGS:
        return None
    half = len(losses) // 2
    before, after = fmean(losses[:half]), fmean(losses[-half:])
    jumps = [(b - a) ** 2 for a, b in pairwise(losses)]
    scatter = sqrt(fmean(jumps) / 2)
    if abs(after - before) <= max(2 * scatter * sqrt(2 / half), SAME * abs(before)):
        return Trend.STAYS
    return Trend.FALLS if after < before else Trend.RISES


class LossTrends:
    """The last losses of every running job."""

    def __init__(self) -> None:
        self._readings: dict[str, deque[tuple[int, float]]] = {}

    def see(self, jobs: Iterable[JobView]) -> None:
        """Remember the losses of the jobs that run; forget those that do not."""
        running = {view.id: view for view in jobs if view.state is JobState.RUNNING}
        for gone in self._readings.keys() - running.keys():
            del self._readings[gone]
        for job_id, view in running.items():
            self._see(job_id, view)

    def of(self, job_id: str) -> Trend | None:
        """The trend of a running job; None when it is not known."""
        return trend_of([loss for _, loss in self._readings.get(job_id, ())])

    def _see(self, job_id: str, view: JobView) -> None:
        status = view.status
        if status.loss is None or not isfinite(status.loss):
            return
        readings = self._readings.setdefault(job_id, deque(maxlen=READINGS))
        if readings and status.step < readings[-1][0]:
            readings.clear()
        apart = max(1.0, (status.total_steps or 0) * RUN_SHARE)
        if not readings or status.step >= readings[-1][0] + apart:
            readings.append((status.step, status.loss))
