"""JobSpec: what the user asked for, validated and resolved; every problem is reported at once.

The sections and their fields are in `sections`. User specs are strict: an unknown key is an error that names
the nearest right one.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from engine import adapters, generation, methods, preference, schema, wording
from engine.document import apply_overrides, read_document
from engine.errors import Problem, SpecError, UsageError
from engine.spec import rewards
from engine.spec.places import resolved
from engine.spec.rewards import RewardSection
from engine.spec.sections import (
    AdapterSection,
    ComputeSection,
    DataSection,
    DataSource,
    EarlyStopping,
    JobSpec,
    ModelSection,
    SamplesSection,
)

__all__ = [
    "MANAGED",
    "STRATEGIES",
    "AdapterSection",
    "ComputeSection",
    "DataSection",
    "DataSource",
    "EarlyStopping",
    "JobSpec",
    "ModelSection",
    "RewardSection",
    "SamplesSection",
    "build",
    "check_training",
    "config_of",
    "fingerprint",
    "load",
    "read_resolved",
]


def config_of(method: str) -> str:
    """The schema of the TRL config that a method's `training` fields belong to."""
    return methods.method(method).config


MANAGED = {
    "output_dir": "tunedeck keeps everything in the job's own folder",
    "resume_from_checkpoint": "use `tunedeck resume`",
    "load_best_model_at_end": "the best checkpoint is kept: `tunedeck export ID --checkpoint best`",
    "save_only_model": "resume needs the whole state",
    "save_on_each_node": "a job runs on one node",
    "enable_jit_checkpoint": "`tunedeck pause` saves at an exact step",
    "ignore_data_skip": "resume would see other data",
    "hub_token": "secrets are never written to a file: use `hf auth login`",
    "push_to_hub": "use `tunedeck export`, then `hf upload`",
    "restore_callback_states_from_checkpoint": "tunedeck always does",
    "disable_tqdm": "the deck shows the progress",
    "eval_on_start": "`samples` measures the base model",
    "auto_find_batch_size": "a batch that changes by itself cannot be resumed exactly",
    "model_init_kwargs": "use the fields of `model`",
    "use_cpu": "use `compute.gpus: 0`",
    "dataset_text_field": "use `data.columns: {text: COLUMN}`",
    "dataset_kwargs": "rows are prepared by tunedeck",
    "dataset_num_proc": "rows are prepared by tunedeck, in one process",
    "shuffle_dataset": "rows are shuffled anew in every epoch",
    "chat_template_path": "use `model.chat_template`",
    "eos_token": "set it in the model's tokenizer_config.json",
    "pad_token": "set it in the model's tokenizer_config.json",
    "trust_remote_code": "code that comes with a model or data set is never run",
    "reward_weights": "each entry of `rewards` has its `weight`",
}
"""Training fields that tunedeck sets itself, each with what to use instead."""

_RANGES: dict[str, tuple[float | None, float | None, bool]] = {
    "learning_rate": (0, None, False),
    "num_train_epochs": (0, None, True),
    "per_device_train_batch_size": (1, None, False),
    "per_device_eval_batch_size": (1, None, False),
    "gradient_accumulation_steps": (1, None, False),
    "max_length": (1, None, False),
    "max_grad_norm": (0, None, False),
    "weight_decay": (0, None, False),
    "warmup_steps": (0, None, False),
    "logging_steps": (1, None, False),
    "eval_steps": (1, None, False),
    "save_steps": (1, None, False),
    "save_total_limit": (1, None, False),
    "label_smoothing_factor": (0, 1, False),
    "adam_beta1": (0, 1, False),
    "adam_beta2": (0, 1, False),
    "dataloader_num_workers": (0, None, False),
    "seed": (0, None, False),
}
"""Field -> lowest, highest, and whether the lowest itself is excluded."""


def load(path: Path, overrides: Sequence[str] = ()) -> JobSpec:
    """Read, override, validate and resolve a spec file.

    Raises:
        SpecError: with every problem found.
    """
    path = path.expanduser().absolute()
    data = apply_overrides(read_document(path), overrides)
    data.setdefault("name", path.stem)
    return build(data, source=str(path), base_folder=path.parent)


def read_resolved(path: Path) -> JobSpec:
    """A job's own `spec.yaml`, which was validated when the job was made."""
    return build(read_document(path), source=str(path), base_folder=path.parent)


def build(data: Mapping[str, Any], *, source: str, base_folder: Path) -> JobSpec:
    """Validate `data` and make its paths absolute.

    Raises:
        SpecError: with every problem found, each naming the field as typed.
    """
    problems: list[Problem] = []
    values = dict(data)
    training = values.get("training")
    values["training"] = {}
    spec = None
    try:
        spec = JobSpec.model_validate(values)
    except ValidationError as error:
        problems += wording.problems(error, partial(_known_keys, values))
    method = _method_of(values)
    if spec is not None and method is not None:
        spec = _with_default_adapter(spec, method, values)
    checked: dict[str, Any] = {}
    if training is not None and not isinstance(training, Mapping):
        problems.append(Problem("training", "must be a mapping of fields to values"))
    elif training and method is not None:
        checked, found = check_training(method.name, training)
        problems += found
    problems += _adapter_problems(values.get("adapter"))
    if spec is not None:
        problems += _together(spec.model_copy(update={"training": checked}))
    if problems or spec is None:
        raise SpecError(source, problems)
    return resolved(spec.model_copy(update={"training": checked}), base_folder)


def check_training(
    method: str, training: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The `training` fields with their types made right, and what is wrong with them."""
    free = {name: value for name, value in training.items() if name not in MANAGED}
    problems = [
        Problem(f"training.{name}", "is set by tunedeck", MANAGED[name])
        for name in training
        if name in MANAGED
    ]
    checked, found = schema.check(config_of(method), free, prefix="training.")
    problems += found
    for name, (low, high, open_low) in _RANGES.items():
        value = checked.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if not math.isfinite(value):
            problems.append(Problem(f"training.{name}", f"{value} is no number"))
            continue
        if low is not None and (value < low or (open_low and value == low)):
            hint = f"above {low}" if open_low else f"{low} or more"
            problems.append(Problem(f"training.{name}", f"{value} is too small", hint))
        elif high is not None and value > high:
            problems.append(Problem(f"training.{name}", f"{value} is too large", f"up to {high}"))
    for name in ("eval_strategy", "save_strategy", "logging_strategy"):
        if name in checked and checked[name] not in STRATEGIES[name]:
            problems.append(
                Problem(
                    f"training.{name}",
                    f"{checked[name]!r} is not one of {', '.join(STRATEGIES[name])}",
                )
            )
    return checked, problems


STRATEGIES = {
    "eval_strategy": ("no", "steps", "epoch"),
    "save_strategy": ("no", "steps", "epoch"),
    "logging_strategy": ("no", "steps", "epoch"),
}


def _method_of(values: Mapping[str, Any]) -> methods.Method | None:
    try:
        return methods.method(str(values.get("method", "sft")))
    except UsageError:
        return None


def _with_default_adapter(
    spec: JobSpec, method: methods.Method, values: Mapping[str, Any]
) -> JobSpec:
    """The adapter that the method wants, where the user named none; osft is nothing without its own."""
    asked = values.get("adapter")
    fields = dict(asked) if isinstance(asked, Mapping) else {}
    if "type" in fields or method.adapter == "lora" or (fields and method.adapter == "none"):
        return spec
    return spec.model_copy(
        update={"adapter": AdapterSection.model_validate({**fields, "type": method.adapter})}
    )


def _adapter_problems(adapter: Any) -> list[Problem]:
    """Fields that the adapter's PEFT config does not have, or has with another type."""
    if not isinstance(adapter, Mapping):
        return []
    kind = adapter.get("type", "lora")
    if kind == "none":
        known = {"type"}
        return [
            Problem(f"adapter.{name}", "has no meaning with `type: none`")
            for name in adapter
            if name not in known
        ]
    if kind not in schema.ADAPTERS:
        return []
    own = AdapterSection.model_fields if kind == "lora" else {"type": None, "path": None}
    extra = {str(name): value for name, value in adapter.items() if name not in own}
    return schema.check(str(kind), extra, prefix="adapter.").problems


def _together(spec: JobSpec) -> list[Problem]:
    """What cannot be asked for together."""
    found: list[Problem] = []
    method, backend = methods.method(spec.method), methods.backend(spec.backend)
    if method.name not in backend.methods:
        found.append(
            Problem(
                "backend",
                f"{backend.name} does not train {method.name}",
                f"it trains {', '.join(backend.methods)}; use backend: trl",
            )
        )
    if spec.method == "osft" and spec.adapter.type != "osf":
        found.append(Problem("adapter.type", "osft trains the adapter osf", "leave it out"))
    if spec.model.quantization != "none" and spec.adapter.type == "none":
        found.append(
            Problem(
                "model.quantization",
                "quantized weights cannot be trained by themselves",
                "use an adapter (adapter.type: lora), or quantization: none",
            )
        )
    if spec.method in {"sft", "osft"} and spec.training.get("packing_strategy") == "wrapped":
        found.append(
            Problem(
                "training.packing_strategy",
                "wrapped joins rows into one text, in which each sees the rows before it",
                "use bfd, which keeps them apart, or method: pretrain",
            )
        )
    if spec.rewards and spec.method != "grpo":
        found.append(
            Problem("rewards", f"{spec.method} learns from no rewards", "use method: grpo")
        )
    if spec.method == "grpo" and not spec.rewards:
        found.append(
            Problem("rewards", "grpo needs at least one", "for example: rewards: [{type: exact}]")
        )
    found += adapters.problems(
        spec.adapter.type,
        spec.adapter.peft_fields,
        path=spec.adapter.path,
        quantization=spec.model.quantization,
        reference=_switches_adapter_off(spec),
    )
    if spec.method == "dpo":
        found += preference.problems(spec.training, full=spec.adapter.type == "none")
    if spec.method == "grpo":
        found += generation.problems(
            spec.training,
            effective=spec.compute.effective_batch_size,
            full=spec.adapter.type == "none",
        )
    if spec.early_stopping is not None and spec.data.eval is None:
        found.append(
            Problem("early_stopping", "needs evaluations", "set data.eval: a fraction, or a file")
        )
    if spec.early_stopping is not None and spec.training.get("eval_strategy") == "no":
        found.append(
            Problem("early_stopping", "needs evaluations", "set training.eval_strategy: steps")
        )
    compute, training = spec.compute, spec.training
    for ours, theirs in (
        (compute.effective_batch_size, "gradient_accumulation_steps"),
        (compute.max_tokens_per_device, "per_device_train_batch_size"),
    ):
        if ours is not None and theirs in training:
            name = "effective_batch_size" if theirs.startswith("grad") else "max_tokens_per_device"
            found.append(
                Problem(f"compute.{name}", f"decides training.{theirs}", "give one of the two")
            )
    return found


def _switches_adapter_off(spec: JobSpec) -> bool:
    """Whether the model without its adapter must be the base: GRPO compares with it where `beta` is not 0."""
    return spec.method == "grpo" and bool(spec.training.get("beta"))


def _known_keys(values: Mapping[str, Any], section: str) -> list[str]:
    """The keys of one section of what was typed, or of the whole spec for an empty name."""
    place = section.removeprefix("rewards.")
    if place != section:
        return rewards.known_keys(values["rewards"], place)
    sections: dict[str, type[BaseModel]] = {
        "model": ModelSection,
        "adapter": AdapterSection,
        "data": DataSection,
        "samples": SamplesSection,
        "early_stopping": EarlyStopping,
        "compute": ComputeSection,
    }
    return list(sections.get(section, JobSpec).model_fields)


def fingerprint(spec: JobSpec) -> str:
    """SHA-256 of what decides the weights: everything but the name."""
    content = spec.model_dump(mode="json", exclude={"name"})
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
