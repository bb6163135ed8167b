"""One row of training data and where it came from, or what kept it from being read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]
"""Column name to value, as the file has it or as `data.columns` renamed it."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one row holds, before any conversion."""

    values: Values

    file: str
    """The file's path, or the hub id."""

    line: int
    """Where the row begins, counted from 1."""

    unit: str = "line"
    """What `line` counts: "row" where a file has no lines (parquet, arrow, hub)."""

    @property
    def where(self) -> str:
        """The row's place in words, to begin a message with."""
        return located(self.file, self.line, self.unit)


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be used, in data that can be read on after it."""

    file: str

    line: int

    reason: str

    hint: str

    content: object = None
    """What the row holds: its text as far as it was read, or its values."""

    unit: str = "line"

    @property
    def where(self) -> str:
        """The row's place in words, to begin a message with."""
        return located(self.file, self.line, self.unit)


AnyRow = Row | BrokenRow


def located(file: object, line: int, unit: str = "line") -> str:
    """A place in a file, in the words that every data error uses."""
    return f"{printable(str(file))}, {unit} {line}"


def printable(text: str, limit: int = 0) -> str:
    """Text from a data file that a terminal may show: no escape sequences, at most `limit` long."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return shown if not limit or len(shown) <= limit else shown[: limit - 1] + "…"


def kind_of(value: object) -> str:
    """A value's JSON kind in words, for messages about a wrong one."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return f"a number ({printable(str(value), 20)})"
        case str():
            return "text"
        case list() | tuple():
            return "a list"
        case Mapping():
            return "an object"
        case _:
            return f"a {type(value).__name__}"
