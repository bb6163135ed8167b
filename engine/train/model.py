"""Loads the base model and its tokenizer, from a folder or the Hub, and chooses device and precision."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from engine import methods
from engine.errors import PlanError
from engine.spec import JobSpec, ModelSection
from engine.train import adapters, template
from engine.train.device import assigned
from engine.train.template import Template

_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len")


@dataclass(frozen=True)
class Loaded:
    """What training needs of the base model."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    template: Template | None
    """What conversations are rendered with; None: prompt and completion are joined as they are."""

    @property
    def chat(self) -> bool:
        """Whether rows are rendered with a chat template."""
        return self.template is not None

    @property
    def context_length(self) -> int | None:
        """Tokens that the model can attend to, if its config says so."""
        return context_length(self.model.config)


def context_length(config: Any) -> int | None:
    """Tokens that a model of this config can attend to, if it says so."""
    text = config.get_text_config()
    found = (getattr(text, name, None) for name in _CONTEXT_FIELDS)
    return next((value for value in found if isinstance(value, int)), None)


def choose_dtype(asked: str, *, gpu: bool, full: bool) -> torch.dtype:
    """`auto` is float32 on CPU (bfloat16 is about 10 times slower there) and for full fine-tuning, whose
    optimizer needs the precision; bfloat16 for adapters on a GPU that has it."""
    if asked != "auto":
        return getattr(torch, asked)
    if gpu and not full and torch.cuda.is_bf16_supported():
        return torch.bfloat16
    return torch.float32


def load(spec: JobSpec, *, gpu: bool) -> Loaded:
    """The model in training precision, and the tokenizer.

    Raises:
        PlanError: the folder or Hub id cannot be loaded.
    """
    tokenizer, template = load_tokenizer(spec)
    dtype = choose_dtype(spec.model.dtype, gpu=gpu, full=spec.adapter.type == "none")
    options = adapters.quantization(spec, dtype)
    if (attending := attention(spec, gpu=gpu)) is not None:
        options["attn_implementation"] = attending
    model = adapters.prepared_for_training(_load_model(spec.model, dtype, options))
    return Loaded(model, tokenizer, template)


def load_tokenizer(spec: JobSpec) -> tuple[PreTrainedTokenizerBase, Template | None]:
    """The tokenizer, and the template that it renders conversations with."""
    tokenizer = _load_tokenizer(spec.model)
    wanted = spec.model.chat_template if methods.method(spec.method).renders_chat else "none"
    return tokenizer, template.choose(tokenizer, wanted)


def attention(spec: JobSpec, *, gpu: bool) -> str | None:
    """The attention to load the model with; None leaves it to transformers (SDPA where the model has it)."""
    if spec.model.attn_implementation is not None:
        return spec.model.attn_implementation
    if gpu and spec.method in {"sft", "osft"} and assigned((0,)).flash_attention:
        return "flash_attention_2"
    return None


def _load_tokenizer(section: ModelSection) -> PreTrainedTokenizerBase:
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(section.name, revision=section.revision)
    except (OSError, ValueError, KeyError) as error:
        raise _cannot_load("tokenizer", section.name, error) from error
    if tokenizer.eos_token is None:
        raise PlanError(
            f"the tokenizer of {section.name} has no end-of-sequence token",
            "set eos_token in its tokenizer_config.json: without it the model never learns to stop",
        )
    return tokenizer


def _load_model(
    section: ModelSection, dtype: torch.dtype, options: Mapping[str, Any]
) -> PreTrainedModel:
    try:
        if section.initialize == "random":
            config = AutoConfig.from_pretrained(section.name, revision=section.revision)
            model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype, **options)
        else:
            model = AutoModelForCausalLM.from_pretrained(
                section.name, revision=section.revision, dtype=dtype, **options
            )
    except (OSError, ValueError, KeyError) as error:
        raise _cannot_load("model", section.name, error) from error
    return model


def _cannot_load(what: str, name: str, error: Exception) -> PlanError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if Path(name).is_dir():
        hint = f"check the files in {name}"
    else:
        hint = (
            f"{name} is no folder, so it was looked up on the Hugging Face Hub: check the name, the "
            "network, and for gated models `hf auth login`"
        )
    return PlanError(f"the {what} of {name} cannot be loaded: {reason}", hint)
