"""What evaluations are judged by: the one measurement that early stopping and the best checkpoint go by.

Everything is a function of what was logged, which every checkpoint holds: a resumed run judges as the unbroken
one does.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import methods
from engine.spec import JobSpec

PREFIX = "eval_"


@dataclass(frozen=True)
class Yardstick:
    """A measurement of evaluations, and which way is better."""

    metric: str
    """As it is logged: `eval_loss`."""
    greater_is_better: bool = False

    def is_better(self, value: float, than: float, threshold: float = 0.0) -> bool:
        """Whether a value is a gain of more than `threshold`; NaN never is."""
        gain = value - than if self.greater_is_better else than - value
        return gain > threshold

    def measured(self, history: Iterable[Mapping[str, Any]]) -> list[tuple[int, float]]:
        """Step and value of every evaluation in a trainer's `log_history`."""
        return [
            (int(line.get("step", 0)), float(line[self.metric]))
            for line in history
            if isinstance(line.get(self.metric), int | float)
        ]

    def at(self, history: Iterable[Mapping[str, Any]], step: int) -> dict[str, Any] | None:
        """What a checkpoint keeps of the evaluation at its step; None without one."""
        values = [value for measured, value in self.measured(history) if measured == step]
        if not values:
            return None
        return {
            "metric": self.metric,
            "value": values[-1],
            "greater_is_better": self.greater_is_better,
        }


def of(spec: JobSpec) -> Yardstick:
    """`training.metric_for_best_model`, else what the method is for: the loss, for grpo the reward.

    Without `training.greater_is_better` more is better of everything but losses, as in transformers.
    """
    asked = spec.training.get("metric_for_best_model")
    metric = str(asked or methods.method(spec.method).judged_by)
    metric = metric if metric.startswith(PREFIX) else f"{PREFIX}{metric}"
    greater = spec.training.get("greater_is_better")
    return Yardstick(metric, not metric.endswith("loss") if greater is None else bool(greater))


def without_gain(values: Sequence[float], yardstick: Yardstick, threshold: float) -> int:
    """How many evaluations in a row, the last among them, were no gain over the best before them.

    The rule of transformers' `EarlyStoppingCallback`: the first is always one, and a gain too small to count
    still raises what the next has to beat.
    """
    count = 0
    best: float | None = None
    for value in values:
        gained = best is None or yardstick.is_better(value, best, threshold)
        count = 0 if gained else count + 1
        if best is None:
            best = -math.inf if yardstick.greater_is_better else math.inf
        if yardstick.is_better(value, best):
            best = value
    return count


def best(measured: Sequence[tuple[int, float]], yardstick: Yardstick) -> tuple[int, float] | None:
    """Step and value of the best evaluation, the earlier of two equals."""
    found: tuple[int, float] | None = None
    for step, value in measured:
        if math.isfinite(value) and (found is None or yardstick.is_better(value, found[1])):
            found = step, value
    return found
