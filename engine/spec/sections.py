"""The sections of a spec as pydantic models: names, types, defaults, and what each field means.

Names are those of `transformers.TrainingArguments`, TRL and PEFT wherever they have one. Nothing changes
after reading; an unknown key is an error.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator, model_validator

from engine import methods, schema
from engine.adapters import OWN_TARGETS, UNTRAINABLE
from engine.errors import UsageError
from engine.spec.rewards import RewardSection
from engine.spec.section import Section


class ModelSection(Section):
    """The base model."""

    name: str = Field(min_length=1)
    """Hub id, or a folder with config and tokenizer."""
    revision: str | None = None
    """Branch, tag or commit on the Hub."""
    initialize: Literal["pretrained", "random"] = "pretrained"
    """`random` trains from scratch: the folder needs a config and a tokenizer, and no weights."""
    quantization: Literal["none", "8bit", "4bit"] = "none"
    """`4bit` with LoRA is QLoRA: a quarter of the memory for the weights. Needs a GPU and bitsandbytes."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """`auto` is float32 on CPU, and bfloat16 on a GPU that has it."""
    chat_template: str = Field(default="auto", min_length=1)
    """`auto` uses the tokenizer's own when it has one; `none` joins prompt and completion as they are;
    `chatml` is tunedeck's; else a file with a Jinja template."""
    attn_implementation: str | None = None
    """The attention of transformers: `sdpa`, `eager`, `flash_attention_2`; without it, what fits."""


class AdapterSection(BaseModel):
    """The PEFT adapter; any further field of the PEFT config is taken under its own name."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    type: str = "lora"
    """`none` is full fine-tuning; else a method of PEFT: `lora`, `osf`, `loha`, `ia3`, ..."""
    path: str | None = None
    """Folder or Hub id of an adapter to go on with; its own config decides its shape."""
    r: int | None = Field(default=16, ge=1)
    """The rank: more learns more, and takes more memory."""
    lora_alpha: float | None = Field(default=32, gt=0)
    """The adapter counts `lora_alpha / r` times."""
    lora_dropout: float | None = Field(default=0.05, ge=0, lt=1)
    target_modules: str | list[str] | None = "all-linear"
    """The layers that get an adapter: names, a pattern, or `all-linear`."""

    @field_validator("type")
    @classmethod
    def _known(cls, value: str) -> str:
        if value in UNTRAINABLE:
            raise ValueError(f"{value} cannot be trained here: {UNTRAINABLE[value]}")
        if value != "none" and value not in schema.ADAPTERS:
            raise ValueError(
                f"there is no adapter {value!r}; known: none, {', '.join(schema.ADAPTERS)}"
            )
        return value

    @model_validator(mode="before")
    @classmethod
    def _only_its_own(cls, values: Any) -> Any:
        """LoRA's defaults mean nothing to another adapter, nor beside the config of one to go on with."""
        if not isinstance(values, Mapping):
            return values
        kind = values.get("type", "lora")
        if (kind == "lora" and not values.get("path")) or not isinstance(kind, str):
            return values
        taken = schema.fields(kind) if kind in schema.ADAPTERS and not values.get("path") else {}
        absent = dict.fromkeys(("r", "lora_alpha", "lora_dropout"))
        if "target_modules" not in taken or kind in OWN_TARGETS:
            absent["target_modules"] = None
        return {**absent, **values}

    @property
    def peft_fields(self) -> dict[str, Any]:
        """What PEFT's config is made with."""
        fields = self.model_dump(exclude={"type", "path"})
        return {name: value for name, value in fields.items() if value is not None}


class DataSource(Section):
    """One of several sources of training rows."""

    path: str = Field(min_length=1)
    """File, folder, glob or Hub id; relative to the spec file."""
    weight: float | None = Field(default=None, gt=0)
    """How often rows come from here, beside the other sources' weights; without weights, all rows once."""
    format: str = "auto"
    columns: dict[str, str] = Field(default={})
    split: str | None = None
    """The split of a data set on the Hub; `train` without it."""
    subset: str | None = None
    """The configuration of a data set on the Hub that has several."""


class DataSection(Section):
    """The training data."""

    train: str | list[DataSource] = Field(min_length=1)
    """File, folder, glob or Hub id; relative to the spec file. Or a list of sources, to be mixed."""
    eval: float | str | None = None
    """A fraction to hold out, or a file."""
    format: str = "auto"
    """`auto` recognises it by the columns."""
    columns: dict[str, str] = Field(default={})
    """Our column name -> the file's: `{prompt: question, completion: answer}`."""
    split: str | None = None
    """The split of a data set on the Hub; `train` without it."""
    subset: str | None = None
    """The configuration of a data set on the Hub that has several."""
    on_bad_row: Literal["fail", "skip", "quarantine"] = "fail"
    """A row that cannot be learned from ends the run, is left out and counted, or is kept in
    `quarantine.jsonl` too."""
    streaming: bool = False
    """Read a data set of the Hub while training, without storing it: not resumable bit for bit."""

    @field_validator("eval")
    @classmethod
    def _fraction(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, float) and not 0 < value < 1:
            raise ValueError("as a number it is a fraction between 0 and 1")
        return value

    @property
    def sources(self) -> tuple[DataSource, ...]:
        """Where training rows come from; a source without format or columns has those of the section."""
        if isinstance(self.train, str):
            return (
                DataSource(
                    path=self.train,
                    format=self.format,
                    columns=self.columns,
                    split=self.split,
                    subset=self.subset,
                ),
            )
        inherited = {"format": self.format, "columns": self.columns}
        return tuple(
            one.model_copy(
                update={k: v for k, v in inherited.items() if k not in one.model_fields_set}
            )
            for one in self.train
        )

    @property
    def named(self) -> tuple[str, ...]:
        """Everything that training and evaluation rows are read from."""
        trained = tuple(source.path for source in self.sources)
        return (*trained, self.eval) if isinstance(self.eval, str) else trained


class SamplesSection(Section):
    """What the model is asked while it learns: held-out rows with their answers, and prompts to look at."""

    rows: str | None = None
    """File with rows of the training format, answered before and after training: exact match."""
    limit: int = Field(default=200, ge=1)
    shown: int = Field(default=3, ge=0)
    """How many questions are kept with their answers."""
    prompts: list[Annotated[str, Field(min_length=1)]] = Field(default=[])
    """Answered at the beginning, at each evaluation and at the end, and kept by step."""
    max_new_tokens: int = Field(default=64, ge=1, le=4096)

    @model_validator(mode="after")
    def _asks_something(self) -> "SamplesSection":
        if self.rows is None and not self.prompts:
            raise ValueError("name rows (a file), prompts (a list of texts), or both")
        return self


class EarlyStopping(Section):
    """Stops when evaluations no longer get better; the fields of transformers' EarlyStoppingCallback."""

    patience: int = Field(default=3, ge=1)
    """Evaluations in a row without a gain."""
    threshold: float = Field(default=0.0, ge=0)
    """How much better counts as a gain."""


class ComputeSection(Section):
    """What the job runs on."""

    gpus: StrictInt | Literal["auto"] = "auto"
    """`auto` is one GPU if NVML finds one, else none."""
    threads: int | None = Field(default=None, ge=1)
    """CPU threads; recorded and used again on resume, since sums depend on it."""
    effective_batch_size: int | None = Field(default=None, ge=1)
    """Rows of one optimizer step; the micro-batches are counted from it."""
    max_tokens_per_device: int | None = Field(default=None, ge=1)
    """Tokens that fit into one micro-batch; `per_device_train_batch_size` follows from the longest row."""

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
    method: str = "sft"
    """`sft` learns the answers, `pretrain` plain text, `dpo` preferences, `grpo` from rewards, `osft` as
    sft while forgetting less."""
    backend: str = "trl"
    """The library that trains: `trl`, or `unsloth` where it is installed."""
    model: ModelSection
    adapter: AdapterSection = AdapterSection()
    data: DataSection
    training: dict[str, Any] = Field(default={})
    """Fields of the method's TRL config under their own names."""
    rewards: list[RewardSection] = Field(default=[])
    """What grpo's answers are rewarded for; their weighted sum counts."""
    samples: SamplesSection | None = None
    early_stopping: EarlyStopping | None = None
    compute: ComputeSection = ComputeSection()

    @field_validator("method")
    @classmethod
    def _known_method(cls, value: str) -> str:
        return _known(methods.method, value)

    @field_validator("backend")
    @classmethod
    def _known_backend(cls, value: str) -> str:
        return _known(methods.backend, value)

    def to_yaml(self) -> str:
        """The spec as stored in a job's folder."""
        return yaml.safe_dump(
            self.model_dump(mode="json", exclude_none=True), sort_keys=False, allow_unicode=True
        )


def _known(find: Any, value: str) -> str:
    try:
        find(value)
    except UsageError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error
    return value
