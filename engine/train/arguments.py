"""The TRL arguments of a job: what the spec says, tunedeck's defaults, and what tunedeck manages itself."""

import dataclasses
from pathlib import Path
from typing import Any

from trl import SFTConfig

from engine import defaults
from engine.spec import JobSpec

OWN_FIELDS = ("save_strategy", "save_steps", "save_total_limit", "logging_steps")
"""Fields of the spec that tunedeck acts on instead of the trainer."""

_FIELDS = {field.name: field for field in dataclasses.fields(SFTConfig)}
_CHECKPOINTING = (
    "activation_checkpointing"
    if "activation_checkpointing" in _FIELDS
    else "gradient_checkpointing"
)
"""The newer transformers renamed it; a spec may use either spelling."""


def sft_config(
    spec: JobSpec,
    *,
    output_dir: Path,
    gpu: bool,
    has_eval: bool,
    conversational: bool,
    context_length: int | None,
) -> SFTConfig:
    """The `SFTConfig` of an sft or pretrain job.

    The trainer logs every step and never saves by itself: `Recorder` averages, `Flow` saves.
    """
    asked = {name: value for name, value in spec.training.items() if name not in OWN_FIELDS}
    values = {**_defaults(spec, gpu, has_eval, conversational, context_length), **asked}
    values["data_seed"] = asked.get("data_seed", values["seed"])
    values |= {
        "output_dir": str(output_dir),
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_first_step": False,
        "logging_nan_inf_filter": False,
        "disable_tqdm": True,
        "restore_callback_states_from_checkpoint": True,
        "use_cpu": not gpu,
    }
    if not has_eval:
        values["eval_strategy"] = "no"
    return SFTConfig(**values)


def _defaults(
    spec: JobSpec, gpu: bool, has_eval: bool, conversational: bool, context_length: int | None
) -> dict[str, Any]:
    own = defaults.own(spec.training, has_eval=has_eval)
    chosen: dict[str, Any] = {name: own[name] for name in own if name not in OWN_FIELDS}
    chosen |= {
        "max_length": min(1024, context_length or 1024),
        "dataloader_pin_memory": gpu,
    }
    if not gpu:
        chosen["bf16"] = False
        if "gradient_checkpointing" not in spec.training:
            chosen[_CHECKPOINTING] = False
    if spec.method == "pretrain":
        chosen |= {"packing": True, "packing_strategy": "wrapped"}
    elif conversational:
        chosen["assistant_only_loss"] = True
    return chosen
