"""What a trained adapter becomes outside of its job: an adapter that others load, or a whole model.

Some ways to begin a LoRA (PiSSA, OLoRA) take what they begin with out of the base's weights. Such an adapter
belongs to a base that is nowhere stored: as an adapter of its own it is rewritten into a LoRA of twice the rank
for the base as it is (Meng et al. 2024, "PiSSA", appendix C), with PEFT's own conversion.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import (
    PeftConfig,
    PeftModel,
    get_peft_model,
    load_peft_weights,
    set_peft_model_state_dict,
)
from transformers import set_seed

from engine import defaults
from engine.adapters import changes_base
from engine.errors import StateError
from engine.spec import JobSpec
from engine.train.adapters import as_fields

TOLERANCE = 1e-3
"""Largest difference of logits, in float32, between an artifact and the model that was trained."""


def write_adapter(
    spec: JobSpec, checkpoint: Path, building: Path, base: Callable[[], Any]
) -> dict[str, Any]:
    """Make the adapter copied to `building` one for the base as it is, and load it; returns what to say of it.

    Raises:
        StateError: it does not give the logits of the model that was trained.
    """
    config = PeftConfig.from_pretrained(str(checkpoint))
    if not changes_base(as_fields(config)):
        PeftModel.from_pretrained(base(), str(building))
        return remarks(spec)
    if not _convertible(config):
        PeftModel.from_pretrained(base(), str(building))
        note = (
            f"begun with {config.init_lora_weights}, this adapter changes its base when PEFT loads it; "
            "other software cannot use it: export --to merged for that"
        )
        return {**remarks(spec), "note": note}
    seed = int(spec.training.get("seed", defaults.SEED))
    expected = _write_plain(config, checkpoint, building, base().float(), seed)
    again = PeftModel.from_pretrained(base().float(), str(building)).eval()
    difference = _refuse_difference(
        _logits(again, _probe(again)), expected, "the converted adapter"
    )
    note = f"a LoRA of twice the rank, converted from one begun with {config.init_lora_weights}"
    return {**remarks(spec), "note": note, "logits_difference": difference}


def merged(base: Any, checkpoint: Path, vocabulary: int) -> tuple[Any, float]:
    """The model with the adapter in its weights, in the base's precision, and how far its logits are off.

    Raises:
        StateError: PEFT cannot merge such an adapter, or the result is another model.
    """
    stored_dtype = base.dtype
    kind = PeftConfig.from_pretrained(str(checkpoint))
    name = str(kind.peft_type.value).lower()
    if kind.is_prompt_learning:
        raise StateError(
            f"a {name} adapter is no part of the weights, and cannot be merged",
            "export the adapter: tunedeck export ID --to adapter",
        )
    adapted: Any = PeftModel.from_pretrained(base.float(), str(checkpoint)).eval()
    probe = _probe(adapted, vocabulary)
    expected = _logits(adapted, probe)
    try:
        whole = adapted.merge_and_unload()
    except (NotImplementedError, ValueError, AttributeError) as error:
        raise StateError(
            f"PEFT cannot merge a {name} adapter into this model: {error}",
            "export the adapter: tunedeck export ID --to adapter",
        ) from error
    difference = _refuse_difference(_logits(whole, probe), expected, "the merged model")
    return whole.to(stored_dtype), difference


def remarks(spec: JobSpec) -> dict[str, Any]:
    """What a user of the artifact should know."""
    if spec.model.quantization == "none":
        return {}
    return {
        "trained_on": f"{spec.model.quantization} weights; exported for the base in its own precision"
    }


def _convertible(config: PeftConfig) -> bool:
    """Whether the difference between end and beginning is all that was learned."""
    fields = as_fields(config)
    begins = str(fields.get("init_lora_weights", "")).lower()
    alone = ("use_dora", "modules_to_save", "trainable_token_indices", "layer_replication")
    return (
        begins in ("pissa", "olora")
        and not any(fields.get(name) for name in alone)
        and fields.get("bias", "none") == "none"
        and not (
            fields.get("use_rslora") and (fields.get("rank_pattern") or fields.get("alpha_pattern"))
        )
    )


def _write_plain(
    config: PeftConfig, checkpoint: Path, building: Path, base: Any, seed: int
) -> torch.Tensor:
    """Begin again as the training did, and write the difference between its end and that.

    Returns the logits of the trained model, of shape (1, sequence, vocabulary).
    """
    config.inference_mode = False
    set_seed(seed)
    adapted = get_peft_model(base, config)
    with tempfile.TemporaryDirectory(dir=building.parent) as folder:
        begun = Path(folder) / "begun"
        adapted.peft_config["default"].init_lora_weights = True
        adapted.save_pretrained(str(begun))
        set_peft_model_state_dict(adapted, load_peft_weights(str(checkpoint), device="cpu"))
        adapted.eval()
        expected = _logits(adapted, _probe(adapted))
        adapted.save_pretrained(str(building), path_initial_model_for_weight_conversion=str(begun))
    (building / "README.md").unlink(missing_ok=True)
    return expected


def _probe(model: Any, vocabulary: int | None = None) -> torch.Tensor:
    """A few token ids, of shape (1, sequence)."""
    known = vocabulary or model.config.get_text_config().vocab_size
    return torch.arange(min(16, known), dtype=torch.long)[None]


def _logits(model: Any, probe: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=probe).logits
    return found


def _refuse_difference(found: torch.Tensor, expected: torch.Tensor, what: str) -> float:
    difference = float((found - expected).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        raise StateError(
            f"{what} differs from the model that was trained by {difference:.2g}",
            "export the other kind (adapter, merged) instead, and report this",
        )
    return difference
