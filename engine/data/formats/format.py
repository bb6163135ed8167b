"""What a format is, and what all of them share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from engine.data.checks import Unusable, is_list
from engine.data.kinds import Canonical
from engine.data.row import Values


class Format(Protocol):
    """One way to write training data. It sees one row's values under our column names."""

    @property
    def name(self) -> str:
        """What `data.format` calls it."""
        ...

    @property
    def kinds(self) -> tuple[str, ...]:
        """What its rows can become (`engine.data.kinds`); what they were written as comes first."""
        ...

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that every row has."""
        ...

    @property
    def optional(self) -> tuple[str, ...]:
        """Columns that a row may have."""
        ...

    def matches(self, rows: Sequence[Values]) -> bool:
        """Whether data that begins with these rows is written this way."""
        ...

    def check(self, values: Values, kind: str) -> str | None:
        """What keeps a row with the required columns from becoming that kind, in words."""
        ...

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """A checked row as that kind; without `chat` its messages become text."""
        ...


class Columns:
    """A format whose rows are known by their columns, and wrong if they cannot be converted."""

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that every row has."""
        raise NotImplementedError

    def matches(self, rows: Sequence[Values]) -> bool:
        """A column counts if one of the rows has it: a row that lacks one is a bad row."""
        return all_there(self.required, rows)

    def check(self, values: Values, kind: str) -> str | None:
        """What conversion says."""
        try:
            self.convert(values, kind, chat=True)
        except Unusable as problem:
            return str(problem)
        return None

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """The row as that kind.

        Raises:
            Unusable: it cannot be.
        """
        raise NotImplementedError


def all_there(columns: Iterable[str], rows: Sequence[Values]) -> bool:
    """Whether each column is in one of the rows at least."""
    return all(any(name in row for row in rows) for name in columns)


def any_item_has(key: str, column: str, rows: Sequence[Values]) -> bool:
    """Whether a list in that column begins with an object with this key, in one of the rows."""
    for row in rows:
        items = row.get(column)
        if is_list(items) and items and isinstance(items[0], Mapping) and key in items[0]:
            return True
    return False


def is_answered(column: str, rows: Sequence[Values]) -> bool:
    """Whether the messages in that column end with an answer of the assistant, in one of the rows."""
    columns = (row.get(column) for row in rows)
    return any(is_list(items) and message_answers(items) for items in columns)


def message_answers(items: Sequence[object]) -> bool:
    """Whether the last message of a list is the assistant's."""
    last = items[-1] if items else None
    if not isinstance(last, Mapping):
        return False
    return last.get("role", last.get("from")) in ("assistant", "gpt")
