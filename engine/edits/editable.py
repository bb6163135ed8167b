"""The fields that can be edited at a pause, what each does, and why the others are fixed; only facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BATCH, ACCUMULATION = "per_device_train_batch_size", "gradient_accumulation_steps"
LENGTH = ("num_train_epochs", "max_steps")
SCHEDULE = ("learning_rate", "lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps")
OPTIMIZER = ("weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon")
EVALUATION = ("eval_strategy", "eval_steps", "eval_delay", "per_device_eval_batch_size")

HELP: Mapping[str, tuple[str, str]] = {
    "learning_rate": ("learning rate", "the highest rate of the schedule"),
    "lr_scheduler_type": ("learning rate", "how the rate falls: linear, cosine, constant, ..."),
    "lr_scheduler_kwargs": ("learning rate", "further settings of that schedule"),
    "warmup_steps": (
        "learning rate",
        "steps of the rise, from step 0; below 1 a share of all steps",
    ),
    "num_train_epochs": ("length", "passes over the data; max_steps overrides it"),
    "max_steps": ("length", "optimizer steps of the whole run; -1 goes by epochs"),
    BATCH: ("batch", "rows at a time: decides the memory; a step keeps its rows"),
    ACCUMULATION: ("batch", "batches of one step; set both to change the rows of a step"),
    "weight_decay": ("optimizer", "pull of the weights towards zero"),
    "max_grad_norm": ("optimizer", "gradients are shortened to this norm; 0 never does"),
    "adam_beta1": ("optimizer", "memory of the gradient's mean"),
    "adam_beta2": ("optimizer", "memory of the gradient's square"),
    "adam_epsilon": ("optimizer", "keeps Adam's division from zero"),
    "eval_strategy": ("evaluation", "no, steps or epoch"),
    "eval_steps": ("evaluation", "steps from one evaluation to the next"),
    "eval_delay": ("evaluation", "steps or epochs before the first evaluation"),
    "per_device_eval_batch_size": ("evaluation", "rows at a time when evaluating"),
    "save_strategy": ("saving", "no, steps or epoch; a pause and the end always save"),
    "save_steps": ("saving", "steps from one checkpoint to the next"),
    "save_total_limit": ("saving", "how many checkpoints are kept, besides the best"),
    "logging_steps": ("logging", "steps that one measured point is the mean of"),
}
"""Field -> the group it is shown in, and what it does; all that can be edited."""

METRIC_SCHEDULES = ("reduce_lr_on_plateau", "greedy")
"""Schedules that follow what was measured instead of the step."""
IN_BACKWARD = ("lomo", "adalomo", "galore_adamw_layerwise", "apollo_adamw_layerwise")
"""Optimizers that step inside the backward pass, out of reach of a change."""

FIXED_SECTIONS = {
    "name": "a job keeps its name",
    "method": "another method trains another way",
    "backend": "another backend has other states",
    "model": "the checkpoints belong to this model",
    "adapter": "the checkpoints hold this adapter's weights",
    "data": "a resume must see the data that the run began with",
    "rewards": "what was learned came from these",
    "samples": "the answers before and after are compared",
    "early_stopping": "the evaluations until now were judged by it",
    "compute": "the device and its threads decide the last bits",
}
FIXED_FIELDS = {
    "seed": "order and dropout come from it, and a part is drawn already",
    "data_seed": "the order of the rows comes from it, and a part is trained already",
    "max_length": "the data is cut to it, and a resume must see the same data",
    "optim": "the saved state is that of this optimizer",
    "optim_args": "the saved state is that of this optimizer",
    "bf16": "the saved state has this precision",
    "fp16": "the saved state has this precision",
    "train_sampling_strategy": "a part of this order of rows is trained already",
}
FIXED_ELSE = "it was settled when the job began"


@dataclass(frozen=True)
class Editable:
    """A field that can be edited, as a form shows it."""

    field: str
    """Dotted: `training.learning_rate`."""
    group: str
    help: str
    type: str
    """Alternatives joined by ` | `: bool, int, float, str, dict."""
    choices: tuple[Any, ...]
    value: Any
    """What is in force; None where tunedeck decides (a tenth of the run, for instance)."""
    is_default: bool
    """Whether the spec leaves it to the default."""
    fixed: str = ""
    """Why it cannot be edited in this job; empty when it can."""
