"""What every method is given to build its trainer from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftConfig, get_peft_config
from transformers import TrainerCallback

from engine.spec import JobSpec
from engine.train.model import Loaded


@dataclass(frozen=True, kw_only=True)
class Material:
    """Spec, model, rows and hooks of one job."""

    spec: JobSpec
    base: Loaded
    train_rows: list[dict[str, Any]]
    eval_rows: list[dict[str, Any]] | None
    output_dir: Path
    gpu: bool
    callbacks: tuple[TrainerCallback, ...]

    @property
    def train_dataset(self) -> Dataset:
        """The training rows as the trainers want them."""
        return Dataset.from_list(self.train_rows)

    @property
    def eval_dataset(self) -> Dataset | None:
        """The evaluation rows, if there are any."""
        return Dataset.from_list(self.eval_rows) if self.eval_rows else None

    @property
    def peft_config(self) -> PeftConfig | None:
        """The adapter's config; None for full fine-tuning."""
        adapter = self.spec.adapter
        if adapter.type == "none":
            return None
        return get_peft_config(
            {"peft_type": adapter.type.upper(), "task_type": "CAUSAL_LM", **adapter.peft_fields}
        )
