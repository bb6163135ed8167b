"""What makes training fast on the device at hand, chosen by rule and said with its reason.

Pure: facts in, fields of the TRL config out. What the spec says itself is never chosen here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

ACTIVATION_BYTES = 34
"""Bytes of activations that one layer keeps for one token and one hidden unit at 16 bits, attention scores
apart, which SDPA does not keep (Korthikanti et al. 2022, "Reducing Activation Recomputation", table 2)."""

MEMORY_SHARE = 0.7
"""Above this share of the GPU's memory for weights and activations, activations are recomputed."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the choice depends on."""

    gpu: bool
    flash_attention: bool
    """A kernel that keeps packed examples apart is installed, and the model uses it."""
    liger: bool
    memory_bytes: int | None
    """Of the GPU."""
    weights_bytes: int
    hidden_size: int
    layers: int
    longest_tokens: int
    """Of the rows as they are trained on."""
    default_batch_size: int
    default_accumulation: int
    effective_batch_size: int | None
    max_tokens_per_device: int | None
    packs: bool
    """The method joins rows into blocks anyway, or learns from something else than rows of tokens."""


@dataclass(frozen=True)
class Choices:
    """Fields of the TRL config, and why."""

    training: Mapping[str, Any]
    reasons: tuple[str, ...]


def choose(facts: Facts, asked: Mapping[str, Any], *, checkpointing: str) -> Choices:
    """The fields that `asked` (the spec's `training`) leaves open.

    `checkpointing` is what the installed TRL calls the field that recomputes activations.
    """
    training: dict[str, Any] = {}
    reasons: list[str] = []
    _batch(facts, asked, training, reasons)
    _grouping(facts, asked, training, reasons)
    if facts.gpu and facts.liger and "use_liger_kernel" not in asked:
        training["use_liger_kernel"] = True
        reasons.append("liger kernels: installed")
    _recomputing(facts, {**asked, **training}, training, reasons, checkpointing)
    return Choices(training, tuple(reasons))


def _batch(
    facts: Facts, asked: Mapping[str, Any], training: dict[str, Any], reasons: list[str]
) -> None:
    """Micro-batches from `effective_batch_size` and `max_tokens_per_device`."""
    per_device = int(asked.get("per_device_train_batch_size") or facts.default_batch_size)
    accumulation = int(asked.get("gradient_accumulation_steps") or facts.default_accumulation)
    if facts.max_tokens_per_device is not None:
        per_device = max(1, facts.max_tokens_per_device // max(1, facts.longest_tokens))
        reasons.append(
            f"{per_device} rows fit into {facts.max_tokens_per_device} tokens: the longest has "
            f"{facts.longest_tokens}"
        )
    if facts.effective_batch_size is not None:
        per_device = _largest_divisor(facts.effective_batch_size, at_most=per_device)
        accumulation = ceil(facts.effective_batch_size / per_device)
        reasons.append(
            f"{facts.effective_batch_size} rows a step: {accumulation} micro-batches of {per_device}"
        )
    if facts.max_tokens_per_device is not None or facts.effective_batch_size is not None:
        training["per_device_train_batch_size"] = per_device
        training["gradient_accumulation_steps"] = accumulation


def _largest_divisor(number: int, *, at_most: int) -> int:
    return next(size for size in range(min(number, at_most), 0, -1) if number % size == 0)


def _grouping(
    facts: Facts, asked: Mapping[str, Any], training: dict[str, Any], reasons: list[str]
) -> None:
    """No computing on padding: packing where a kernel keeps examples apart, else rows of like length."""
    decides = ("packing", "padding_free", "train_sampling_strategy", "group_by_length")
    if facts.packs or any(name in asked for name in decides):
        return
    if facts.gpu and facts.flash_attention:
        training |= {"packing": True, "packing_strategy": "bfd"}
        reasons.append("packing: flash attention keeps the examples of a block apart")
        return
    training["train_sampling_strategy"] = "group_by_length"
    why = "no flash attention here" if facts.gpu else "a CPU has no flash attention"
    reasons.append(f"rows of like length in a batch: {why}, so packed examples would cost more")


def _recomputing(
    facts: Facts,
    in_force: Mapping[str, Any],
    training: dict[str, Any],
    reasons: list[str],
    checkpointing: str,
) -> None:
    """Activation checkpointing only where memory asks for it: it costs about a third of the speed."""
    if checkpointing in in_force or "gradient_checkpointing" in in_force:
        return
    training[checkpointing] = False
    if not facts.gpu or facts.memory_bytes is None:
        return
    rows = int(in_force.get("per_device_train_batch_size") or facts.default_batch_size)
    tokens = rows * facts.longest_tokens
    needed = facts.weights_bytes + tokens * facts.layers * facts.hidden_size * ACTIVATION_BYTES
    if needed > MEMORY_SHARE * facts.memory_bytes:
        training[checkpointing] = True
        reasons.append(
            f"activations are recomputed: about {needed / 2**30:.0f} GiB of "
            f"{facts.memory_bytes / 2**30:.0f} GiB would be needed to keep them"
        )
