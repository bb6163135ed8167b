"""What DPO can be asked for, known before TRL is imported."""

import difflib
from collections.abc import Mapping
from typing import Any

from engine.errors import Problem

LOSSES = (
    *("sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard"),
    *("aot", "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm"),
)
"""Values of `training.loss_type`, which takes several; their papers are named in TRL's documentation of DPO."""


def problems(training: Mapping[str, Any], *, full: bool) -> list[Problem]:
    """What cannot be asked of DPO; `full` trains the model itself, without an adapter."""
    found = []
    asked = training.get("loss_type") or []
    for loss in [asked] if isinstance(asked, str) else asked:
        if loss not in LOSSES:
            near = difflib.get_close_matches(str(loss), LOSSES, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            found.append(
                Problem("training.loss_type", f"there is no loss {loss!r}", f"{meant}{_known()}")
            )
    if "exo_pair" in asked and not training.get("label_smoothing"):
        found.append(
            Problem("training.label_smoothing", "exo_pair needs it above 0", "its paper uses 1e-3")
        )
    if training.get("sync_ref_model"):
        if not full:
            found.append(
                Problem(
                    "training.sync_ref_model",
                    "an adapter's reference is the model without it, which cannot be moved",
                    "leave it out, or use adapter.type: none",
                )
            )
        if training.get("precompute_ref_log_probs"):
            found.append(
                Problem(
                    "training.precompute_ref_log_probs",
                    "sync_ref_model moves the reference while it trains",
                    "leave one of them out",
                )
            )
    return found


def _known() -> str:
    return f"known: {', '.join(LOSSES)}"
