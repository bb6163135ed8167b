"""The learning rate at a step, as the usual schedules compute it, for previews; pure, without torch."""

import math
from collections.abc import Mapping
from typing import Any


def warmup(training: Mapping[str, Any], total_steps: int) -> int:
    """Steps of the warmup; a number below 1 is a share of all steps."""
    asked = float(training.get("warmup_steps") or 0)
    return int(asked) if asked >= 1 else math.ceil(total_steps * asked)


def rate(training: Mapping[str, Any], step: int, total_steps: int) -> float | None:
    """What the optimizer step number `step` (from 1) uses; None for a schedule that is not known here.

    Args:
        training: the fields in force, with their defaults.
        step: from 1 to `total_steps`.
        total_steps: of the whole run, over which a decay is stretched.
    """
    peak, done = float(training["learning_rate"]), step - 1
    kind = training["lr_scheduler_type"]
    warm = 0 if kind == "constant" else warmup(training, total_steps)
    if training.get("lr_scheduler_kwargs"):
        return None
    if kind in ("constant", "constant_with_warmup"):
        return peak * (done / max(1, warm) if done < warm else 1.0)
    if kind not in ("linear", "cosine"):
        return None
    if done < warm:
        return peak * done / max(1, warm)
    left = (total_steps - done) / max(1, total_steps - warm)
    if kind == "linear":
        return peak * max(0.0, left)
    return peak * max(0.0, 0.5 * (1.0 + math.cos(math.pi * (1.0 - left))))
