"""Named columns of numbers that grow, and how lines of JSON become them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TIME = "time"
"""The column of Unix seconds; the only one in which null is not a broken value."""

BROKEN = np.inf
"""How a table holds a value that was measured as NaN or infinite; NaN is one that was not measured."""

LARGEST = 1e150
"""What is measured beyond that is as good as infinite, and no axis can show it."""


class Table:
    """Named columns of equal length that grow at their end; a view of them stays as it was."""

    def __init__(self) -> None:
        self.length = 0
        self._columns: dict[str, Floats] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    @property
    def names(self) -> list[str]:
        """The columns, in the order of their first appearance."""
        return list(self._columns)

    def view(self) -> dict[str, Floats]:
        """The columns as they are now."""
        return {name: column[: self.length] for name, column in self._columns.items()}

    def append(self, rows: Mapping[str, Floats | Sequence[float]], count: int) -> None:
        """Add `count` rows; a column that is not named has no values there."""
        grown = self.length + count
        for name in dict.fromkeys([*self._columns, *rows]):
            column = self._room(name, grown)
            column[self.length : grown] = rows.get(name, np.nan)
        self.length = grown

    def put(self, at: int, row: Mapping[str, float]) -> None:
        """Set some values of one row."""
        for name, value in row.items():
            self._room(name, self.length)[at] = value

    def keep(self, wanted: "NDArray[np.bool_] | NDArray[np.int64]") -> None:
        """Keep only these rows, in this order; views given before stay as they were."""
        self._columns = {name: column[wanted] for name, column in self.view().items()}
        self.length = len(next(iter(self._columns.values()), ()))

    def _room(self, name: str, length: int) -> Floats:
        """The column, with room for so many rows."""
        column = self._columns.get(name)
        if column is None or len(column) < length:
            larger = np.empty(max(256, length, 2 * len(column) if column is not None else 0))
            if column is None:
                larger[: self.length] = np.nan
            else:
                larger[: self.length] = column[: self.length]
            # A dictionary keeps the place of a name that it has: appearance order stays.
            self._columns[name] = column = larger
        return column


def names_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every name in some lines, in order of appearance as far as the first line tells."""
    first = dict.fromkeys(rows[0]) if rows else {}
    others: set[str] = set().union(*rows)
    return [*first, *sorted(others - first.keys())]


_FIGURES = frozenset({int, float, bool, type(None)})


def column_of(rows: Sequence[Mapping[str, Any]], name: str) -> Floats:
    """One column of some lines: what is null is broken, what is missing or no number was not measured."""
    values = [row.get(name) for row in rows]
    if set(map(type, values)) <= _FIGURES:
        column = np.array(values, dtype=np.float64)
    else:
        numbers = [value if isinstance(value, int | float) else np.nan for value in values]
        column = np.array(numbers, dtype=np.float64)
    column[np.abs(column) > LARGEST] = BROKEN
    for at in np.flatnonzero(np.isnan(column)).tolist():
        if name in rows[at] and values[at] is None and name != TIME:
            column[at] = BROKEN
    return column
