"""What a job's machine did while it worked: memory, use, temperature and power against seconds of work."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.columns import TIME, Floats, Table, column_of, names_of
from engine.curves import Curve

PAUSE_SECONDS = 60.0
"""A longer silence between two readings of a machine is a pause, and takes no room on the axis."""


class Readings:
    """Takes the lines of `memory.jsonl` in: what the machine and the worker used, against seconds of work.

    Columns carry the names of the file; those of GPU 0 begin with `gpu0.`.
    """

    def __init__(self) -> None:
        self._table = Table()

    def extend(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Take lines in, in their order."""
        rows = [_flat(line) for line in lines]
        self._table.append({name: column_of(rows, name) for name in names_of(rows)}, len(rows))

    def machine(self) -> "Machine":
        """What is held now."""
        return Machine(self._table.view())


_OF_A_GPU = re.compile(r"gpu(\d{1,4})\.")


@dataclass(frozen=True)
class Machine:
    """The readings of a job's machine at one moment."""

    columns: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def gpus(self) -> list[int]:
        """The indices of the job's GPUs."""
        return sorted({int(match[1]) for name in self.columns if (match := _OF_A_GPU.match(name))})

    def curve(self, name: str) -> Curve:
        """One column against seconds of work, pauses left out; empty when there is none."""
        values = self.columns.get(name)
        if values is None:
            return Curve()
        known = np.isfinite(values)
        return Curve(self._seconds()[known], values[known])

    def last(self, name: str) -> float | None:
        """The newest value."""
        return self.curve(name).last

    def total(self, name: str) -> Curve:
        """The sum of one value over the job's GPUs, where all of them say it."""
        parts = [self.columns.get(f"gpu{index}.{name}") for index in self.gpus]
        known = [part for part in parts if part is not None]
        if not known or len(known) != len(parts):
            return Curve()
        summed = np.sum(known, axis=0)
        where = np.isfinite(summed)
        return Curve(self._seconds()[where], summed[where])

    def _seconds(self) -> Floats:
        times = self.columns.get(TIME)
        if times is None:
            return np.zeros(len(next(iter(self.columns.values()), ())))
        passed = np.nan_to_num(np.diff(times, prepend=times[:1]))
        usual = np.where((passed >= 0) & (passed <= PAUSE_SECONDS), passed, 1.0)
        return np.cumsum(usual)


def _flat(line: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a line; those of a GPU with its index before them."""
    row = _numbers(line)
    gpus = line.get("gpus")
    for gpu in gpus if isinstance(gpus, list) else ():
        if isinstance(gpu, Mapping) and type(gpu.get("index")) is int and gpu["index"] >= 0:
            row |= {f"gpu{gpu['index']}.{name}": value for name, value in _numbers(gpu).items()}
    return row


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {
        name: float(value)
        for name, value in values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
