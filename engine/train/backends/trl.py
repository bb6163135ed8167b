"""TRL's own way: transformers loads the model, and the trainer attaches the adapter from PEFT's config.

The trainer attaches it, not this module: given a model that has an adapter already, TRL's DPO and GRPO take
that adapter for a trained one, and keep a copy of it as their reference.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.spec import JobSpec

if TYPE_CHECKING:
    from peft import PeftConfig

    from engine.train.model import Loaded


class Trl:
    """The backend `trl`."""

    def begin(self, spec: JobSpec, folder: Path, *, gpu: bool) -> None:
        """Nothing to prepare."""

    def load(self, spec: JobSpec, *, gpu: bool) -> "Loaded":
        """What transformers loads."""
        from engine.train import model

        return model.load(spec, gpu=gpu)

    def wrap(
        self, model: Any, spec: JobSpec, peft_config: "PeftConfig | None"
    ) -> tuple[Any, "PeftConfig | None"]:
        """Both as they are; an adapter to go on with is loaded here."""
        if spec.adapter.path is None:
            return model, peft_config
        from engine.train import adapters

        return adapters.continued(model, spec.adapter.path), None
