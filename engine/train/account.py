"""What is known of a run before its first step, in words for log and status, and as facts for the manifest."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from transformers import Trainer

from engine.spec import JobSpec
from engine.train.intake import Intake
from engine.train.model import Loaded
from engine.train.prepared import Prepared

FEW_ROWS = 100


@dataclass(frozen=True)
class Account:
    """Model and rows of one attempt."""

    spec: JobSpec
    base: Loaded
    intake: Intake
    figures: Prepared
    trainer: Trainer

    @property
    def epoch_rows(self) -> int:
        """Rows that the trainer draws in an epoch."""
        rows: int = self.trainer.rows_of_an_epoch(self.figures.rows)
        return rows

    @property
    def warnings(self) -> Iterator[str]:
        """What the user should know of the rows."""
        intake, rows = self.intake, self.intake.given_rows
        packed = getattr(self.trainer.args, "packing", False)
        dropped = rows - (len(intake.train) if packed else self.figures.rows)
        if dropped:
            yield (
                f"{dropped} of {rows} rows teach nothing: their prompt alone fills "
                f"training.max_length ({intake.max_length})"
            )
        if intake.bad_rows:
            kept = " (kept in quarantine.jsonl)" if self.spec.data.on_bad_row != "skip" else ""
            yield f"{intake.bad_rows} bad rows of the data were left out{kept}"
        if rows < FEW_ROWS and self.spec.method != "pretrain":
            yield f"only {rows} training rows: the model will learn them by heart"

    @property
    def lines(self) -> Iterator[str]:
        """What the log begins with."""
        model, figures = self.base.model, self.figures
        of_model = self.of_model
        yield (
            f"{self.spec.method} of {self.spec.model.name} on {model.device}, {model.dtype}, "
            f"{torch.get_num_threads()} threads: {of_model['trainable']:,} of "
            f"{of_model['parameters']:,} parameters trained"
        )
        if self.base.template is not None:
            yield f"conversations are rendered with {self.base.template.source}"
        measured = (
            f"{figures.tokens} tokens, {figures.trained_share:.0%} of them trained, longest "
            f"{figures.longest}, "
            if figures.tokens  # questions have none yet: the model writes the answers
            else ""
        )
        yield f"{figures.rows} rows, {measured}format {self.intake.format}"

    @property
    def of_data(self) -> dict[str, Any]:
        """The rows, for the manifest."""
        return {
            "format": self.intake.format,
            "kind": self.intake.kind,
            "train_rows": self.intake.given_rows,
            "eval_rows": self.intake.eval_given_rows,
            "bad_rows": self.intake.bad_rows,
            "prepared": self.figures.fingerprint,
            "prepared_rows": self.epoch_rows,
            "tokens": self.figures.tokens,
            "trained_share": round(self.figures.trained_share, 4),
        }

    @property
    def of_model(self) -> dict[str, Any]:
        """The model, for the manifest."""
        parameters = list(self.trainer.model.parameters())
        return {
            "name": self.spec.model.name,
            "revision": getattr(self.base.model.config, "_commit_hash", None),
            "parameters": sum(p.numel() for p in parameters),
            "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        }
