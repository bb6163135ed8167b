"""Rows of plain text: each document is a row with the column `text`."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.data.lines import LONGEST_ROW, SHOWN_CHARACTERS, numbered_lines, too_long
from engine.data.row import AnyRow, BrokenRow, Row


def read_text(stream: BinaryIO, path: Path) -> Iterator[AnyRow]:
    """Documents that are separated by blank lines."""
    document = _Document(path)
    for number, line in numbered_lines(stream, path):
        if isinstance(line, BrokenRow) or line.strip():
            document.add(number, line)
        else:
            yield from document.ended()
            document = _Document(path)
    yield from document.ended()


def read_markdown(stream: BinaryIO, path: Path) -> Iterator[AnyRow]:
    """The file as one document: in Markdown, blank lines separate paragraphs."""
    document = _Document(path)
    for number, line in numbered_lines(stream, path):
        if document.begun or isinstance(line, BrokenRow) or line.strip():
            document.add(number, line)
    yield from document.ended()


class _Document:
    """A document while it is read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._start = 0
        self._lines: list[str] = []
        self._characters = 0
        self._broken: BrokenRow | None = None

    @property
    def begun(self) -> bool:
        return self._start > 0

    def add(self, number: int, line: str | BrokenRow) -> None:
        """A further line; of a document that cannot be used none is kept."""
        self._start = self._start or number
        if isinstance(line, BrokenRow):
            self._broken = self._broken or line
        elif self._broken is None:
            self._lines.append(line.rstrip("\r\n"))
            self._characters += len(line)
            if self._characters > LONGEST_ROW:
                shown = "\n".join(self._lines)[:SHOWN_CHARACTERS]
                what = "the document that begins here"
                self._broken = too_long(self._path, self._start, what, shown)
                self._lines.clear()

    def ended(self) -> Iterator[AnyRow]:
        """The row, if there was a line."""
        if self._broken is not None:
            yield self._broken
        elif self._lines:
            text = "\n".join(self._lines).rstrip("\n")
            yield Row({"text": text}, str(self._path), self._start)
