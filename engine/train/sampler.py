"""The order of rows as a pure function of seed, epoch and lengths, so that a resume finds it again.

The library's length grouping draws from the global random state and is not reproduced from the second
epoch on.
"""

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler

MEGABATCH_BATCHES = 50
"""Rows are sorted by length within groups of this many batches, as transformers' LengthGroupedSampler does."""


def length_grouped_order(
    lengths: Sequence[int], batch_size: int, *, seed: int, epoch: int
) -> list[int]:
    """Indices in which neighbours have similar lengths; the longest batch comes first.

    Args:
        lengths: tokens of each row.
        batch_size: rows of one optimizer step (batch times accumulation).
        seed: the run's `data_seed`.
        epoch: from 0.
    """
    order = list(range(len(lengths)))
    random.Random(f"{seed}/{epoch}").shuffle(order)
    size = min(batch_size * MEGABATCH_BATCHES, max(batch_size, len(order) // 4 or 1))
    groups = [
        sorted(order[i : i + size], key=lambda index: -lengths[index])
        for i in range(0, len(order), size)
    ]
    if groups:
        longest = max(range(len(groups)), key=lambda g: lengths[groups[g][0]])
        groups[0][0], groups[longest][0] = groups[longest][0], groups[0][0]
    return [index for group in groups for index in group]


class EpochSampler(Sampler[int]):
    """Gives `length_grouped_order` for the epoch that was set last."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self._lengths = lengths
        self._batch_size = batch_size
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int, rows_per_step: int | None = None) -> None:
        """Choose the epoch whose order comes next, and the batch that was in force when it began."""
        self._epoch = epoch
        if rows_per_step is not None:
            self._batch_size = rows_per_step

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        return iter(
            length_grouped_order(
                self._lengths, self._batch_size, seed=self._seed, epoch=self._epoch
            )
        )
