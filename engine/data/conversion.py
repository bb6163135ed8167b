"""Rows of a source, checked and as the trainer wants them; all problems are reported at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from engine.data.detection import Reading, choose, columns_of
from engine.data.formats import Canonical
from engine.data.row import Row
from engine.data.source import HubReader, Resolved, rows_of
from engine.errors import DataError

HEAD_ROWS = 20
"""Rows that the format is recognised from."""

SHOWN_PROBLEMS = 10


@dataclass(frozen=True)
class OpenSource:
    """A source whose format is known and whose rows are still to be read, once."""

    reading: Reading

    columns: tuple[str, ...]
    """The columns of the first rows."""

    rows: Iterator[Row]

    def convert(self, *, chat: bool) -> Iterator[Canonical]:
        """The rows as the trainer wants them; raises at the end if any could not be used."""
        return converted(self.rows, self.reading, chat=chat)


def open_source(
    resolved: Resolved,
    *,
    format: str,
    columns: Mapping[str, str],
    method: str,
    read_hub: HubReader | None = None,
) -> OpenSource:
    """Read the first rows of a source and decide how all of them are understood."""
    rows = rows_of(resolved, read_hub)
    head = list(islice(rows, HEAD_ROWS))
    if not head:
        raise DataError("the data set has no rows", "name data with at least one row")
    reading = choose(head, format=format, columns=columns, method=method)
    return OpenSource(reading, columns_of(head), chain(head, rows))


def converted(rows: Iterable[Row], reading: Reading, *, chat: bool) -> Iterator[Canonical]:
    """Checked and converted rows; a DataError at the end names the first of all bad ones."""
    shown: list[str] = []
    count = 0
    for row in rows:
        problem = reading.problem(row)
        if problem is None:
            yield reading.convert(row, chat=chat)
            continue
        count += 1
        if len(shown) < SHOWN_PROBLEMS:
            shown.append(f"{row.where}: {problem}")
    if count:
        raise DataError(_report(shown, count), "correct these rows, or remove them from the data")


def _report(shown: list[str], count: int) -> str:
    if count == 1:
        return shown[0]
    more = [f"…and {count - len(shown)} more"] if count > len(shown) else []
    return "\n  ".join([f"{count} rows cannot be learned from:", *shown, *more])
