"""Rows from JSON: one object a line (streamed), or one document (held in memory as a whole)."""

import json
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from engine.data.lines import numbered_lines, suffix
from engine.data.row import Row, kind_of, located
from engine.errors import DataError

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")


def read_json_lines(stream: BinaryIO, path: Path) -> Iterator[Row]:
    """One JSON object a line; blank lines are skipped."""
    for number, line in numbered_lines(stream, path):
        if text := line.strip():
            value, end = _decoded(text, 0, path, number)
            if end < len(text) and isinstance(value, dict):
                raise DataError(
                    f"{located(path, number)}: more than one JSON value in a line",
                    "write one JSON object a line",
                )
            yield _object_row(value, path, number)


def read_json(stream: BinaryIO, path: Path) -> Iterator[Row]:
    """A JSON array of objects, an object with one such array, or objects one after another."""
    text = "".join(line for _, line in numbered_lines(stream, path))
    start = _after_space(text, 0)
    if start == len(text):
        return
    if text[start] == "[":
        end = yield from _array(text, start, path)
        if (rest := _after_space(text, end)) < len(text):
            raise DataError(
                f"{located(path, _line_at(text, rest))}: there is something after the JSON array",
                "keep one array in a file, or write one object a line (.jsonl)",
            )
        return
    first, end = _decoded(text, start, path)
    if _after_space(text, end) < len(text):
        yield from _sequence(text, start, path)
        return
    values = _object_row(first, path, _line_at(text, start)).values
    lists = [key for key, value in values.items() if _holds_objects(value)]
    if len(lists) != 1:
        found = f"{len(lists)} lists of objects" if lists else "no list of objects"
        raise DataError(
            f"{located(path, _line_at(text, start))}: the JSON object has {found}",
            "write a JSON array of objects, or one object a line (.jsonl)",
        )
    yield from _array(text, _position_of(lists[0], text, start), path)


def _array(text: str, start: int, path: Path) -> Generator[Row, None, int]:
    """The elements of the array at `start`, each with its line; returns where the array ends."""
    line, counted = 1, 0
    position = _after_space(text, start + 1)
    closed = text[position : position + 1] == "]"
    while not closed:
        value, end = _decoded(text, position, path)
        line, counted = line + text.count("\n", counted, position), position
        yield _object_row(value, path, line)
        position = _after_space(text, end)
        mark = text[position : position + 1]
        if mark not in ("]", ","):
            raise DataError(
                f"{located(path, _line_at(text, position))}: the array is not closed properly: "
                "expected a comma or ] after this row",
                "check that the file is complete",
            )
        closed = mark == "]"
        position = position if closed else _after_space(text, position + 1)
    return position + 1


def _sequence(text: str, position: int, path: Path) -> Iterator[Row]:
    """Objects one after another, on one line each or on several."""
    line, counted = 1, 0
    while position < len(text):
        value, end = _decoded(text, position, path)
        line, counted = line + text.count("\n", counted, position), position
        yield _object_row(value, path, line)
        position = _after_space(text, end)


def _decoded(text: str, position: int, path: Path, first_line: int = 1) -> tuple[Any, int]:
    """The JSON value at a position, and where it ends."""
    try:
        return _DECODER.raw_decode(text, position)
    except RecursionError:
        line, reason = _line_at(text, position), "nested too deeply"
    except json.JSONDecodeError as error:
        line, reason = error.lineno, f"{error.msg}, column {error.colno}"
    except ValueError as error:  # a number of more than 4,300 digits
        line, reason = _line_at(text, position), str(error)
    raise DataError(
        f"{located(path, first_line - 1 + line)}: not JSON: {reason}",
        _json_hint(text[:1], path),
    )


def _json_hint(mark: str, path: Path) -> str:
    if suffix(path) != ".json" and mark in ("[", "]"):
        return "if the file is one JSON array, let its name end in .json"
    return "write one JSON object a line, with names and text in double quotes"


def _object_row(value: object, path: Path, line: int) -> Row:
    if isinstance(value, dict):
        return Row(value, str(path), line)
    raise DataError(
        f"{located(path, line)}: a row is {kind_of(value)}, not an object",
        'write each row as an object: {"prompt": "...", "completion": "..."}',
    )


def _holds_objects(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _position_of(key: str, text: str, start: int) -> int:
    """Where the value of a key of the object at `start` begins; the object is known to be valid."""
    position = _after_space(text, start + 1)
    found = -1
    while text[position] != "}":
        name, end = _DECODER.raw_decode(text, position)
        value_at = _after_space(text, _after_space(text, end) + 1)
        _, end = _DECODER.raw_decode(text, value_at)
        found = value_at if name == key else found
        position = _after_space(text, end)
        position = _after_space(text, position + 1) if text[position] == "," else position
    return found


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _line_at(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
