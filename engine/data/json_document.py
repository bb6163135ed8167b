"""Rows from one JSON document: an array of objects, an object with one such array, or several objects.

Streamed: no more than one row and a block of text are held, whatever the size of the document.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from engine.data.json_rows import DECODER, OBJECT_HINT, object_row
from engine.data.lines import LONGEST_ROW, SHOWN_CHARACTERS, TOO_LONG, TOO_LONG_HINT, undecodable
from engine.data.row import AnyRow, BrokenRow, kind_of, located, printable
from engine.data.streams import as_utf8
from engine.errors import DataError

_BLOCK_BYTES = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")
_UNDECODED = re.compile("[\udc80-\udcff]")
_CUT_CHARACTERS = 64
"""An error this near to the end of what was read may be no error once more is read."""


def read_json(stream: BinaryIO, path: Path) -> Iterator[AnyRow]:
    """The rows of a document, each with the line where it begins."""
    stream, encoding = as_utf8(stream)
    window = _Window(stream, path, encoding=encoding)
    mark = window.mark()
    if not mark:
        return
    if mark == "[":
        yield from _array(window)
        _expect_end(window, "the JSON array", "keep one array in a file")
        return
    if mark != "{":
        raise window.error(*_not_rows(window))
    begin = window.line
    first = window.value_if_short()
    if first is None:
        yield from _member_rows(window)
        _expect_end(window, "the JSON object", "keep one object with one array in a file")
        return
    value, text = first
    if window.mark():
        yield _row(window, value, text, begin)
        yield from _sequence(window)
        return
    _check_one_list(value, path, begin)
    again = BytesIO(text.encode("utf-8", "surrogateescape"))
    yield from _member_rows(_Window(again, path, begin, encoding))


def _array(window: "_Window") -> Iterator[AnyRow]:
    """The elements of the array that begins here."""
    window.position += 1
    closed = window.mark() == "]"
    while not closed:
        line = window.line
        value, text = window.value()
        yield _row(window, value, text, line)
        mark = window.mark()
        if mark not in ("]", ",") or not mark:
            raise window.error(
                "the array is not closed properly: expected a comma or ] after this row",
                "check that the file is complete",
            )
        closed = mark == "]"
        if not closed:
            window.position += 1
            window.mark()
    window.position += 1


def _member_rows(window: "_Window") -> Iterator[AnyRow]:
    """The rows of the one list of objects in the object that begins here."""
    window.mark()
    begin = window.line
    window.position += 1
    lists = 0
    closed = window.mark() == "}"
    while not closed:
        window.value(name=True)
        if window.mark() != ":":
            raise window.error("not JSON: a colon is missing", "check that the file is complete")
        window.position += 1
        if window.mark() == "[" and window.after_mark() == "{":
            lists += 1
            if lists > 1:
                raise window.error("the JSON object has 2 lists of objects", _ONE_LIST)
            yield from _array(window)
        else:
            window.value()
        mark = window.mark()
        if mark not in ("}", ",") or not mark:
            raise window.error(
                "the object is not closed properly", "check that the file is complete"
            )
        closed = mark == "}"
        window.position += 1
        window.mark()
    if not lists:
        raise DataError(f"{located(window.path, begin)}: {_NO_LIST}", _ONE_LIST)


def _sequence(window: "_Window") -> Iterator[AnyRow]:
    """Objects one after another, on one line each or on several; behind a broken one, the next that begins a
    line."""
    while window.mark():
        line = window.line
        found = window.try_value()
        if isinstance(found, _Problem):
            content = window.text[window.position : window.position + SHOWN_CHARACTERS]
            yield BrokenRow(
                str(window.path),
                line,
                found.reason,
                found.hint if found.line == line else f"{found.hint} (see line {found.line})",
                content,
            )
            window.go_to_next_object()
        else:
            yield _row(window, *found, line)


_NO_LIST = "the JSON object has no list of objects"
_ONE_LIST = "write a JSON array of objects, or one object a line (.jsonl)"


def _check_one_list(value: object, path: Path, line: int) -> None:
    members = value.values() if isinstance(value, dict) else ()
    lists = sum(
        isinstance(member, list) and bool(member) and isinstance(member[0], dict)
        for member in members
    )
    if lists != 1:
        found = f"the JSON object has {lists} lists of objects" if lists else _NO_LIST
        raise DataError(f"{located(path, line)}: {found}", _ONE_LIST)


def _row(window: "_Window", value: object, text: str, line: int) -> AnyRow:
    if window.undecoded and (found := _UNDECODED.search(text)):
        byte = ord(found[0]) - 0xDC00
        shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        reason = f"the row holds a byte (0x{byte:02x}) that is not {window.encoding}"
        return undecodable(window.path, line, reason, shown)
    return object_row(value, str(window.path), line)


def _not_rows(window: "_Window") -> tuple[str, str]:
    found = window.try_value()
    if isinstance(found, _Problem):
        return found.reason, found.hint
    return f"a row is {kind_of(found[0])}, not an object", OBJECT_HINT


def _expect_end(window: "_Window", what: str, hint: str) -> None:
    if window.mark():
        raise window.error(
            f"there is something after {what}", f"{hint}, or write one object a line (.jsonl)"
        )


@dataclass(frozen=True)
class _Problem:
    """Why there is no value at a place."""

    reason: str

    hint: str

    line: int


class _Window:
    """The part of a document that is being looked at; what lies before `position` is let go."""

    def __init__(
        self, stream: BinaryIO, path: Path, line: int = 1, encoding: str = "UTF-8"
    ) -> None:
        self.path = path
        self.text = ""
        self.position = 0
        self.undecoded = False
        """Whether bytes were met that are no UTF-8."""
        self._stream = stream
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._ended = False
        self._line = line
        self._counted = 0

    @property
    def line(self) -> int:
        """The line of the position."""
        self._line += self.text.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def mark(self) -> str:
        """The character at the next place that is no space; empty at the end."""
        while True:
            found = _SPACE.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return self.text[self.position]
            if not self._more():
                return ""

    def after_mark(self) -> str:
        """The character behind the one at the position, spaces apart; the position stays."""
        while True:
            found = _SPACE.match(self.text, self.position + 1)
            end = found.end() if found else self.position + 1
            if end < len(self.text):
                return self.text[end]
            if len(self.text) - self.position > LONGEST_ROW or not self._more():
                return ""

    def value(self, *, name: bool = False) -> tuple[object, str]:
        """The value at the position and its text, and the position goes behind it.

        Raises:
            DataError: there is none, or it is too long.
        """
        found = self.try_value()
        if isinstance(found, _Problem):
            raise DataError(f"{located(self.path, found.line)}: {found.reason}", found.hint)
        if name and not isinstance(found[0], str):
            raise self.error("not JSON: a name is missing", "check that the file is complete")
        return found

    def value_if_short(self) -> tuple[object, str] | None:
        """As `value`, but None where there is none or it is too long; the position stays then."""
        found = self.try_value()
        return None if isinstance(found, _Problem) else found

    def try_value(self) -> "tuple[object, str] | _Problem":
        """As `value`; what keeps it from being read is returned, and the position stays."""
        while True:
            begin = self.position
            try:
                value, end = DECODER.raw_decode(self.text, begin)
            except RecursionError:
                return self._problem("nested too deeply", begin)
            except json.JSONDecodeError as error:
                unended = error.msg.startswith("Unterminated string")
                if unended and self._ended:
                    return self._problem(error.msg, len(self.text))
                near = error.pos >= len(self.text) - _CUT_CHARACTERS
                if self._ended or not (near or unended):
                    return self._problem(error.msg, error.pos)
                if len(self.text) - begin > LONGEST_ROW:
                    return self._too_long()
            except ValueError as error:  # a number of more than 4,300 digits
                return self._problem(str(error), begin)
            else:
                if end - begin > LONGEST_ROW:
                    return self._too_long()
                if end < len(self.text) or self._ended:
                    self.position = end
                    return value, self.text[begin:end]
            self._more()

    def go_to_next_object(self) -> None:
        """Go to the next object that begins a line, or to the end."""
        while True:
            found = self.text.find("\n{", self.position)
            if found >= 0:
                self.position = found + 1
                return
            self.position = max(self.position, len(self.text) - 1)
            if not self._more():
                self.position = len(self.text)
                return

    def error(self, reason: str, hint: str) -> DataError:
        """Something that is wrong at the position."""
        return DataError(f"{located(self.path, self.line)}: {reason}", hint)

    def _too_long(self) -> _Problem:
        return _Problem(f"the row is {TOO_LONG}", TOO_LONG_HINT, self.line)

    def _problem(self, reason: str, at: int) -> _Problem:
        line = self.line + self.text.count("\n", self.position, at)
        if at >= len(self.text.rstrip()) and self._ended:
            return _Problem("not JSON: the file ends within a value", _COMPLETE, line)
        column = at - self.text.rfind("\n", 0, at)
        return _Problem(f"not JSON: {printable(reason)}, column {column}", _QUOTED, line)

    def _more(self) -> bool:
        """Read on, at least as much as is held: what is tried again is tried a few times only."""
        if self._ended:
            return False
        held = self.text[self.position :]
        self._line = self.line
        block = self._stream.read(min(max(_BLOCK_BYTES, len(held)), 4 * _BLOCK_BYTES))
        self._ended = not block
        text = self._decoder.decode(block, final=self._ended)
        self.undecoded = self.undecoded or (
            not text.isascii() and _UNDECODED.search(text) is not None
        )
        self.text = held + text
        self.position = self._counted = 0
        return True


_COMPLETE = "check that the file is complete"
_QUOTED = "write names and text in double quotes, and no comma after the last"
