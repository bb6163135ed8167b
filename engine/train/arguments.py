"""The TRL arguments of a job: what the spec says, tunedeck's defaults, and what tunedeck manages itself."""

import dataclasses
from typing import Any, TypeVar

from transformers import TrainingArguments

from engine import defaults
from engine.train.material import Material
from engine.train.rendering import MASK_FIELDS

OWN_FIELDS = (
    *("save_strategy", "save_steps", "save_total_limit", "logging_steps"),
    *("metric_for_best_model", "greater_is_better", "report_to"),
    *MASK_FIELDS,
)
"""Fields of the spec that tunedeck acts on instead of the trainer."""

Config = TypeVar("Config", bound=TrainingArguments)

MAX_LENGTH = 1024
"""Tokens of a row when the spec does not say, or the model's context where that is shorter."""


def trainer_arguments(config_class: type[Config], material: Material, **chosen: Any) -> Config:
    """A method's config: tunedeck's defaults, then `chosen` by the method, then what the spec says.

    The trainer logs every step and never saves by itself: `Recorder` averages, `Flow` saves.
    """
    spec, has_eval = material.spec, material.eval_dataset is not None
    names = {field.name for field in dataclasses.fields(config_class)}
    asked = {name: value for name, value in spec.training.items() if name not in OWN_FIELDS}
    own = defaults.own(spec.training, has_eval=has_eval)
    values: dict[str, Any] = {name: own[name] for name in own if name not in OWN_FIELDS}
    values["dataloader_pin_memory"] = material.gpu
    if not material.gpu:
        values["bf16"] = False
    if "max_length" in names:
        values["max_length"] = max_length(material)
    values |= {name: value for name, value in material.chosen.items() if name in names}
    values |= chosen
    values |= asked
    values["data_seed"] = asked.get("data_seed", values["seed"])
    values |= {
        "output_dir": str(material.output_dir),
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_first_step": False,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "report_to": "none",
        "restore_callback_states_from_checkpoint": True,
        "use_cpu": not material.gpu,
    }
    if not has_eval:
        values["eval_strategy"] = "no"
    return config_class(**values)


def max_length(material: Material) -> int | None:
    """Tokens that a row is cut to; None where the spec says null."""
    return row_length(material.spec.training, material.base.context_length)


def row_length(training: Any, context_length: int | None) -> int | None:
    """As `max_length`, before there is a material."""
    if "max_length" in training:
        asked: int | None = training["max_length"]
        return asked
    return min(MAX_LENGTH, context_length or MAX_LENGTH)


def checkpointing_field() -> str:
    """What this TRL calls the field that recomputes activations: the newer transformers renamed it."""
    names = {field.name for field in dataclasses.fields(TrainingArguments)}
    return next(n for n in ("activation_checkpointing", "gradient_checkpointing") if n in names)
