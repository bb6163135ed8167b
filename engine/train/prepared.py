"""Looks at what the trainer made of the rows before the first step: share of trained tokens, what was cut."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from datasets import Dataset

from engine.errors import PlanError
from engine.train.rendering import IGNORED

Array = np.ndarray[Any, Any]


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
    """Count and hash the rows of a trainer's dataset, a thousand at a time.

    Rows of tokens have `input_ids` and `labels`; pairs have `prompt_ids`, `chosen_ids` and `rejected_ids`, and
    learn from the last two. Of rows that are still text only the hash and the number are known.
    """
    digest = hashlib.sha256()
    tokens = trained = longest = untrained = rows = 0
    for ids, learned in _rows(dataset, digest):
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
    if prepared.rows and (prepared.trained_tokens or not prepared.tokens):
        return
    raise PlanError(
        f"nothing would be learned: in all {given_rows} rows of data.{which} every label is masked",
        f"the prompts fill training.max_length ({max_length}): raise it; or the chat template marks "
        "no assistant tokens: set training.assistant_only_loss: false",
    )


def _rows(dataset: Dataset, digest: Any) -> Iterator[tuple[Array, Array]]:
    """Token ids of each row, and which of them are learned."""
    names = dataset.column_names
    if "input_ids" in names:
        return _tokens(dataset)
    if "chosen_ids" in names:
        return _pairs(dataset)
    return _texts(dataset, digest)


def _tokens(dataset: Dataset) -> Iterator[tuple[Array, Array]]:
    for batch in dataset.select_columns(["input_ids", "labels"]).iter(1000):
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            yield (
                np.asarray(ids, dtype=np.int64),
                np.asarray(labels, dtype=np.int64) != IGNORED,
            )


def _pairs(dataset: Dataset) -> Iterator[tuple[Array, Array]]:
    columns = ["prompt_ids", "chosen_ids", "rejected_ids"]
    for batch in dataset.select_columns(columns).iter(1000):
        for parts in zip(*(batch[name] for name in columns), strict=True):
            ids = np.concatenate([np.asarray(part, dtype=np.int64) for part in parts])
            yield ids, np.arange(len(ids)) >= len(parts[0])


def _texts(dataset: Dataset, digest: Any) -> Iterator[tuple[Array, Array]]:
    none = np.empty(0, dtype=np.int64)
    for batch in dataset.iter(1000):
        digest.update(orjson.dumps(batch, option=orjson.OPT_SORT_KEYS, default=str))
        for _ in range(len(next(iter(batch.values())))):
            yield none, none.astype(bool)
