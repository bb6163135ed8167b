"""Malformed data of every kind: always a message with its place and what to do, never a lost row."""

import gzip
import io
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.data import AnyRow, BadRows, BrokenRow, Row, open_parts, read_rows
from engine.data.lines import LONGEST_ROW
from engine.data.readers import READERS
from engine.errors import DataError
from engine.spec import DataSection

GOOD = {"prompt": "2+2?", "completion": "4"}
HELLO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
CHAT = {"messages": HELLO}


@dataclass(frozen=True)
class Case:
    """A malformed data set."""

    name: str

    content: bytes

    place: str
    """Where the problem is said to be: behind the file's name."""

    reason: str

    good: int | None = None
    """Rows that are read all the same, where bad ones are left out; None where reading ends."""

    bad: int = 1

    method: str = "sft"

    format: str = "auto"


def row(text: str | dict) -> bytes:
    return (text if isinstance(text, str) else json.dumps(text)).encode() + b"\n"


def among_good(bad: str | bytes | dict, place: str, reason: str, good: dict | None = None) -> Case:
    """JSON lines of which the second is bad."""
    line = bad if isinstance(bad, bytes) else row(bad)
    return Case("a.jsonl", row(good or GOOD) + line + row(good or GOOD), place, reason, good=2)


def said(role: Any, content: Any = "x", **more: Any) -> dict:
    return {"role": role, "content": content, **more}


def table(*rows: Any, **options: Any) -> pyarrow.Table:
    return pyarrow.Table.from_pylist(list(rows), **options)


def parquet(content: pyarrow.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(content, sink)
    return sink.getvalue()


def arrow(content: pyarrow.Table, *, stream: bool = True) -> bytes:
    sink = io.BytesIO()
    make = pyarrow.ipc.new_stream if stream else pyarrow.ipc.new_file
    with make(sink, content.schema) as writer:
        writer.write_table(content, max_chunksize=2)
    return sink.getvalue()


def zstandard(content: bytes) -> bytes:
    return bytes(pyarrow.Codec("zstd").compress(content, asbytes=True))


def not_utf8(*values: bytes) -> pyarrow.Table:
    column = pyarrow.array([b"fine", *values, b"fine"], pyarrow.binary())
    text = pyarrow.Array.from_buffers(pyarrow.string(), len(column), column.buffers())
    return pyarrow.table({"prompt": text, "completion": text})


PAIRS = table(*[GOOD] * 6)
NOISE = os.urandom(200_000).hex()

JSON_LINES = {
    "cut in a string": among_good('{"prompt": "2+', "line 2", "Unterminated string"),
    "cut in an object": among_good('{"prompt": "a", ', "line 2", "not JSON: Expecting property"),
    "cut at the end of the file": Case(
        "a.jsonl", row(GOOD) * 2 + b'{"prompt": "2', "line 3", "not JSON", good=2
    ),
    "a list": among_good('["2+2?", "4"]', "line 2", "a row is a list, not an object"),
    "a text": among_good('"2+2?"', "line 2", "a row is text, not an object"),
    "a number": among_good("17", "line 2", "a row is a number (17), not an object"),
    "null": among_good("null", "line 2", "a row is null, not an object"),
    "two objects in a line": among_good('{"a": 1} {"a": 2}', "line 2", "more than one JSON value"),
    "words": among_good("hello there", "line 2", "not JSON: Expecting value, column 1"),
    "single quotes": among_good("{'prompt': 'a'}", "line 2", "not JSON"),
    "a comma at the end": among_good('{"prompt": "a",}', "line 2", "not JSON"),
    "a comma between lines": among_good(
        '{"prompt": "a", "completion": "b"},', "line 2", "not JSON"
    ),
    "a control character": among_good('{"prompt": "a\tb"}', "line 2", "Invalid control character"),
    "a wrong escape": among_good(r'{"prompt": "\x41"}', "line 2", r"Invalid \escape"),
    "a number of 5,000 digits": among_good('{"prompt": ' + "9" * 5000 + "}", "line 2", "not JSON"),
    "nested 100,000 deep": among_good("[" * 100_000, "line 2", "nested too deeply"),
    "not UTF-8": among_good(b'{"prompt": "na\xefve"}\n', "line 2", "byte 15 (0xef) is not UTF-8"),
    "an overlong encoding": among_good(b'{"prompt": "\xc0\x80"}\n', "line 2", "is not UTF-8"),
    "an encoded surrogate": among_good(b'{"prompt": "\xed\xa0\x80"}\n', "line 2", "is not UTF-8"),
    "zero bytes": among_good(b"\0" * 100 + b"\n", "line 2", "not JSON"),
    "all is an array": Case(
        "a.jsonl",
        b"[\n" + row(GOOD)[:-1] + b",\n" + row(GOOD) + b"]\n",
        "line 1",
        "not JSON",
        good=1,
        bad=3,
    ),
    "HTML": Case("a.jsonl", b"<!DOCTYPE html>\n<html>\n", "line 1", "not JSON"),
    "a picture": Case("a.jsonl", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", "line 1", "is not UTF-8"),
    "broken UTF-16": Case(
        "a.jsonl",
        (row(GOOD) * 2).decode().encode("utf-16") + b"\0\xd8" + "\n".encode("utf-16-le"),
        "line 3",
        "the file is UTF-16, and this line is not",
        good=2,
    ),
    "UTF-16 cut within a character": Case(
        "a.jsonl", (row(GOOD) * 2).decode().encode("utf-16") + b"\0", "line 3", "UTF-16", good=2
    ),
    "nothing": Case("a.jsonl", b"", "", "the file has no rows"),
    "blank lines": Case("a.jsonl", b"\n \r\n\t\n", "", "the file has no rows"),
}

VALUES = {
    "a column is missing": among_good({"prompt": "a"}, "line 2", "'completion' is missing"),
    "another schema": Case(
        "a.jsonl",
        row(GOOD) + row(CHAT),
        "line 2",
        "the row has: messages",
        good=1,
        format="prompt-completion",
    ),
    "two schemas": Case("a.jsonl", row(GOOD) + row(CHAT), "", "fit several formats"),
    "an empty object": among_good("{}", "line 2", "is missing"),
    "an empty answer": among_good({**GOOD, "completion": ""}, "line 2", "is empty"),
    "an answer of spaces": among_good({**GOOD, "completion": " \n"}, "line 2", "is empty"),
    "a null answer": among_good({**GOOD, "completion": None}, "line 2", "is null, not text"),
    "a number for an answer": among_good({**GOOD, "completion": 4}, "line 2", "a number (4)"),
    "NaN for an answer": among_good('{"prompt": "a", "completion": NaN}', "line 2", "number (nan)"),
    "an object for an answer": among_good(
        {**GOOD, "completion": {"a": 1}}, "line 2", "has no 'role'"
    ),
    "half a surrogate pair": among_good(
        '{"prompt": "a", "completion": "\\ud83d"}', "line 2", "surrogate pair"
    ),
    "messages are null": among_good({"messages": None}, "line 2", "null, not a list", CHAT),
    "messages are text": among_good({"messages": "hi"}, "line 2", "text, not a list", CHAT),
    "no messages": among_good({"messages": []}, "line 2", "empty list", CHAT),
    "a null message": among_good({"messages": [*HELLO, None]}, "line 2", "[2] is null", CHAT),
    "a list for a message": among_good({"messages": [HELLO]}, "line 2", "[0] is a list", CHAT),
    "a null role": among_good({"messages": [said(None), *HELLO]}, "line 2", "messages[0]", CHAT),
    "an object for a role": among_good(
        {"messages": [said({"a": [None]}), *HELLO]}, "line 2", "messages[0]", CHAT
    ),
    "an unknown role": among_good(
        {"messages": [said("narrator"), *HELLO]}, "line 2", "the role 'narrator'", CHAT
    ),
    "null content": among_good(
        {"messages": [said("user", None), said("assistant")]}, "line 2", "messages[0]", CHAT
    ),
    "empty content of an answer": among_good(
        {"messages": [said("user"), said("assistant", "")]}, "line 2", "is empty", CHAT
    ),
    "a system message in the middle": among_good(
        {"messages": [*HELLO, said("system")]},
        "line 2",
        "system message that is not the first",
        CHAT,
    ),
    "an answer comes first": among_good(
        {"messages": HELLO[::-1]}, "line 2", "begins with an assistant message", CHAT
    ),
    "no answer": among_good({"messages": [said("user")]}, "line 2", "no assistant message", CHAT),
    "a null tool call": among_good(
        {"messages": [said("user"), said("assistant", "x", tool_calls=[None])]},
        "line 2",
        "tool_calls",
        CHAT,
    ),
    "columns of no format": Case("a.jsonl", row({"a": "x", "b": [1]}), "", "the columns (a, b)"),
    "only numbers": Case("a.jsonl", row({"a": 1, "b": 2}), "", "the columns (a, b)"),
    "a column's name is an escape sequence": Case(
        "a.jsonl", row({"\x1b[2J\x1b]0;x\x07": "y"}), "", "the columns (\\x1b[2J"
    ),
}

DOCUMENTS = {
    "array cut after a row": Case("a.json", b'[{"a": 1},\n{"a": 2}\n', "line 3", "not closed"),
    "array cut after a comma": Case("a.json", b'[{"a": 1},\n', "line 2", "ends within a value"),
    "array cut within a row": Case("a.json", b'[{"a": 1},\n{"a": "2', "line 2", "ends within a value"),
    "array of which nothing but [ is left": Case("a.json", b"[", "line 1", "ends within a value"),
    "a colon is missing": Case("a.json", b'[{"a": 1},\n{"a" 2}]', "line 2", "not JSON: Expecting ':'"),
    "a comma is missing": Case("a.json", b'[{"a": 1}\n{"a": 2}]', "line 2", "expected a comma or ]"),
    "a comma at the end": Case("a.json", b'[{"a": 1},\n]', "line 2", "not JSON: Expecting value"),
    "two arrays": Case("a.json", b'[{"a": 1}]\n[{"a": 2}]', "line 2", "after the JSON array"),
    "numbers among rows": Case(
        "a.json", b"[" + b",\n".join([row(GOOD), b"7", row(GOOD)]) + b"]", "line 3",
        "a number (7), not an object", good=2,
    ),
    "nulls among rows": Case(
        "a.json", b"[" + b",".join([row(GOOD), b"null", b"null"]) + b"]", "line 2",
        "null, not an object", good=1, bad=2,
    ),
    "rows that are not UTF-8": Case(
        "a.json", b"[" + b",".join([row(GOOD), b'{"prompt": "\xff"}\n', row(GOOD)]) + b"]",
        "line 2", "a byte (0xff) that is not UTF-8", good=2,
    ),
    "two lists of objects": Case(
        "a.json", b'{"a": [{"b": 1}], "c": [{"b": 1}]}', "line 1", "2 lists of objects"
    ),
    "no list of objects": Case("a.json", b'\n{"a": [1], "b": []}', "line 2", "no list of objects"),
    "a text": Case("a.json", b'"text"', "line 1", "a row is text, not an object"),
    "nested 100,000 deep": Case("a.json", b"[" * 100_000, "line 1", "nested too deeply"),
    "words": Case("a.json", b"hello", "line 1", "not JSON: Expecting value"),
    "an empty array": Case("a.json", b" [ ] ", "", "the file has no rows"),
    "a broken object among others": Case(
        "a.json", row(GOOD) + b'{"prompt": "2,\n' + row(GOOD), "line 2", "not JSON", good=2
    ),
    "a member is cut off": Case("a.json", b'{"data": [{"a": 1}], "b', "line 1", "within a value"),
}  # fmt: skip

TABLES = {
    "a field too few": Case(
        "a.csv", b"prompt,completion\n1,2\n3\n1,2\n", "line 3", "1 fields, the header 2", good=2
    ),
    "a field too many": Case(
        "a.csv", b"prompt,completion\n1,2,3\n1,2\n", "line 2", "3 fields, the header 2", good=1
    ),
    "a quote that is not closed": Case(
        "a.csv", b'prompt,completion\n1,2\n"open,2\n3,4\n', "line 3", "unexpected end of data",
        good=2,
    ),
    "a quote within a field": Case(
        "a.csv", b'prompt,completion\n1,2\n"a"b,2\n3,4\n', "line 3", "',' expected after", good=2
    ),
    "a quote that swallows the next ones": Case(
        "a.csv", b'prompt,completion\n"open,2\n3,4\n5,6\n"x",8\n', "line 2",
        "(in lines 2 to 5)", good=3,
    ),
    "NaN": Case(
        "a.csv", b"prompt,completion\n1,NaN\nnan,2\n3,4\n", "line 2", "null", good=1, bad=2
    ),
    "an empty field": Case("a.csv", b"prompt,completion\n1,\n3,4\n", "line 2", "empty", good=1),
    "the same column twice": Case("a.csv", b"q,a,q\n1,2,3\n", "line 1", "more than one column"),
    "old Mac line ends": Case("a.csv", b"prompt,completion\r1,2\r3,4\r", "line 1", "new-line"),
    "not UTF-8": Case(
        "a.csv", b"prompt,completion\n1,2\nna\xefve,3\n3,4\n", "line 3", "is not UTF-8", good=2
    ),
    "a header that is not UTF-8": Case("a.csv", b"na\xefve,b\n1,2\n", "line 1", "is not UTF-8"),
    "no row under the header": Case("a.csv", b"prompt,completion\n", "", "the file has no rows"),
    "no header": Case("a.csv", b"2+2?,4\n3+3?,6\n", "", "the columns (2+2?, 4)"),
    "tabs in a .csv with a row of commas": Case(
        "a.csv", b"prompt\tcompletion\na\tb\na,b\n", "line 3", "1 fields", good=1
    ),
    "zero bytes": Case("a.tsv", b"\0\0\0\0\0\n\0\n", "", "the columns"),
}  # fmt: skip

TEXTS = {
    "text that is not UTF-8": Case(
        "a.txt", b"fine\n\nna\xefve\nstill\n\nfine", "line 3", "is not UTF-8", good=2,
        method="pretrain",
    ),
    "Markdown that is not UTF-8": Case(
        "a.md", b"# fine\n\n\xff\n\nfine", "line 3", "is not UTF-8", method="pretrain"
    ),
    "text without a word": Case("a.txt", b"\n \n", "", "no rows", method="pretrain"),
}  # fmt: skip

COLUMNS = {
    "Parquet cut in half": Case(
        "a.parquet", parquet(PAIRS)[: len(parquet(PAIRS)) // 2], "row 1", "Parquet"
    ),
    "Parquet without its beginning": Case("a.parquet", parquet(PAIRS)[40:], "row 1", ""),
    "Parquet that is something else": Case("a.parquet", row(GOOD) * 9, "row 1", "Parquet"),
    "Parquet of nothing": Case("a.parquet", b"", "", "the file has no rows"),
    "Parquet without rows": Case("a.parquet", parquet(PAIRS[:0]), "", "the file has no rows"),
    "Parquet with null values": Case(
        "a.parquet", parquet(table(GOOD, {**GOOD, "completion": None}, GOOD)), "row 2",
        "is null, not text", good=2,
    ),
    "Parquet with null messages": Case(
        "a.parquet", parquet(table(CHAT, {"messages": None}, {"messages": [None]}, CHAT)),
        "row 2", "null", good=2, bad=2,
    ),
    "Parquet with null fields of messages": Case(
        "a.parquet", parquet(table(CHAT, {"messages": [{"role": None, "content": None}]})),
        "row 2", "messages[0]", good=1,
    ),
    "Parquet with text that is not UTF-8": Case(
        "a.parquet", parquet(not_utf8(b"\xff\xfe")), "row 2", "the row cannot be read", good=2
    ),
    "Parquet with bytes for text": Case(
        "a.parquet", parquet(table({"prompt": b"a", "completion": b"b"})), "", ""
    ),
    "Arrow cut in half": Case("a.arrow", arrow(PAIRS)[: len(arrow(PAIRS)) // 2], "row", ""),
    "Arrow without its end": Case("a.arrow", arrow(PAIRS)[:-8], "row 7", "ends without the mark"),
    "Arrow file without its end": Case("a.arrow", arrow(PAIRS, stream=False)[:-20], "row 1", ""),
    "Arrow that is something else": Case("a.arrow", row(GOOD) * 9, "row 1", ""),
    "Arrow with text that is not UTF-8": Case(
        "a.arrow", arrow(not_utf8(b"\xc3")), "row 2", "the row cannot be read", good=2
    ),
    "Arrow with a column twice": Case(
        "a.arrow",
        arrow(pyarrow.Table.from_arrays([PAIRS["prompt"]] * 2, names=["a", "a"])),
        "",
        "more than one column is named 'a'",
    ),
}  # fmt: skip

PACKED = {
    "gzip cut in half": Case(
        "a.jsonl.gz", gzip.compress(row({**GOOD, "x": NOISE}) * 3)[:150_000], "", "cannot be read"
    ),
    "gzip that is none": Case("a.jsonl.gz", row(GOOD), "", "Not a gzipped file"),
    "gzip with rubbish behind it": Case(
        "a.jsonl.gz", gzip.compress(row(GOOD)) + b"rubbish", "", "behind line 1"
    ),
    "gzip with a wrong checksum": Case(
        "a.jsonl.gz", gzip.compress(row(GOOD))[:-8] + b"\0" * 8, "", "behind line 1: CRC"
    ),
    "Zstandard cut in half": Case(
        "a.jsonl.zst", zstandard(row({**GOOD, "x": NOISE}) * 3)[:150_000], "", "Truncated"
    ),
    "Zstandard that is none": Case("a.jsonl.zst", row(GOOD), "", "ZSTD decompress failed"),
    "Zstandard that is gzip": Case("a.csv.zst", gzip.compress(b"a,b\n1,2\n"), "", "ZSTD"),
    "a bad row in a packed file": Case(
        "a.jsonl.zst", zstandard(row(GOOD) + b"{\n" + row(GOOD)), "line 2", "not JSON", good=2
    ),
    "packed Parquet cut in half": Case(
        "a.parquet.gz", gzip.compress(parquet(PAIRS)[:200]), "row 1", "Parquet"
    ),
}

CASES = {
    f"{kind}: {name}": case
    for kind, cases in (
        ("lines", JSON_LINES),
        ("values", VALUES),
        ("documents", DOCUMENTS),
        ("tables", TABLES),
        ("texts", TEXTS),
        ("columns", COLUMNS),
        ("packed", PACKED),
    )
    for name, case in cases.items()
}


def read(case: Case, folder: Path, bad_rows: BadRows, train: str = "") -> list[dict]:
    (folder / case.name).write_bytes(case.content)
    section = DataSection(train=train or case.name, format=case.format)
    (part,) = open_parts(
        section, method=case.method, base_folder=folder, chat=True, bad_rows=bad_rows
    )
    return list(part.rows)


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_malformed_data_is_refused_with_its_place(case: Case, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(case, tmp_path, BadRows("fail"))
    message = caught.value.message
    place = f"{tmp_path / case.name}, {case.place}" if case.place else str(tmp_path / case.name)
    assert place in message
    assert case.reason in message
    assert message.replace("\n", "").isprintable()
    assert caught.value.hint


@pytest.mark.parametrize(
    "case",
    [case for case in CASES.values() if case.good is not None],
    ids=[name for name, case in CASES.items() if case.good is not None],
)
def test_what_is_left_out_is_counted_and_everything_else_is_read(
    case: Case, tmp_path: Path
) -> None:
    kept = tmp_path / "quarantine"
    with BadRows("quarantine", kept) as bad_rows:
        assert len(read(case, tmp_path, bad_rows)) == case.good
    assert bad_rows.count == case.bad
    quarantined = [json.loads(line) for line in kept.read_text().splitlines()]
    assert len(quarantined) == case.bad
    assert all(one["file"] == str(tmp_path / case.name) and one["reason"] for one in quarantined)


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    for name, reason in (("pipe.jsonl", "not a regular file"), ("gone.jsonl", "No such file")):
        with pytest.raises(DataError, match=rf"{name}: cannot be read: {reason}"):
            list(read_rows(tmp_path / name))


def test_a_file_of_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "b.jsonl").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"b\.jsonl: cannot be read: No such file"):
        read(Case("data/a.jsonl", row(GOOD), "", ""), tmp_path, BadRows(), "data")


@pytest.mark.parametrize("ending", READERS)
@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_an_empty_file_of_any_kind_has_no_rows(ending: str, packed: str, tmp_path: Path) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstandard}
    path = tmp_path / f"a{ending}{packed}"
    path.write_bytes(pack[packed](b""))
    with pytest.raises(DataError, match="the file has no rows"):
        list(read_rows(path))
    path.write_bytes(b"")
    with pytest.raises(DataError):
        list(read_rows(path))


# --- rows that are too long --------------------------------------------------------------------------


LONG = b"x" * (LONGEST_ROW + 1000)


@pytest.mark.parametrize(
    ("name", "content", "places", "good"),
    [
        ("a.jsonl", row(GOOD) + b'{"prompt": "' + LONG + b'"}\n' + row(GOOD), [2], 2),
        ("a.csv", b"prompt,completion\n1,2\n1," + LONG + b"\n3,4\n", [3], 2),
        ("a.txt", b"one\n\n" + LONG + b"\n\ntwo\n", [3], 2),
        ("a.txt", b"one\n\n" + (b"x" * 9999 + b"\n") * 1700 + b"\ntwo\n", [3], 2),
        ("a.csv", b'prompt,completion\n1,2\n"open' + b"\n3,4" * 100_100, [3], 100_101),
    ],
    ids=["line", "field", "line of text", "document", "lines of a field"],
)
def test_a_row_that_is_too_long_is_a_bad_row(
    name: str, content: bytes, places: list[int], good: int, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    found = list(read_rows(path))
    broken = [one for one in found if isinstance(one, BrokenRow)]
    assert [one.line for one in broken] == places
    assert re.search("longer than 16 MiB|more than 100000 lines", broken[0].reason)
    assert len(str(broken[0].content)) <= 1000
    assert len(found) == good + len(broken)


def test_a_value_of_a_document_that_is_too_long_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"a": 1},\n{"a": "' + LONG + b'"}]')
    with pytest.raises(DataError, match=r"a\.json, line 2: the row is longer than 16 MiB"):
        list(read_rows(path))


def test_a_row_of_a_column_file_that_is_too_long_is_a_bad_row(tmp_path: Path) -> None:
    rows = table(GOOD, {"prompt": LONG.decode(), "completion": "x"}, GOOD)
    for name, content in (("a.parquet", parquet(rows)), ("a.arrow", arrow(rows))):
        (tmp_path / name).write_bytes(content)
        found = list(read_rows(tmp_path / name))
        assert [isinstance(one, Row) for one in found] == [True, False, True]
        assert (found[1].line, found[1].unit) == (2, "row")


# --- whatever bytes there are ------------------------------------------------------------------------


FRAGMENTS = (
    *(b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\n", b"\r\n", b"\t", b";", b" ", b"\0"),
    *(b'{"prompt": "a", "completion": "b"}', b'{"text": "x"}', b'"data": [', b"null", b"NaN", b"1e9"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xc3", b"\xa9", b"\xed\xa0\x80", b"\\ud800"),
    *(b"prompt,completion\n", b"a,b\n", b'"a, b"', b'""', b"# title", "é😀".encode()),
)  # fmt: skip

SEEDS: dict[str, bytes] = {".parquet": parquet(PAIRS), ".arrow": arrow(PAIRS)}


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, bytes]:
    """An ending and bytes: fragments, noise, or a good file with some bytes changed or cut off."""
    ending = draw(st.sampled_from(list(READERS)))
    if ending in SEEDS and draw(st.booleans()):
        content = bytearray(draw(st.sampled_from([SEEDS[ending], arrow(PAIRS, stream=False)])))
        for _ in range(draw(st.integers(0, 8))):
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
        made = bytes(content[: draw(st.integers(0, len(content)))])
    else:
        parts = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=6)), max_size=30)
        made = b"".join(draw(parts))
    pack = draw(st.sampled_from(["", "", "", ".gz", ".zst"]))
    if pack:
        made = gzip.compress(made) if pack == ".gz" else zstandard(made)
        cut = draw(st.integers(-3, len(made)))
        made = made if cut <= 0 else made[:cut]
    return ending + pack, made


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=spoiled())
def test_whatever_a_file_holds_becomes_rows_broken_rows_or_one_error(
    case: tuple[str, bytes], tmp_path: Path
) -> None:
    ending, content = case
    path = tmp_path / f"fuzz{ending}"
    path.write_bytes(content)
    found, error = outcome(path)
    assert [one.line for one in found] == sorted(one.line for one in found)
    for one in found:
        if isinstance(one, BrokenRow):
            assert one.reason.isprintable()
            assert one.reason
            assert one.hint
        else:
            assert all(isinstance(name, str) for name in one.values)
    assert found or error
    if error is not None:
        assert error.hint
        assert str(path) in error.message
        assert error.message.isprintable()


def outcome(path: Path) -> tuple[list[AnyRow], DataError | None]:
    """All rows of a file, and what ended the reading."""
    found: list[AnyRow] = []
    try:
        for one in read_rows(path):
            found.append(one)
    except DataError as error:
        return found, error
    return found, None


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    pieces=st.lists(
        st.sampled_from([b'"', b'""', b",", b"a", b"\n", b"\r\n", b' "b"']), max_size=40
    )
)
def test_every_line_of_a_table_is_in_a_row(pieces: list[bytes], tmp_path_factory: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.csv"
    path.write_bytes(b"q,w\n" + b"".join(pieces) + b"\nlast,row\n")
    found = list(read_rows(path))
    last = found[-1]
    assert isinstance(last, BrokenRow) or "row" in str(last.values["w"])
    begun = {one.line for one in found}
    lines = path.read_bytes().splitlines()
    for number, line in enumerate(lines[1:], 2):
        if line.strip() and number not in begun:
            previous = max(one for one in begun if one < number)
            inside = next(one for one in found if one.line == previous)
            assert b'"' in b"\n".join(lines[inside.line - 1 : number])
