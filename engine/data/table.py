"""Rows of a table: .csv by commas, semicolons or tabs, .tsv by tabs; the first line names the columns."""

import csv
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.data.lines import (
    LONGEST_KEPT,
    LONGEST_ROW,
    SHOWN_CHARACTERS,
    TOO_LONG,
    TOO_LONG_HINT,
    numbered_lines,
)
from engine.data.row import AnyRow, BrokenRow, Row, located, printable
from engine.data.streams import suffix
from engine.errors import DataError

MOST_LINES = 100_000
"""Lines of one row: more are a quote that was never closed."""

MOST_READ_AGAIN = 1_000_000
"""Lines that are read again, all together, behind quotes that were not closed."""

_HINT = 'put text with commas, quotes or line breaks in double quotes, and write " as ""'
_NOT_A_NUMBER = ("NaN", "nan")
"""What programs write where there is no value."""


def read_table(stream: BinaryIO, path: Path) -> Iterator[AnyRow]:
    """The rows of a table; a field that is `NaN` has no value."""
    csv.field_size_limit(2**31 - 1)
    feed = _Feed(numbered_lines(stream, path))
    top = feed.first_line()
    table = csv.reader(feed, delimiter=_delimiter(top, path), strict=True)
    header = _header(table, feed, path)
    while header:
        feed.begin()
        try:
            fields = next(table, None)
        except (csv.Error, _TooLongError) as error:
            yield _unreadable(feed, error, path)
            if len(header) > 1:
                feed.read_again(path)
            continue
        if fields is None:
            return
        if feed.broken is not None:
            yield feed.broken
        elif fields:
            yield _row(header, fields, path, feed.start)


def _delimiter(top: str, path: Path) -> str:
    if suffix(path) == ".tsv":
        return "\t"
    return next((mark for mark in ",;\t" if mark in top), ",")


def _header(table: "Iterator[list[str]]", feed: "_Feed", path: Path) -> list[str]:
    """The names of the columns; none of an empty file."""
    try:
        header = [name.strip() for name in next(table, [])]
    except (csv.Error, _TooLongError) as error:
        raise DataError(f"{located(path, feed.start)}: {_reason(error)}", _HINT) from error
    if feed.broken is not None:
        raise DataError(f"{feed.broken.where}: {feed.broken.reason}", feed.broken.hint)
    if repeated := sorted({name for name in header if header.count(name) > 1}):
        raise DataError(
            f"{located(path, feed.start)}: more than one column is named {printable(repeated[0])!r}",
            "give every column a name of its own in the first line",
        )
    return header


def _row(header: list[str], fields: list[str], path: Path, line: int) -> AnyRow:
    if len(fields) != len(header):
        return BrokenRow(
            str(path),
            line,
            f"the row has {len(fields)} fields, the header {len(header)}",
            "put text that holds commas or line breaks in double quotes",
            fields,
        )
    values = {
        name: None if field in _NOT_A_NUMBER else field
        for name, field in zip(header, fields, strict=True)
    }
    return Row(values, str(path), line)


def _unreadable(feed: "_Feed", error: Exception, path: Path) -> BrokenRow:
    if feed.broken is not None:
        return feed.broken
    last = feed.start + len(feed.lines) - 1
    over = f" (in lines {feed.start} to {last})" if last > feed.start else ""
    long = isinstance(error, _TooLongError)
    text = "".join(feed.lines)[: SHOWN_CHARACTERS if long else LONGEST_KEPT]
    hint = f"close the quote that this row opens, or: {TOO_LONG_HINT}" if long else _HINT
    return BrokenRow(str(path), feed.start, _reason(error) + over, hint, text)


def _reason(error: Exception) -> str:
    return printable(str(error), 200)


class _TooLongError(Exception):
    """A row that does not end."""


class _Feed:
    """Lines for `csv`, and those of the row that it is at."""

    def __init__(self, lines: Iterator[tuple[int, str | BrokenRow]]) -> None:
        self._source = lines
        self._waiting: deque[tuple[int, str | BrokenRow]] = deque()
        self._read_again = 0
        self.start = 1
        """The line where the row begins."""
        self.lines: list[str] = []
        """Its lines so far."""
        self.broken: BrokenRow | None = None
        """The first of its lines that cannot be read."""
        self._characters = 0

    def first_line(self) -> str:
        """The first line with something in it, which stays to be read."""
        for number, line in self._source:
            if isinstance(line, BrokenRow) or line.strip():
                self._waiting.append((number, line))
                self.start = number
                return line if isinstance(line, str) else ""
        return ""

    def begin(self) -> None:
        """Begin a row."""
        self.lines.clear()
        self.broken = None
        self._characters = 0

    def read_again(self, path: Path) -> None:
        """Give all lines of this row but its first once more, each as the beginning of a row.

        Raises:
            DataError: this was done too often to be of use.
        """
        rest = self.lines[1:]
        self._read_again += len(rest)
        if self._read_again > MOST_READ_AGAIN:
            raise DataError(
                f"{located(path, self.start)}: too many quotes that are not closed to read on",
                _HINT,
            )
        self._waiting.extendleft(
            (self.start + place, line) for place, line in reversed(list(enumerate(rest, 1)))
        )

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        number, line = self._waiting.popleft() if self._waiting else next(self._source)
        if isinstance(line, BrokenRow):
            self.broken = self.broken or line
            line = str(line.content) if len(str(line.content)) > SHOWN_CHARACTERS else "\n"
        if not self.lines:
            self.start = number
        self.lines.append(line)
        self._characters += len(line)
        if self._characters > LONGEST_ROW or len(self.lines) > MOST_LINES:
            raise _TooLongError(
                f"the row is {TOO_LONG}"
                if self._characters > LONGEST_ROW
                else f"the row has more than {MOST_LINES} lines"
            )
        return line
