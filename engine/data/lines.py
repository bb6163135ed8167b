"""A text file as numbered lines; one that cannot be read is a broken row, and the next is read."""

import codecs
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.data.row import BrokenRow
from engine.data.streams import as_utf8

LONGEST_ROW = 16 * 1024 * 1024
"""Bytes of a line, and characters of a row, that are read at most; what is longer is a broken row."""

TOO_LONG = f"longer than {LONGEST_ROW // 1024**2} MiB"
TOO_LONG_HINT = "divide it into several rows, or check that the file has its line breaks"

SHOWN_CHARACTERS = 1000
"""What is kept of a row that is too long."""

LONGEST_KEPT = 1024 * 1024
"""Characters that are kept of any other row that cannot be used."""

_BLOCK_BYTES = 1 << 20


def numbered_lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, str | BrokenRow]]:
    """Numbered lines as text, without a byte order mark, line ends kept."""
    stream, encoding = as_utf8(stream)
    read = stream.readline
    number = 0
    while raw := read(LONGEST_ROW + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if len(raw) > LONGEST_ROW:
            _leave_line(stream, raw)
            shown = raw[:SHOWN_CHARACTERS].decode("utf-8", "replace")
            yield number, too_long(path, number, "the line", shown)
            continue
        try:
            yield number, raw.decode("utf-8")
        except UnicodeDecodeError as error:
            yield number, _undecodable(path, number, raw, error.start, encoding)


def too_long(path: Path, line: int, what: str, shown: str) -> BrokenRow:
    """A row of which only the beginning was kept."""
    return BrokenRow(str(path), line, f"{what} is {TOO_LONG}", TOO_LONG_HINT, shown)


def undecodable(path: Path, line: int, reason: str, text: str) -> BrokenRow:
    """A row that is not the text that it should be."""
    hint = "save the file as UTF-8, for example: iconv -f LATIN1 -t UTF-8 OLD > NEW"
    return BrokenRow(str(path), line, reason, hint, text[:LONGEST_KEPT])


def _undecodable(path: Path, number: int, raw: bytes, at: int, encoding: str) -> BrokenRow:
    reason = (
        f"byte {at + 1} (0x{raw[at]:02x}) is not UTF-8"
        if encoding == "UTF-8"
        else f"the file is {encoding}, and this line is not"
    )
    return undecodable(path, number, reason, raw.decode("utf-8", "backslashreplace"))


def _leave_line(stream: BinaryIO, begun: bytes) -> None:
    """Read on to the end of a line, keeping nothing."""
    while begun and not begun.endswith(b"\n"):
        begun = stream.readline(_BLOCK_BYTES)
