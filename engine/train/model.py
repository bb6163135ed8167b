"""Loads the base model and its tokenizer, from a folder or the Hub, and chooses device and precision."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.modeling_utils import PreTrainedModel
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from engine.errors import PlanError
from engine.spec import JobSpec, ModelSection

_CONTEXT_FIELDS = ("max_position_embeddings", "n_positions", "max_seq_len")


@dataclass(frozen=True)
class Loaded:
    """What training needs of the base model."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    chat: bool
    """Rows are rendered with the tokenizer's chat template."""

    @property
    def context_length(self) -> int | None:
        """Tokens that the model can attend to, if its config says so."""
        config = self.model.config.get_text_config()
        found = (getattr(config, name, None) for name in _CONTEXT_FIELDS)
        return next((value for value in found if isinstance(value, int)), None)


def on_gpu(gpus: tuple[int, ...] | None) -> bool:
    """Whether this worker trains on a GPU.

    Raises:
        PlanError: it was given one that torch cannot use.
    """
    if not gpus:
        return False
    if not torch.cuda.is_available():
        raise PlanError(
            "a GPU was assigned, but this torch cannot use it",
            "install the torch build for your driver, or set compute.gpus: 0",
        )
    return True


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
    section = spec.model
    tokenizer = _load_tokenizer(section)
    dtype = choose_dtype(section.dtype, gpu=gpu, full=spec.adapter.type == "none")
    model = _load_model(section, dtype)
    chat = section.chat_template == "auto" and tokenizer.chat_template is not None
    return Loaded(model, tokenizer, chat and spec.method != "pretrain")


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


def _load_model(section: ModelSection, dtype: torch.dtype) -> PreTrainedModel:
    try:
        if section.initialize == "random":
            config = AutoConfig.from_pretrained(section.name, revision=section.revision)
            model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)
        else:
            model = AutoModelForCausalLM.from_pretrained(
                section.name, revision=section.revision, dtype=dtype
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
