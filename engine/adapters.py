"""What is known of PEFT's adapters before PEFT is imported: what each needs, and what it does to the base.

Names and types of their fields are in `engine.schema`; the adapters themselves are made by
`engine.train.adapters`.
"""

from collections.abc import Mapping
from typing import Any

from engine.errors import Problem

OWN_TARGETS = frozenset({"beft", "cartridge", "ia3", "ln_tuning", "trainable_tokens"})
"""Adapters for which `all-linear` is no sensible choice: PEFT knows by the model's type where they belong."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {"osf": {"effective_rank": 0.75}}
"""Fields where tunedeck chooses otherwise than PEFT.

osf: the strongest three quarters of each layer's directions are kept as they are, and a quarter learns; PEFT
lets one half learn, which takes the memory of full fine-tuning.
"""

UNTRAINABLE: Mapping[str, str] = {
    "adaption_prompt": "it hides the model's output from TRL's loss",
    "cpt": "it computes a loss of its own, from logits that TRL's trainers do not keep",
    "multitask_prompt_tuning": "it wants a task id with every row",
    "poly": "it wants a task id with every row",
    "shadow": "it computes a loss of its own, from logits that TRL's trainers do not keep",
    "xlora": "it mixes adapters that were trained before",
}
"""Adapters of PEFT that no method here can train, with the reason."""

_READS_WEIGHTS = frozenset({"delora", "frod", "glora", "osf", "psoft", "supertuning", "tinylora"})
"""Adapters that compute with the base's weights as numbers, which quantized ones are not."""
_READS_WEIGHTS_4BIT = frozenset({"deft", "hra", "loha", "lokr", "peanut"})
"""Those that can unpack 8-bit weights, and no 4-bit ones."""
_FROM_DATA = ("eva", "corda", "lora_ga")
"""Ways to begin a LoRA that look at training data first."""
_CHANGES_BASE = ("pissa", "olora", "loftq", *_FROM_DATA[1:])
"""Ways to begin a LoRA that take what it begins with out of the base's weights."""


def beginning(fields: Mapping[str, Any]) -> str:
    """How a LoRA begins, in lower case; empty where PEFT's usual way is used."""
    asked = fields.get("init_lora_weights")
    return asked.lower() if isinstance(asked, str) else ""


def changes_base(fields: Mapping[str, Any]) -> bool:
    """Whether the base's own weights change when the adapter is attached.

    The model with the adapter switched off is then not the base, and only PEFT can load the adapter as it is.
    """
    return beginning(fields).startswith(_CHANGES_BASE) or bool(fields.get("layer_replication"))


def off_is_base(fields: Mapping[str, Any]) -> bool:
    """Whether the model with its adapter switched off is the base, as DPO and GRPO take it for."""
    return not changes_base(fields) and fields.get("bias", "none") in ("none", None, False)


def problems(
    kind: str, fields: Mapping[str, Any], *, path: str | None, quantization: str, reference: bool
) -> list[Problem]:
    """What keeps an adapter from being trained.

    Args:
        kind: `adapter.type`.
        fields: those of PEFT's config that the user gave.
        path: of the adapter to go on with.
        quantization: of the base: `none`, `8bit` or `4bit`.
        reference: the model with its adapter switched off must be the base.
    """
    if path is not None:
        return [
            Problem(f"adapter.{name}", "is decided by the adapter at adapter.path", "leave it out")
            for name in fields
        ]
    found = []
    begins = beginning(fields)
    quantized = quantization != "none"
    if quantized and kind in _READS_WEIGHTS | (
        _READS_WEIGHTS_4BIT if quantization == "4bit" else frozenset()
    ):
        found.append(
            Problem(
                "model.quantization",
                f"{kind} computes with the base's weights, and {quantization} ones are packed",
                "use quantization: none, or adapter.type: lora",
            )
        )
    if begins.startswith(_FROM_DATA):
        found.append(
            Problem(
                "adapter.init_lora_weights",
                f"{begins} is computed from training data, which is not built here",
                "use pissa, olora, loftq or orthogonal, or leave it out",
            )
        )
    elif quantized and changes_base(fields):
        found.append(
            Problem(
                "adapter.init_lora_weights",
                f"{begins} changes the base's weights, and quantized ones cannot be changed exactly",
                "leave it out, or use model.quantization: none",
            )
        )
    elif begins.startswith("pissa_niter"):
        found.append(
            Problem(
                "adapter.init_lora_weights",
                f"{begins} begins at random, so no resume or export on another device could find it again",
                "use pissa",
            )
        )
    elif reference and not off_is_base(fields):
        found.append(
            Problem(
                "adapter.bias" if not changes_base(fields) else "adapter.init_lora_weights",
                "training.beta compares with the model without its adapter, and this one changes the base",
                "leave it out, or use training.beta: 0",
            )
        )
    if kind == "adalora" and not fields.get("total_step"):
        found.append(
            Problem(
                "adapter.total_step",
                "adalora needs it to plan its ranks",
                "set it to the number of optimizer steps; `tunedeck plan SPEC` says it",
            )
        )
    return found
