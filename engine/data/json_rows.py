"""Rows from JSON lines: one object a line, streamed; a line that is none is a broken row."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from engine.data.lines import LONGEST_KEPT, numbered_lines
from engine.data.row import AnyRow, BrokenRow, Row, kind_of
from engine.data.streams import suffix

DECODER = json.JSONDecoder()
OBJECT_HINT = 'write each row as an object: {"prompt": "...", "completion": "..."}'


def read_json_lines(stream: BinaryIO, path: Path) -> Iterator[AnyRow]:
    """One JSON object a line; blank lines are skipped."""
    name = str(path)
    for number, line in numbered_lines(stream, path):
        if isinstance(line, BrokenRow):
            yield line
            continue
        text = line.strip()
        if not text:
            continue
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:  # json takes NaN, halves of surrogate pairs, and says more
            yield _slowly(text, path, number, last=not line.endswith("\n"))
            continue
        yield object_row(value, name, number)


def object_row(value: object, file: str, line: int) -> AnyRow:
    """A row of a value that must be an object."""
    if isinstance(value, dict):
        return Row(value, file, line)
    return BrokenRow(file, line, f"a row is {kind_of(value)}, not an object", OBJECT_HINT, value)


def not_json(text: str, position: int = 0) -> tuple[object, int, str, int]:
    """The JSON value at a position and where it ends, or else why there is none, and where."""
    try:
        value, end = DECODER.raw_decode(text, position)
    except RecursionError:
        return None, 0, "nested too deeply", position
    except json.JSONDecodeError as error:
        return None, 0, error.msg, error.pos
    except ValueError as error:  # a number of more than 4,300 digits
        return None, 0, str(error), position
    return value, end, "", end


def _slowly(text: str, path: Path, number: int, *, last: bool) -> AnyRow:
    value, end, reason, at = not_json(text)
    if not reason and end == len(text):
        return object_row(value, str(path), number)
    if not reason:
        more = isinstance(value, dict) and text[end:].lstrip()[:1] in ("{", "[", '"')
        what = "more than one JSON value in a line" if more else "not JSON: more behind the value"
        hint = _hint(text, path, last=False)
        return BrokenRow(str(path), number, what, hint, text[:LONGEST_KEPT])
    why = f"not JSON: {reason}, column {at + 1}"
    return BrokenRow(str(path), number, why, _hint(text, path, last=last), text[:LONGEST_KEPT])


def _hint(text: str, path: Path, *, last: bool) -> str:
    if suffix(path) != ".json" and text[:1] in ("[", "]"):
        return "if the file is one JSON array, let its name end in .json"
    if last:
        return "check that the file is complete: its last line has no end"
    return "write one JSON object a line, with names and text in double quotes"
