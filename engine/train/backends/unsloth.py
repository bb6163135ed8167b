"""unsloth below the same trainers: it loads the model and attaches LoRA, and nothing else changes hands.

unsloth rewrites TRL, transformers and PEFT when it is imported, so it must be the first of them, in the
training process only. It has two faces: on a GPU its own kernels, and trainers generated from TRL's source;
without one, transformers and PEFT with a loss computed in chunks. Tokenizer, chat template, masks and trainers
are tunedeck's: rows reach the trainer as `input_ids` and `labels`, not through unsloth's markers and templates.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import defaults
from engine.errors import MachineError, PlanError
from engine.spec import JobSpec

if TYPE_CHECKING:
    from peft import PeftConfig

    from engine.train.model import Loaded

COMPILED = "unsloth-compiled"
"""Folder in the job's folder for the code that unsloth writes; by default that is the working directory."""
PATCHED = ("transformers", "trl", "peft")
"""What unsloth rewrites, and must be imported before."""
LONGEST = 2048
"""Tokens that the model is prepared for where its config does not say what it can attend to."""
_CHECKPOINTING = ("activation_checkpointing", "gradient_checkpointing")


class Unsloth:
    """The backend `unsloth`."""

    def begin(self, spec: JobSpec, folder: Path, *, gpu: bool) -> None:
        """Set its switches and import it.

        Raises:
            MachineError: it cannot be imported here.
        """
        early = [name for name in PATCHED if name in sys.modules]
        if early:
            raise RuntimeError(f"unsloth must be imported before {', '.join(early)}")
        os.environ |= switches(folder, gpu=gpu)
        try:
            import unsloth  # noqa: F401
        except (ImportError, NotImplementedError, RuntimeError, AttributeError) as error:
            raise MachineError(
                f"unsloth cannot be imported: {first_line(error)}",
                "`tunedeck doctor` says which versions it wants; or use backend: trl",
            ) from error

    def load(self, spec: JobSpec, *, gpu: bool) -> "Loaded":
        """The model as unsloth prepares it, and our tokenizer."""
        from transformers import AutoConfig
        from unsloth import FastLanguageModel

        from engine.train import model as base

        tokenizer, template = base.load_tokenizer(spec)
        section, full = spec.model, spec.adapter.type == "none"
        if spec.adapter.path is not None:
            _refuse_another_base(spec, spec.adapter.path)
        try:
            config = AutoConfig.from_pretrained(section.name, revision=section.revision)
            length = getattr(config.get_text_config(), "max_position_embeddings", None)
            model, _ = FastLanguageModel.from_pretrained(
                model_name=spec.adapter.path or section.name,
                max_seq_length=length or LONGEST,
                dtype=base.choose_dtype(section.dtype, gpu=gpu, full=full),
                load_in_4bit=section.quantization == "4bit",
                load_in_8bit=section.quantization == "8bit",
                load_in_16bit=False,
                full_finetuning=full,
                revision=None if spec.adapter.path else section.revision,
                use_exact_model_name=True,
                fix_tokenizer=False,
                fast_inference=False,
                use_gradient_checkpointing=checkpointing(spec, gpu=gpu),
                random_state=_seed(spec),
            )
        except (OSError, ValueError, KeyError, RuntimeError, NotImplementedError) as error:
            raise PlanError(
                f"unsloth cannot load {section.name}: {first_line(error)}",
                "use backend: trl, which loads every causal language model of transformers",
            ) from error
        return base.Loaded(model, tokenizer, template)

    def wrap(
        self, model: Any, spec: JobSpec, peft_config: "PeftConfig | None"
    ) -> tuple[Any, "PeftConfig | None"]:
        """The model with LoRA in it, unless it was loaded with an adapter; the trainer attaches nothing."""
        if peft_config is None or spec.adapter.path is not None:
            return model, None
        from unsloth import FastLanguageModel

        wrapped = FastLanguageModel.get_peft_model(
            model,
            **lora_fields(spec, peft_config),
            use_gradient_checkpointing=checkpointing(spec, gpu=model.device.type != "cpu"),
            random_state=_seed(spec),
        )
        return wrapped, None


def switches(folder: Path, *, gpu: bool) -> dict[str, str]:
    """The environment in which unsloth writes below `folder` only, tells nobody, and takes no other device."""
    return {
        "UNSLOTH_COMPILE_LOCATION": str(folder / COMPILED),
        "UNSLOTH_DISABLE_STATISTICS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "UNSLOTH_DISABLE_CPU_FALLBACK" if gpu else "UNSLOTH_FORCE_CPU": "1",
    }


def lora_fields(spec: JobSpec, config: Any) -> dict[str, Any]:
    """What the spec says of LoRA, and what the initialisation that it chose needs."""
    needed = {"loftq_config": config.loftq_config} if config.loftq_config else {}
    return {**needed, **spec.adapter.peft_fields}


def checkpointing(spec: JobSpec, *, gpu: bool) -> bool | str:
    """Whether activations are recomputed: as the spec says, else on a GPU, in unsloth's own way there."""
    asked = next((spec.training[name] for name in _CHECKPOINTING if name in spec.training), gpu)
    return "unsloth" if asked and gpu else bool(asked)


def first_line(error: Exception) -> str:
    """What an exception says, shortly."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__


def _refuse_another_base(spec: JobSpec, path: str) -> None:
    """unsloth loads an adapter together with the base model that the adapter names.

    Raises:
        PlanError: that is not the model of the spec, or there is no adapter.
    """
    from peft import PeftConfig

    try:
        config = PeftConfig.from_pretrained(path)
    except (OSError, ValueError, TypeError) as error:
        raise PlanError(
            f"adapter.path: {path} holds no adapter: {first_line(error)}",
            "name the folder that has adapter_config.json, or a Hub id",
        ) from error
    trained_on = (config.base_model_name_or_path, config.revision)
    if trained_on != (spec.model.name, spec.model.revision):
        raise PlanError(
            f"adapter.path: {path} was trained on {trained_on[0]}, and unsloth would load that model",
            f"set model.name: {trained_on[0]}, or use backend: trl",
        )


def _seed(spec: JobSpec) -> int:
    return int(spec.training.get("seed", defaults.SEED))
