"""Files become rows, and whatever is wrong with a file is said with its place."""

import gzip
import json
import os
import sys
from pathlib import Path
from subprocess import run

import pytest

from engine.data import HubId, fingerprint, read_rows, resolve, rows_of
from engine.data.bad_rows import report
from engine.data.row import BrokenRow, Row
from engine.errors import DataError


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(path: Path) -> list[Row]:
    found = []
    for row in read_rows(path):
        assert isinstance(row, Row), row
        found.append(row)
    return found


def values(path: Path) -> list[dict]:
    return [dict(row.values) for row in rows(path)]


def lines(path: Path) -> list[int]:
    return [row.line for row in rows(path)]


def failure(path: Path) -> DataError:
    """The first thing that is wrong, whether or not the file can be read on."""
    try:
        broken = [row for row in read_rows(path) if isinstance(row, BrokenRow)]
    except DataError as error:
        found = error
    else:
        assert broken, "nothing is wrong"
        found = report(broken[:1], 1)
    assert found.hint
    assert found.exit_code == 2
    return found


def test_json_lines_keep_their_line_numbers_over_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"a": 1}\n\n  \n{"a": 2}')
    assert values(path) == [{"a": 1}, {"a": 2}]
    assert lines(path) == [1, 4]


@pytest.mark.parametrize("ending", [".jsonl", ".ndjson", ".JSONL", ".json"])
def test_byte_order_mark_and_crlf_do_not_reach_the_values(tmp_path: Path, ending: str) -> None:
    path = write(tmp_path / f"a{ending}", b'\xef\xbb\xbf{"a": "x"}\r\n{"a": "y"}\r\n')
    assert values(path) == [{"a": "x"}, {"a": "y"}]


def test_unicode_line_separators_do_not_split_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"a": "x\u2028y\x85z"}\n')
    assert values(path) == [{"a": "x\u2028y\x85z"}]


def test_json_array_rows_carry_the_line_where_each_begins(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '[\n  {"a": 1},\n\n  {\n "a": 2}, {"a": 3}\n]\n')
    assert [row["a"] for row in values(path)] == [1, 2, 3]
    assert lines(path) == [2, 4, 5]


def test_json_object_with_one_list_is_read_as_that_list(tmp_path: Path) -> None:
    content = '{"version": "1", "tags": ["x"],\n "data": [{"a": 1},\n {"a": 2}], "end": 0}'
    path = write(tmp_path / "a.json", content)
    assert values(path) == [{"a": 1}, {"a": 2}]
    assert lines(path) == [2, 3]


def test_json_file_that_holds_objects_one_after_another_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"a": 1}\n{\n"a": 2}\n{"a": 3}\n')
    assert values(path) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert lines(path) == [1, 2, 4]


def test_csv_keeps_quoted_commas_and_line_breaks_and_the_line_of_each_record(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "a.csv", 'q,a\r\n"one, two","x\ny"\r\n\r\nthree,"say ""four"""\r\n')
    assert values(path) == [{"q": "one, two", "a": "x\ny"}, {"q": "three", "a": 'say "four"'}]
    assert lines(path) == [2, 5]


@pytest.mark.parametrize(("name", "mark"), [("a.tsv", "\t"), ("a.csv", ";")])
def test_tabs_and_semicolons_separate_too(tmp_path: Path, name: str, mark: str) -> None:
    assert values(write(tmp_path / name, f"q{mark}a\n1, 2{mark}3\n")) == [{"q": "1, 2", "a": "3"}]


def test_csv_field_longer_than_pythons_default_limit_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "q,a\n" + "x" * 200_000 + ",y\n")
    assert len(values(path)[0]["q"]) == 200_000


def test_text_is_divided_into_documents_at_blank_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\n\nfirst\n  still\r\n \nsecond\n\n\n")
    assert values(path) == [{"text": "first\n  still"}, {"text": "second"}]
    assert lines(path) == [3, 6]


def test_gzipped_file_is_read_like_its_content(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", gzip.compress(b'{"a": 1}\n'))
    assert values(path) == [{"a": 1}]


def test_parquet_is_read_with_row_numbers(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"messages": [{"role": "user", "content": str(n)}]} for n in range(3)]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert values(tmp_path / "a.parquet") == rows
    assert [row.where[-5:] for row in read_rows(tmp_path / "a.parquet")] == [
        "row 1",
        "row 2",
        "row 3",
    ]


@pytest.mark.parametrize(
    ("name", "content", "place", "reason"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', "line 2", "not JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', "line 2", "a list, not an object"),
        ("a.jsonl", '{"a": 1}\n\n"x"\n', "line 3", "text, not an object"),
        ("a.jsonl", '{"a": 1} {"a": 2}\n', "line 1", "more than one JSON value"),
        ("a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "line 2", "byte 8 (0xff) is not UTF-8"),
        ("a.jsonl", "[" * 100_000, "line 1", "nested too deeply"),
        ("a.jsonl", '{"a": ' + "9" * 5000 + "}", "line 1", "not JSON"),
        ("a.json", '[{"a": 1},\n{"a": 2}\n', "line 3", "not closed"),
        ("a.json", '[{"a": 1},\n{"a" 2}]', "line 2", "not JSON"),
        ("a.json", '[{"a": 1},\n]', "line 2", "not JSON"),
        ("a.json", '[{"a": 1},\n7]', "line 2", "a number (7), not an object"),
        ("a.json", '[{"a": 1}]\n\nrest', "line 3", "after the JSON array"),
        ("a.json", '\n{"a": [{"b": 1}], "c": [{"b": 1}]}', "line 2", "2 lists of objects"),
        ("a.json", '{"a": 1}', "line 1", "no list of objects"),
        ("a.json", '"text"', "line 1", "text, not an object"),
        ("a.csv", "q,a\n1,2\n3\n", "line 3", "1 fields, the header 2"),
        ("a.csv", "q,a\n1,2,3\n", "line 2", "3 fields, the header 2"),
        ("a.csv", "q,a,q\n1,2,3\n", "line 1", "more than one column is named 'q'"),
        ("a.csv", 'q,a\n1,2\n"open,2\n3,4\n', "line 3", "unexpected end of data"),
        ("a.txt", b"fine\n\nna\xefve\n", "line 3", "not UTF-8"),
        ("a.parquet", b"not parquet at all", "row 1", ""),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_broken_file_is_refused_with_its_place(
    tmp_path: Path, name: str, content: str | bytes, place: str, reason: str
) -> None:
    path = write(tmp_path / name, content)
    message = failure(path).message
    assert message.startswith(f"{path}, {place}: ")
    assert reason in message


def test_json_array_under_a_jsonl_name_is_told_to_be_renamed(tmp_path: Path) -> None:
    assert ".json" in failure(write(tmp_path / "a.jsonl", '[\n{"a": 1}\n]\n')).hint


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.jsonl", ""), ("a.json", "[]"), ("a.csv", "q,a\n"), ("a.txt", "\n\n"), ("a.json", " ")],
)
def test_file_without_rows_is_refused(tmp_path: Path, name: str, content: str) -> None:
    assert "no rows" in failure(write(tmp_path / name, content)).message


def test_cut_off_gzip_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(json.dumps({"a": os.urandom(5000).hex()}).encode())
    assert "cannot be read" in failure(write(tmp_path / "a.jsonl.gz", whole[:2000])).message
    assert "cannot be read" in failure(write(tmp_path / "b.jsonl.gz", b"plain")).message


def test_message_never_carries_an_escape_sequence(tmp_path: Path) -> None:
    path = write(tmp_path / "a\x1b[2J.csv", "\x1b[31mq,\x1b[31mq\n1,2\n")
    assert "\x1b" not in failure(path).message


# --- what a source names -------------------------------------------------------------------------


def names(source: str, base_folder: Path) -> list[str]:
    resolved = resolve(source, base_folder)
    assert isinstance(resolved, list)
    return [path.name for path in resolved]


def test_folder_and_pattern_name_their_data_files_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "odd [name]"
    folder.mkdir()
    for name in ("b.jsonl", "a.jsonl.gz", "README.md", ".hidden.jsonl", "c.csv"):
        write(folder / name, "x")
    assert names("odd [name]", tmp_path) == ["a.jsonl.gz", "b.jsonl", "c.csv"]
    assert names("*.jsonl*", folder) == ["a.jsonl.gz", "b.jsonl"]
    assert resolve(str(folder / "*.csv"), Path("/")) == [folder / "c.csv"]


def test_folder_or_pattern_without_data_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "README.md", "x")
    for source in (".", "*.jsonl"):
        with pytest.raises(DataError) as caught:
            resolve(source, tmp_path)
        assert ".jsonl" in caught.value.hint


def test_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", "x")
    with pytest.raises(DataError, match="no such file") as caught:
        resolve("trian.jsonl", tmp_path)
    assert caught.value.hint == "did you mean train.jsonl?"


def test_missing_file_without_a_near_name_is_answered_with_the_data_there(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", "x")
    with pytest.raises(DataError) as caught:
        resolve("zzz.csv", tmp_path)
    assert caught.value.hint == "data files in that folder: train.jsonl"


@pytest.mark.parametrize("source", ["no/such/folder/a.jsonl", "x" * 5000, "a\0b", "~nobody/x", ""])
def test_source_that_names_nothing_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(DataError):
        resolve(source, tmp_path)


def test_file_of_another_kind_is_refused_with_the_known_endings(tmp_path: Path) -> None:
    write(tmp_path / "a.docx", "x")
    with pytest.raises(DataError) as caught:
        resolve("a.docx", tmp_path)
    assert ".parquet" in caught.value.hint


def test_hub_id_is_told_apart_from_a_mistyped_path(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    assert resolve("openai/gsm8k", tmp_path) == HubId("openai/gsm8k")
    for path in ("data/gsm8k", "openai/gsm8k.jsonl", "./openai/gsm8k", "gsm8k"):
        with pytest.raises(DataError):
            resolve(path, tmp_path)


def test_hub_rows_come_from_the_reader_that_the_worker_brings() -> None:
    hub = HubId("org/name")
    rows = list(rows_of(hub, lambda wanted: [{"text": wanted.name}]))
    (row,) = rows
    assert isinstance(row, Row)
    assert dict(row.values) == {"text": "org/name"}
    assert row.where == "org/name, row 1"


def test_hub_data_without_a_reader_or_network_is_a_clear_error() -> None:
    def offline(hub: HubId) -> list[dict]:
        raise ConnectionError("no route")

    with pytest.raises(DataError, match="only read when the job runs"):
        list(rows_of(HubId("org/name")))
    with pytest.raises(DataError, match="no route"):
        list(rows_of(HubId("org/name"), offline))


def test_fingerprint_follows_bytes_and_names_but_not_the_folder(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    one, two = write(tmp_path / "a.txt", "x"), write(tmp_path / "b.txt", "y")
    moved = [write(tmp_path / "other" / p.name, p.read_bytes()) for p in (one, two)]
    before = fingerprint([one, two])
    assert before == fingerprint([two, one]) == fingerprint(moved)
    assert before != fingerprint([one, write(tmp_path / "c.txt", "y")])
    assert before != fingerprint([one, write(two, "z")])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_file_name_that_is_not_utf8_is_read_and_fingerprinted(tmp_path: Path) -> None:
    path = write(tmp_path / os.fsdecode(b"\xff.jsonl"), '{"a": 1}\n')
    assert values(path) == [{"a": 1}]
    assert fingerprint([path])


def test_reading_local_files_imports_no_heavy_library(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "x"}\n')
    code = (
        "import sys; from pathlib import Path; from engine.data import read_rows;"
        f"list(read_rows(Path({str(path)!r})));"
        "print([m for m in ('torch', 'datasets', 'pandas', 'pyarrow', 'numpy', 'pydantic')"
        " if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
