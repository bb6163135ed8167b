"""What a training field is when the spec says nothing: tunedeck's own default, else the library's."""

from collections.abc import Mapping
from typing import Any

from engine import schema

SEED = 42
SAVES_PER_RUN = 10
SAVES_KEPT = 3
EVALUATIONS_PER_RUN = 10


def own(training: Mapping[str, Any], *, has_eval: bool) -> dict[str, Any]:
    """Where tunedeck chooses otherwise than the library, on any device and for any method."""
    return {
        "seed": SEED,
        "report_to": "none",
        "per_device_eval_batch_size": training.get("per_device_train_batch_size", 8),
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": None,
        "save_total_limit": SAVES_KEPT,
        "eval_strategy": "steps" if has_eval else "no",
        "eval_steps": 1 / EVALUATIONS_PER_RUN if has_eval else None,
    }


def resolved(config: str, training: Mapping[str, Any], *, has_eval: bool) -> dict[str, Any]:
    """Every field of a method's TRL config as it is in force, except what the device decides.

    `save_steps: None` is a tenth of the run; an `eval_steps` below 1 is a share of it.
    """
    library = {name: field.default for name, field in schema.fields(config).items()}
    return {**library, **own(training, has_eval=has_eval), **training}
