"""Where in its data a run is after so many steps, also when its batch was changed on the way; pure.

The trainer takes the place from the step alone (`global_step // steps_per_epoch`), which is wrong once the
rows of a step changed. A `Course` counts the rows that were seen instead, so none comes twice in an epoch
and none is left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from engine.errors import StateError


@dataclass(frozen=True)
class Batch:
    """What one optimizer step takes, from some step on."""

    from_step: int
    """Steps that were done when it came into force."""
    rows: int
    """Rows at a time: `per_device_train_batch_size`."""
    accumulation: int
    """How many times: `gradient_accumulation_steps`."""

    @property
    def rows_per_step(self) -> int:
        """The effective batch."""
        return self.rows * self.accumulation


@dataclass(frozen=True)
class Course:
    """The batches of a run, one after the other, over epochs of `rows` rows."""

    rows: int
    """Rows of one epoch, as the trainer sees them (packed, where packing is on)."""
    drop_last: bool
    """Whether an epoch's last, incomplete batch is left out."""
    batches: tuple[Batch, ...]
    """By `from_step`; the first is in force from step 0."""

    @property
    def changed(self) -> bool:
        """Whether the batch was ever changed after the first step."""
        return len(self.batches) > 1

    @property
    def steps_per_epoch(self) -> int:
        """Of a whole epoch with the batch in force now."""
        return self._steps_per_epoch(self.batches[-1])

    @property
    def offset(self) -> int:
        """What to add to a step to get what it would be, had the batch in force now always been so."""
        return self._positions()[-1] - self.batches[-1].from_step

    def place(self, step: int) -> tuple[int, int]:
        """Epoch (from 0) and rows of it that were seen after `step` steps of the batch in force now."""
        epoch, steps = divmod(step + self.offset, self.steps_per_epoch)
        return epoch, steps * self.batches[-1].rows_per_step

    def epoch_edge(self, step: int) -> int:
        """The next step from `step` on that ends an epoch."""
        return step + -(step + self.offset) % self.steps_per_epoch

    def total_steps(self, max_steps: int, epochs: float) -> int:
        """Steps of the whole run: `max_steps` if it is above zero, else what `epochs` take."""
        if max_steps > 0:
            return max_steps
        return math.ceil(epochs * self.steps_per_epoch) - self.offset

    def epochs_begun(self, steps: int) -> int:
        """How many epochs a run of so many steps at least begins."""
        return (steps - 1 + self.offset) // self.steps_per_epoch + 1

    def rows_per_step_of(self, epoch: int) -> int:
        """The effective batch in force at an epoch's beginning: length grouping sorts by it."""
        found = self.batches[0]
        for batch, position in zip(self.batches, self._positions(), strict=True):
            begun, into = divmod(position, self._steps_per_epoch(batch))
            if begun < epoch or (begun == epoch and not into):
                found = batch
        return found.rows_per_step

    def continued(self, step: int, rows: int, accumulation: int) -> "Course":
        """The course that goes on after `step` steps with this batch.

        Raises:
            StateError: the rows seen of the epoch are no whole number of the new steps: the trainer
                could only repeat some or leave some out.
        """
        kept = tuple(batch for batch in self.batches if batch.from_step < step)
        if not kept:
            return replace(self, batches=(Batch(0, rows, accumulation),))
        if (kept[-1].rows, kept[-1].accumulation) == (rows, accumulation):
            return replace(self, batches=kept)
        before = replace(self, batches=kept)
        new = Batch(step, rows, accumulation)
        epoch, seen = before.place(step)
        if seen % new.rows_per_step:
            raise StateError(
                f"at step {step} {seen} rows of epoch {epoch + 1} are trained, which steps of "
                f"{new.rows_per_step} rows cannot continue without repeating or skipping some",
                f"keep {kept[-1].rows_per_step} rows a step, choose "
                f"{_listed(_near_divisors(seen, new.rows_per_step))}, or pause where the epoch ends "
                f"(step {before.epoch_edge(step)})",
            )
        return replace(self, batches=(*kept, new))

    def to_json(self) -> list[list[int]]:
        """The batches as stored in a checkpoint's commit."""
        return [[batch.from_step, batch.rows, batch.accumulation] for batch in self.batches]

    def _steps_per_epoch(self, batch: Batch) -> int:
        batches = self.rows / batch.rows
        whole = math.floor(batches) if self.drop_last else math.ceil(batches)
        return max(1, math.ceil(whole / batch.accumulation))

    def _positions(self) -> list[int]:
        """For each batch: where it came into force, in steps of its own size."""
        positions = [0]
        for earlier, later in pairwise(self.batches):
            position = positions[-1] + later.from_step - earlier.from_step
            epoch, steps = divmod(position, self._steps_per_epoch(earlier))
            per_epoch = self._steps_per_epoch(later)
            seen = steps * earlier.rows_per_step // later.rows_per_step
            positions.append(epoch * per_epoch + min(seen, per_epoch))
        return positions


def stored_batches(facts: Mapping[str, Any], first: Batch) -> tuple[Batch, ...]:
    """The batches that a checkpoint was reached with; `first` where its commit does not say."""
    stored = facts.get("batches")
    if not isinstance(stored, Sequence) or not stored:
        return (first,)
    return tuple(Batch(*map(int, one)) for one in stored)


def _near_divisors(seen: int, wanted: int) -> list[int]:
    """The step sizes on both sides of the wanted one that `seen` rows are a whole number of."""
    small = [size for size in range(1, math.isqrt(seen) + 1) if seen % size == 0]
    divisors = sorted({*small, *(seen // size for size in small)})
    smaller = [size for size in divisors if size < wanted]
    larger = [size for size in divisors if size > wanted]
    return [*smaller[-2:], *larger[:1]]


def _listed(sizes: list[int]) -> str:
    words = [str(size) for size in sizes]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
