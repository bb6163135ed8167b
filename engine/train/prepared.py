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
from engine.train.rows import batches

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
    """Count and hash the rows of a trainer's dataset, some at a time.

    Rows of tokens have `input_ids` and `labels`; pairs have `prompt_ids`, `chosen_ids` and `rejected_ids`, and
    learn from the last two. Of rows that are still text only the hash and the number are known.
    """
    digest = hashlib.sha256()
    names = dataset.column_names
    if "input_ids" in names:
        found = _tokens(dataset, digest)
    elif "chosen_ids" in names:
        found = _pairs(dataset, digest)
    else:
        found = _texts(dataset, digest)
    rows = list(found) or [(np.zeros(0, dtype=np.int64),) * 2]
    lengths, trained = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return Prepared(
        rows=len(lengths),
        tokens=int(lengths.sum()),
        trained_tokens=int(trained.sum()),
        longest=int(lengths.max(initial=0)),
        untrained_rows=int((trained == 0).sum()),
        fingerprint=digest.hexdigest(),
    )


def refuse_untrainable(rows: int, given_rows: int, max_length: int | None, which: str) -> None:
    """Stop a run that would learn nothing, or whose evaluation (`which` is `eval`) would say nothing.

    `rows` are those in which something is learned; `given_rows` those that could be read.

    Raises:
        PlanError: no row is left: every label is masked, and the loss would be 0.0.
    """
    if rows:
        return
    raise PlanError(
        f"nothing would be learned: in all {given_rows} rows of data.{which} every label is masked",
        f"the prompts fill training.max_length ({max_length}): raise it; `tunedeck data inspect` shows "
        "what is trained in the first rows",
    )


def _tokens(dataset: Dataset, digest: Any) -> Iterator[tuple[Array, Array]]:
    """Tokens of each row, and how many of them are learned, batch by batch."""
    for ids, labels in batches(dataset, "input_ids", "labels"):
        digest.update(ids.values.tobytes() + labels.values.tobytes() + ids.lengths.tobytes())
        yield ids.lengths, labels.summed(labels.values != IGNORED)


def _pairs(dataset: Dataset, digest: Any) -> Iterator[tuple[Array, Array]]:
    for parts in batches(dataset, "prompt_ids", "chosen_ids", "rejected_ids"):
        for part in parts:
            digest.update(part.values.tobytes() + part.lengths.tobytes())
        prompt, chosen, rejected = (part.lengths for part in parts)
        yield prompt + chosen + rejected, chosen + rejected


def _texts(dataset: Dataset, digest: Any) -> Iterator[tuple[Array, Array]]:
    for batch in dataset.iter(1000):
        digest.update(orjson.dumps(batch, option=orjson.OPT_SORT_KEYS, default=str))
        nothing = np.zeros(len(next(iter(batch.values()))), dtype=np.int64)
        yield nothing, nothing
