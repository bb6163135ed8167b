"""Looks at what the trainer made of the rows before the first step: share of trained tokens, what was cut."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset

from engine.errors import PlanError

_MASKS = ("completion_mask", "assistant_masks")
IGNORED = -100
"""The label of a token that nothing is learned from."""


@dataclass(frozen=True)
class Prepared:
    """Figures of a tokenized dataset."""

    rows: int
    tokens: int
    trained_tokens: int
    longest: int
    untrained_rows: int
    """Rows in which every label is masked."""
    fingerprint: str
    """SHA-256 over token ids and labels, in order."""

    @property
    def trained_share(self) -> float:
        """Share of tokens that the loss looks at."""
        return self.trained_tokens / self.tokens if self.tokens else 0.0


def look(dataset: Dataset) -> Prepared:
    """Count and hash the rows of a tokenized dataset, a thousand at a time."""
    digest = hashlib.sha256()
    tokens = trained = longest = untrained = rows = 0
    for ids, learned in _rows(dataset):
        rows += 1
        tokens += len(ids)
        longest = max(longest, len(ids))
        count = int(learned.sum())
        trained += count
        untrained += count == 0
        digest.update(ids.tobytes())
        digest.update(learned.tobytes())
    return Prepared(rows, tokens, trained, longest, untrained, digest.hexdigest())


def refuse_untrainable(
    prepared: Prepared, given_rows: int, max_length: int | None, which: str
) -> None:
    """Stop a run that would learn nothing, or whose evaluation (`which` is `eval`) would say nothing.

    Raises:
        PlanError: no row is left, or every label is masked (the loss would be 0.0).
    """
    if prepared.rows and prepared.trained_tokens:
        return
    raise PlanError(
        f"nothing would be learned: in all {given_rows} rows of data.{which} every label is masked",
        f"the prompts fill training.max_length ({max_length}): raise it; or the chat template marks "
        "no assistant tokens: set training.assistant_only_loss: false",
    )


def _rows(dataset: Dataset) -> Iterator[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    masks = [name for name in _MASKS if name in dataset.column_names]
    columns = ["input_ids", *(["labels"] if "labels" in dataset.column_names else masks)]
    for batch in dataset.select_columns(columns).iter(1000):
        for index, row in enumerate(batch["input_ids"]):
            ids = np.asarray(row, dtype=np.int64)
            if "labels" in columns:
                learned = np.asarray(batch["labels"][index], dtype=np.int64) != IGNORED
            else:
                learned = np.ones(len(ids), dtype=bool)
                for name in masks:
                    learned &= np.asarray(batch[name][index], dtype=bool)
            yield ids, learned
