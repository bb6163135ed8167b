"""The adapter of a job: PEFT's config, made from the spec and compared with the model that it goes on.

What can be said without torch is in `engine.adapters`.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import asdict, is_dataclass
from typing import Any

import transformers
from packaging.version import Version
from peft import (
    PeftConfig,
    PeftModel,
    get_peft_config,
    get_peft_model_state_dict,
    prepare_model_for_kbit_training,
    set_peft_model_state_dict,
)
from peft.utils.transformers_weight_conversion import convert_peft_config_for_transformers
from torch import nn
from transformers import (
    BitsAndBytesConfig,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.pytorch_utils import Conv1D

from engine import adapters
from engine.errors import PlanError
from engine.spec import JobSpec

_NAMING = ("target_modules", "modules_to_save", "feedforward_modules")
"""Fields of PEFT's configs that name layers."""
_LAYERS = (nn.Linear, nn.Embedding, nn.Conv2d, nn.Conv1d, Conv1D)
"""What most adapters can be attached to; transformers' Conv1D is GPT-2's linear layer."""
REFERENCE = "ref"
"""What TRL calls the copy of an adapter to compare with."""
_PREFIXES = ("PREFIX_TUNING", "CARTRIDGE")
PREFIXES_SINCE = "5.23"
"""The release of transformers with which adapters that prepend keys and values were seen to train; with 5.17
they did not."""
_LOFTQ = {"loftq_bits": 4, "loftq_iter": 1}


def peft_config(spec: JobSpec, model: Any) -> PeftConfig | None:
    """The adapter that the spec asks for, or that it goes on with; None for full fine-tuning.

    Raises:
        PlanError: its fields do not fit together, or it names layers that this model does not have.
    """
    if spec.adapter.type == "none":
        return None
    path = spec.adapter.path
    config = stored_config(path) if path is not None else _new_config(spec)
    _check_names(config, model)
    _refuse_tied_tokens(config, model)
    _refuse_prefixes(config)
    _spare_experts(config, model)
    return config


def _refuse_prefixes(config: PeftConfig) -> None:
    """Older releases of transformers forget the prefix in the mask when they train without a cache."""
    name = config.peft_type.value
    if name in _PREFIXES and Version(transformers.__version__) < Version(PREFIXES_SINCE):
        raise PlanError(
            f"adapter.type: {name.lower()} does not train with transformers {transformers.__version__}",
            f"install transformers {PREFIXES_SINCE}, or use adapter.type: p_tuning",
        )


def _refuse_tied_tokens(config: PeftConfig, model: Any) -> None:
    """TRL computes the loss from the head's own weights, where it would not see the trained tokens."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    tied = head is not None and head.weight is embedding.weight
    if config.peft_type.value == "TRAINABLE_TOKENS" and tied:
        raise PlanError(
            "adapter.type: trainable_tokens does not fit this model, whose head is its embedding",
            "use adapter.type: lora",
        )


def _spare_experts(config: PeftConfig, model: Any) -> None:
    """No dropout where LoRA is attached to parameters, as which experts are stored: PEFT has none for them."""
    if not getattr(config, "lora_dropout", 0):
        return
    seen = deepcopy(config)
    convert_peft_config_for_transformers(seen, model, None)
    if getattr(seen, "target_parameters", None):
        print("adapter.lora_dropout is 0 for this model: PEFT has none for the weights of experts")
        config.lora_dropout = 0.0


def _new_config(spec: JobSpec) -> PeftConfig:
    kind, asked = spec.adapter.type, spec.adapter.peft_fields
    fields = {**adapters.DEFAULTS.get(kind, {}), **asked}
    if adapters.beginning(fields) == "loftq":
        fields["loftq_config"] = {**_LOFTQ, **(fields.get("loftq_config") or {})}
    try:
        return get_peft_config(
            {"peft_type": kind.upper(), "task_type": "CAUSAL_LM", **fields},
        )
    except ImportError as error:
        raise PlanError(
            f"PEFT makes this adapter with another library: {_first_line(error)}",
            "install it beside tunedeck (pip install 'tunedeck[quant]' has what quantization needs)",
        ) from error
    except (TypeError, ValueError) as error:
        raise PlanError(
            f"PEFT refuses the adapter {kind}: {_first_line(error)}",
            "correct the fields of the section adapter",
        ) from error


def stored_config(path: str) -> PeftConfig:
    """The config of an adapter in a folder or on the Hub.

    Raises:
        PlanError: there is none, or PEFT cannot train it further.
    """
    try:
        config = PeftConfig.from_pretrained(path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(
            f"adapter.path: no adapter can be read from {path}: {_first_line(error)}",
            "name a folder with adapter_config.json, such as a job's exports/adapter, or a Hub id",
        ) from error
    if config.is_prompt_learning:
        raise PlanError(
            f"adapter.path: PEFT cannot go on training {config.peft_type.value.lower()}",
            "begin anew: leave adapter.path out",
        )
    return config


def continued(model: Any, path: str) -> PeftModel:
    """The model with the adapter at `path`, to be trained further.

    Raises:
        PlanError: it does not fit the model.
    """
    try:
        return PeftModel.from_pretrained(model, path, is_trainable=True)
    except (RuntimeError, ValueError, KeyError) as error:
        raise PlanError(
            f"adapter.path: the adapter does not fit this model: {_first_line(error)}",
            "use the model that it was trained on; its adapter_config.json names it",
        ) from error


def copy_reference(model: Any) -> None:
    """Make the reference that TRL's DPO and GRPO keep of an adapter to go on with the very adapter.

    They copy parameters by a name in the middle, and LoHa, LoKr and IA3 have it at the end of theirs.
    """
    if REFERENCE in getattr(model, "peft_config", {}):
        weights = get_peft_model_state_dict(model, adapter_name="default")
        set_peft_model_state_dict(model, weights, adapter_name=REFERENCE)


def fields_of(model: Any) -> Mapping[str, Any]:
    """The config of the adapter in a model, as fields; empty where it has none."""
    config = getattr(model, "peft_config", {}).get("default")
    return as_fields(config)


def as_fields(config: PeftConfig | None) -> Mapping[str, Any]:
    """A config as fields."""
    return asdict(config) if is_dataclass(config) and not isinstance(config, type) else {}


# --- names of layers ------------------------------------------------------------------------------


def _check_names(config: PeftConfig, model: Any) -> None:
    """PEFT trains what matches, and says nothing of a name that matches nothing beside one that does."""
    modules = dict(model.named_modules())
    for field in _NAMING:
        asked = getattr(config, field, None)
        if not asked or asked == "all-linear":
            continue
        names = [asked] if isinstance(asked, str) else sorted(asked)
        wrong = [name for name in names if not _matches(name, modules, whole=asked is name)]
        if wrong:
            known = layer_names(modules, everything=config.peft_type.value == "LN_TUNING")
            raise PlanError(
                f"adapter.{field}: this model has no layer {', '.join(map(repr, wrong))}",
                f"{_nearest(wrong[0], known)}it has {', '.join(known)}; all-linear takes every linear one",
            )


def _matches(name: str, modules: Iterable[str], *, whole: bool) -> bool:
    """As PEFT does: an entry of a list is the end of a layer's path, a single text a pattern for all of it."""
    if not whole:
        return any(path == name or path.endswith(f".{name}") for path in modules)
    try:
        pattern = re.compile(name)
    except re.error as error:
        raise PlanError(
            f"adapter.target_modules: {name!r} is no regular expression: {error}",
            "give a list of names, or all-linear",
        ) from error
    return any(pattern.fullmatch(path) or path.endswith(f".{name}") for path in modules)


def layer_names(modules: Mapping[str, Any], *, everything: bool = False) -> list[str]:
    """The last parts of the paths of layers that an adapter can be attached to, each once."""
    wanted = nn.Module if everything else _LAYERS
    found = (
        path.rpartition(".")[2]
        for path, module in modules.items()
        if isinstance(module, wanted) and next(module.parameters(recurse=False), None) is not None
    )
    return sorted({name for name in found if name and not name.isdigit()})


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean {near[0]}? " if near else ""


# --- quantization ---------------------------------------------------------------------------------


def quantization(spec: JobSpec, dtype: Any) -> dict[str, Any]:
    """What a model is loaded with so that bitsandbytes quantizes it: NF4 as in QLoRA, or LLM.int8."""
    match spec.model.quantization:
        case "4bit":
            config = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=dtype,
            )
        case "8bit":
            config = BitsAndBytesConfig(load_in_8bit=True)
        case _:
            return {}
    return {"quantization_config": config, "device_map": {"": 0}}


def prepared_for_training(model: Any) -> Any:
    """A quantized model whose norms and embeddings are float32, as PEFT wants it; any other as it is."""
    if getattr(model, "is_quantized", False):
        return prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return model


# --- while it trains ------------------------------------------------------------------------------


class RankAllocation(TrainerCallback):
    """Moves AdaLoRA's ranks after every optimizer step, while its gradients are still there."""

    def on_optimizer_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        model.base_model.update_and_allocate(state.global_step)


def callbacks(spec: JobSpec) -> tuple[TrainerCallback, ...]:
    """What an adapter needs to be told while it trains."""
    return (RankAllocation(),) if spec.adapter.type == "adalora" else ()


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
