"""What every method is given to build its trainer from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets import Dataset
from peft import PeftConfig
from transformers import TrainerCallback

from engine.spec import JobSpec
from engine.train.device import Device
from engine.train.model import Loaded


@dataclass(frozen=True, kw_only=True)
class Material:
    """Spec, model, rows and hooks of one job."""

    spec: JobSpec
    base: Loaded
    model: Any
    """The base model, with its adapter where the backend has attached it."""
    peft_config: PeftConfig | None
    """The adapter that the trainer is to attach; None for full fine-tuning, and where the model has it."""
    kind: str
    """The kind of the rows (`engine.data.kinds`); rows that sft learns from are tokens by now."""
    train_dataset: Dataset
    eval_dataset: Dataset | None
    output_dir: Path
    job_folder: Path
    device: Device
    callbacks: tuple[TrainerCallback, ...]
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """Training fields that `engine.train.speed` chose for this device."""

    @property
    def gpu(self) -> bool:
        """Whether it trains on a GPU."""
        return self.device.gpu
