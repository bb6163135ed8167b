"""JobSpec: what the user asked for, validated and resolved; every problem is reported at once.

Names are those of `transformers.TrainingArguments`, TRL and PEFT wherever they have one. User specs are
strict: an unknown key is an error that names the nearest right one.
"""

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError, field_validator

from engine import schema, wording
from engine.document import apply_overrides, read_document
from engine.errors import Problem, SpecError

METHODS = {"sft": "sft", "pretrain": "sft"}
"""Method -> the TRL config that holds its `training` fields."""

Method = Literal["sft", "pretrain"]


class Section(BaseModel):
    """A part of the spec; unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ModelSection(Section):
    """The base model."""

    name: str = Field(min_length=1)
    """Hub id, or a folder with config and tokenizer."""
    revision: str | None = None
    """Branch, tag or commit on the Hub."""
    initialize: Literal["pretrained", "random"] = "pretrained"
    """`random` trains from scratch: the folder needs a config and a tokenizer, and no weights."""
    quantization: Literal["none"] = "none"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """`auto` is float32 on CPU, and bfloat16 on a GPU that has it."""
    chat_template: Literal["auto", "none"] = "auto"
    """`auto` uses the tokenizer's own when it has one; `none` joins prompt and completion as they are."""


class AdapterSection(BaseModel):
    """The PEFT adapter; any further field of the PEFT config is taken under its own name."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    type: Literal["lora", "none"] = "lora"
    """`none` is full fine-tuning."""
    r: int = Field(default=16, ge=1)
    """The rank: more learns more, and takes more memory."""
    lora_alpha: float = Field(default=32, gt=0)
    """The adapter counts `lora_alpha / r` times."""
    lora_dropout: float = Field(default=0.05, ge=0, lt=1)
    target_modules: str | list[str] = "all-linear"
    """The layers that get an adapter: names, a pattern, or `all-linear`."""


class DataSection(Section):
    """The training data."""

    train: str = Field(min_length=1)
    """File, folder, glob or Hub id; relative to the spec file."""
    eval: float | str | None = None
    """A fraction to hold out, or a file."""
    format: str = "auto"
    """`auto` recognises it by the columns."""
    columns: dict[str, str] = {}
    """Our column name -> the file's: `{prompt: question, completion: answer}`."""

    @field_validator("eval")
    @classmethod
    def _fraction(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError("as a number it is a fraction between 0 and 1")
        return value


class SamplesSection(Section):
    """Held-out rows that the model answers before and after training: exact match, and the answers."""

    rows: str = Field(min_length=1)
    """File with rows of the training format."""
    limit: int = Field(default=200, ge=1)
    shown: int = Field(default=3, ge=0)
    """How many questions are kept with their answers."""
    max_new_tokens: int = Field(default=64, ge=1, le=4096)


class ComputeSection(Section):
    """What the job runs on."""

    gpus: StrictInt | Literal["auto"] = "auto"
    """`auto` is one GPU if NVML finds one, else none."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads; recorded and used again on resume, since sums depend on it."""

    @field_validator("gpus")
    @classmethod
    def _not_negative(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 0:
            raise ValueError("must be auto, 0 (CPU) or 1")
        return value


class JobSpec(Section):
    """One fine-tune, complete enough to be run again."""

    name: str = Field(default="", max_length=200)
    """What lists call the job; without it, the data's name."""
    method: Method = "sft"
    """`sft` learns the answers, `pretrain` plain text from the first word to the last."""
    backend: Literal["trl"] = "trl"
    model: ModelSection
    adapter: AdapterSection = AdapterSection()
    data: DataSection
    training: dict[str, Any] = {}
    """Fields of the method's TRL config under their own names."""
    samples: SamplesSection | None = None
    compute: ComputeSection = ComputeSection()

    def to_yaml(self) -> str:
        """The spec as stored in a job's folder."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True
        )


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
        problems += wording.problems(error, _known_keys)
    method = values.get("method", "sft")
    if method == "pretrain" and "adapter" not in values and spec is not None:
        spec = spec.model_copy(update={"adapter": AdapterSection(type="none")})
    checked: dict[str, Any] = {}
    if training is not None and not isinstance(training, Mapping):
        problems.append(Problem("training", "must be a mapping of fields to values"))
    elif training and method in METHODS:
        checked, found = check_training(str(method), training)
        problems += found
    problems += _adapter_problems(values.get("adapter"))
    if problems or spec is None:
        raise SpecError(source, problems)
    return _resolved(spec.model_copy(update={"training": checked}), base_folder)


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
    checked, found = schema.check(METHODS[method], free, prefix="training.")
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


def _adapter_problems(adapter: Any) -> list[Problem]:
    if not isinstance(adapter, Mapping):
        return []
    known = AdapterSection.model_fields
    extra = {str(name): value for name, value in adapter.items() if name not in known}
    if extra and adapter.get("type") == "none":
        return [Problem(f"adapter.{name}", "has no meaning with `type: none`") for name in extra]
    return schema.check("lora", extra, prefix="adapter.").problems


def _resolved(spec: JobSpec, base_folder: Path) -> JobSpec:
    """The spec with absolute paths; what is neither a path nor there stays as typed (a Hub id)."""
    data = {"train": _resolve_data(spec.data.train, base_folder)}
    if isinstance(spec.data.eval, str):
        data["eval"] = _resolve_data(spec.data.eval, base_folder)
    changes: dict[str, Any] = {
        "data": spec.data.model_copy(update=data),
        "model": spec.model.model_copy(update={"name": _resolve(spec.model.name, base_folder)}),
    }
    if spec.samples is not None:
        rows = _resolve_data(spec.samples.rows, base_folder)
        changes["samples"] = spec.samples.model_copy(update={"rows": rows})
    if not spec.name:
        changes["name"] = Path(spec.data.train).stem or "job"
    return spec.model_copy(update=changes)


def _resolve(name: str, base_folder: Path) -> str:
    absolute = base_folder / _expanded(name)
    local = name.startswith((".", "/", "~")) or os.path.exists(absolute)  # noqa: PTH110 - a name may be too long
    return str(absolute.resolve()) if local else name


def _resolve_data(name: str, base_folder: Path) -> str:
    """As `_resolve`; a glob or a file name is local even where nothing matches it yet."""
    if "*" in name or Path(name).suffix.lower() in _DATA_SUFFIXES:
        return str((base_folder / _expanded(name)).absolute())
    return _resolve(name, base_folder)


def _expanded(name: str) -> str:
    return os.path.expanduser(name)  # noqa: PTH111 - Path.expanduser raises on ~nobody


_DATA_SUFFIXES = {".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".gz"}


def _known_keys(section: str) -> list[str]:
    """The keys of one section, or of the whole spec for an empty name."""
    sections: dict[str, type[BaseModel]] = {
        "model": ModelSection,
        "adapter": AdapterSection,
        "data": DataSection,
        "samples": SamplesSection,
        "compute": ComputeSection,
    }
    return list(sections.get(section, JobSpec).model_fields)


def fingerprint(spec: JobSpec) -> str:
    """SHA-256 of what decides the weights: everything but the name."""
    content = spec.model_dump(mode="json", exclude={"name"})
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
