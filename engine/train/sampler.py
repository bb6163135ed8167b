"""The order of rows as a pure function of seed, epoch and lengths, so that a resume finds it again.

The library's length grouping draws from the global random state, and its order of GRPO's prompts from a
generator of its own; neither is reproduced from the second epoch on.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import repeat

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


def prompt_order(
    rows: int, prompts: int, *, seed: int, epoch: int, shuffled: bool = True
) -> list[list[int]]:
    """The prompts of an epoch, in groups of `prompts` that are answered together; every row is in one.

    The last group is filled up from the epoch's beginning, so that none is left out as too small.

    Args:
        rows: prompts of the data.
        prompts: how many are answered together.
        seed: the run's `data_seed`.
        epoch: from 0.
        shuffled: else as they are in the data.
    """
    order = list(range(rows))
    if shuffled:
        random.Random(f"{seed}/{epoch}").shuffle(order)
    filled = order + [order[index % rows] for index in range(-rows % prompts)]
    return [filled[start : start + prompts] for start in range(0, len(filled), prompts)]


class EpochSampler(Sampler[int], ABC):
    """An order that is a pure function of the epoch that was set last."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._epoch = 0

    @property
    def batches_of_a_round(self) -> int:
        """Micro-batches that belong together: only between such rounds can a run be resumed exactly."""
        return 1

    def set_epoch(self, epoch: int, rows_per_step: int | None = None) -> None:
        """Choose the epoch whose order comes next, and the batch that was in force when it began."""
        self._epoch = epoch

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __iter__(self) -> Iterator[int]: ...


class LengthSampler(EpochSampler):
    """Gives `length_grouped_order`."""

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        super().__init__(seed)
        self._lengths = lengths
        self._batch_size = batch_size

    def set_epoch(self, epoch: int, rows_per_step: int | None = None) -> None:
        super().set_epoch(epoch)
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


class PromptSampler(EpochSampler):
    """Gives `prompt_order` as GRPO wants it: each prompt once for each answer, each group once for each batch
    that is learned from its answers. TRL's own sampler gives a resumed epoch the order of the first one.
    """

    def __init__(
        self, rows: int, *, prompts: int, answers: int, batches: int, seed: int, shuffled: bool
    ) -> None:
        """`prompts` are answered together, each `answers` times, and learned from in `batches`."""
        super().__init__(seed)
        self._rows = rows
        self._prompts = prompts
        self._answers = answers
        self._batches = batches
        self._shuffled = shuffled

    @property
    def batches_of_a_round(self) -> int:
        return self._batches

    def __len__(self) -> int:
        groups = -(-self._rows // self._prompts)
        return groups * self._prompts * self._answers * self._batches

    def __iter__(self) -> Iterator[int]:
        groups = prompt_order(
            self._rows,
            self._prompts,
            seed=self._seed,
            epoch=self._epoch,
            shuffled=self._shuffled,
        )
        for group in groups:
            for _ in range(self._batches):
                for prompt in group:
                    yield from repeat(prompt, self._answers)
