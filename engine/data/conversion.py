"""Rows of a source, checked and as the trainer wants them; bad ones are reported together."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain

from engine.data.bad_rows import SHOWN_PROBLEMS as SHOWN_PROBLEMS
from engine.data.bad_rows import BadRows, report
from engine.data.detection import Reading, choose, columns_of
from engine.data.formats import Canonical
from engine.data.row import AnyRow, BrokenRow, Row
from engine.data.source import HubReader, Resolved, rows_of
from engine.errors import DataError

HEAD_ROWS = 20
"""Rows that the format is recognised from."""

LONGEST_SEARCH = 100
"""Rows that are read at most to find these."""

HINT = "correct the row, or leave such rows out with data.on_bad_row: skip"


@dataclass(frozen=True)
class OpenSource:
    """A source whose format is known and whose rows are still to be read, once."""

    reading: Reading

    columns: tuple[str, ...]
    """The columns of the first rows."""

    rows: Iterator[AnyRow]

    @property
    def kind(self) -> str:
        """The kind of its rows."""
        return self.reading.kind

    def convert(self, *, chat: bool, bad_rows: BadRows | None = None) -> Iterator[Canonical]:
        """The rows as the trainer wants them; `bad_rows` decides about the others."""
        return converted(self.rows, self.reading, chat=chat, bad_rows=bad_rows)

    def understood(self, row: AnyRow, *, chat: bool) -> Canonical | BrokenRow:
        """One of the rows as the trainer wants it, or why it cannot be learned from."""
        return understood(row, self.reading, chat=chat)


def open_source(
    resolved: Resolved,
    *,
    format: str,
    columns: Mapping[str, str],
    method: str,
    chat: bool = True,
    read_hub: HubReader | None = None,
) -> OpenSource:
    """Read the first rows of a source and decide how a method understands all of them."""
    return open_rows(
        resolved,
        partial(choose, format=format, columns=columns, method=method, chat=chat),
        read_hub=read_hub,
    )


def open_rows(
    resolved: Resolved,
    choose: Callable[[Sequence[Row]], Reading],
    *,
    read_hub: HubReader | None = None,
) -> OpenSource:
    """Read the first rows of a source; `choose` decides from them how all are understood."""
    rows = rows_of(resolved, read_hub)
    taken, head = _head(rows)
    if not taken:
        raise DataError("the data set has no rows", "name data with at least one row")
    if not head:
        broken = [row for row in taken if isinstance(row, BrokenRow)]
        raise report(broken[:1], 1)
    return OpenSource(choose(head), columns_of(head), chain(taken, rows))


def converted(
    rows: Iterable[AnyRow], reading: Reading, *, chat: bool, bad_rows: BadRows | None = None
) -> Iterator[Canonical]:
    """Checked and converted rows; what cannot be learned from goes to `bad_rows`.

    Raises:
        DataError: at the end, if there were bad rows and the policy is `fail`, or nothing else.
    """
    told = bad_rows if bad_rows is not None else BadRows()
    good = 0
    bad: BrokenRow | None = None
    for row in rows:
        found = understood(row, reading, chat=chat)
        if isinstance(found, BrokenRow):
            bad = bad or found
            told.add(found)
        else:
            good += 1
            yield found
    told.settle()
    if bad and not good:
        raise DataError(
            f"no row can be learned from; the first: {bad.where}: {bad.reason}", bad.hint
        )


def understood(row: AnyRow, reading: Reading, *, chat: bool) -> Canonical | BrokenRow:
    """A row as the trainer wants it, or why it cannot be learned from."""
    if isinstance(row, BrokenRow):
        return row
    found = reading.understood(row, chat=chat)
    if isinstance(found, str):
        return BrokenRow(row.file, row.line, found, HINT, row.values, row.unit)
    return found


def _head(rows: Iterator[AnyRow]) -> tuple[list[AnyRow], list[Row]]:
    """The rows that were read to find the first good ones, and these."""
    taken: list[AnyRow] = []
    head: list[Row] = []
    for row in rows:
        taken.append(row)
        head += [row] if isinstance(row, Row) else []
        if len(head) == HEAD_ROWS or len(taken) == LONGEST_SEARCH:
            break
    return taken, head
