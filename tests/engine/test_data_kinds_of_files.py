"""Files of every kind, packed or not, hold the same rows; folders that other programs saved are read too."""

import codecs
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from engine.data import Row, read_rows, resolve, rows_of
from engine.errors import DataError

ROWS = [
    {"prompt": f"frage {n} ü😀", "completion": f'zwei,\n"drei"; vier\t{n}'} for n in range(2500)
]


def json_lines() -> bytes:
    return "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def document(indent: int | None = None) -> bytes:
    return json.dumps(ROWS, indent=indent, ensure_ascii=False).encode()


def member() -> bytes:
    many = {"version": 1, "notes": ["x"], "about": {"rows": []}, "data": ROWS, "end": None}
    return json.dumps(many, indent=1).encode()


def table(delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(ROWS[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def parquet() -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), sink, row_group_size=700)
    return sink.getvalue()


def arrow(*, stream: bool) -> bytes:
    sink = io.BytesIO()
    content = pyarrow.Table.from_pylist(ROWS)
    with (pyarrow.ipc.new_stream if stream else pyarrow.ipc.new_file)(
        sink, content.schema
    ) as writer:
        writer.write_table(content, max_chunksize=900)
    return sink.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "lines.jsonl": json_lines,
    "lines.ndjson": json_lines,
    "lines.json": json_lines,
    "array.json": document,
    "indented.json": lambda: document(2),
    "member.json": member,
    "comma.csv": lambda: table(","),
    "semicolon.csv": lambda: table(";"),
    "tab.csv": lambda: table("\t"),
    "tab.tsv": lambda: table("\t"),
    "a.parquet": parquet,
    "stream.arrow": lambda: arrow(stream=True),
    "file.arrow": lambda: arrow(stream=False),
}
TEXTS = [name for name in FILES if not name.endswith((".parquet", ".arrow"))]


def zstandard(content: bytes) -> bytes:
    half = len(content) // 2
    frames = (content[:half], content[half:])
    return b"".join(bytes(pyarrow.Codec("zstd").compress(one, asbytes=True)) for one in frames)


def values(path: Path) -> list[dict]:
    return [dict(row.values) for row in rows(read_rows(path))]


def rows(found: Iterator) -> Iterator[Row]:
    for row in found:
        assert isinstance(row, Row), row
        yield row


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_every_kind_of_file_holds_the_same_rows(name: str, packed: str, tmp_path: Path) -> None:
    pack: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstandard}
    path = tmp_path / (name + packed)
    path.write_bytes(pack[packed](FILES[name]()))
    assert values(path) == ROWS


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-16-le"),
        (b"", "utf-16-be"),
    ],
)
def test_text_is_read_in_every_unicode_encoding(
    name: str, mark: bytes, codec: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(mark + FILES[name]().decode().encode(codec))
    assert values(path) == ROWS


@pytest.mark.parametrize("block", [1, 2, 7, 100])
def test_a_document_is_read_alike_however_it_is_cut_into_blocks(
    block: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("engine.data.json_document._BLOCK_BYTES", block)
    few = [{"n": 1234567, "é": '\\"x😀', "m": [True, None, 1.5e-7, {"a": {}}]}, {"b": "]},{"}] * 3
    for content in (few, {"a": 12, "t": "ü", "data": few, "z": [1, 2]}, {"e": [], "data": few}):
        path = tmp_path / "a.json"
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
        assert values(path) == few
    path.write_text("\n".join(json.dumps(row) for row in few))
    assert values(path) == few


def test_places_in_a_large_document_are_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[\n" + ",\n".join(json.dumps({"x": "y" * 999}) for _ in range(5000)) + "\n]")
    assert [row.line for row in rows(read_rows(path))] == list(range(2, 5002))
    path.write_text('{"data": ' + path.read_text() + "}")
    assert [row.line for row in rows(read_rows(path))] == list(range(2, 5002))


def test_markdown_is_one_document_and_text_one_at_each_blank_line(tmp_path: Path) -> None:
    for name in ("a.md", "a.txt"):
        (tmp_path / name).write_text("\n# Title\n\nfirst\n\nsecond\n\n")
    assert values(tmp_path / "a.md") == [{"text": "# Title\n\nfirst\n\nsecond"}]
    assert [row["text"] for row in values(tmp_path / "a.txt")] == ["# Title", "first", "second"]


def test_times_in_columns_are_text_whatever_their_unit_and_zone(tmp_path: Path) -> None:
    when = datetime(2026, 11, 21, 12, tzinfo=UTC)
    content = pyarrow.table(
        {
            "text": ["x"],
            "ns": pyarrow.array([1], pyarrow.timestamp("ns")),
            "zone": pyarrow.array([when], pyarrow.timestamp("us", "Nowhere/Atall")),
            "span": pyarrow.array([1], pyarrow.duration("ns")),
            "day": pyarrow.array([when.date()], pyarrow.date32()),
        }
    )
    pyarrow.parquet.write_table(content, tmp_path / "a.parquet")
    (row,) = values(tmp_path / "a.parquet")
    assert row["ns"] == "1970-01-01 00:00:00.000000001"
    assert row["zone"].startswith("2026-11-21 12:00:00")
    assert (row["span"], row["day"]) == (1, "2026-11-21")


# --- folders that `datasets` saved -------------------------------------------------------------------


def saved(folder: Path, *texts: str) -> None:
    """A folder as `Dataset.save_to_disk` writes it: two files, listed in `state.json`."""
    folder.mkdir()
    names = []
    for number, some in enumerate((texts[:1], texts[1:])):
        name = f"data-{number:05d}-of-00002.arrow"
        content = pyarrow.table({"text": list(some)})
        with pyarrow.ipc.new_stream(str(folder / name), content.schema) as writer:
            writer.write_table(content)
        names.append({"filename": name})
    (folder / "state.json").write_text(json.dumps({"_data_files": names, "_split": "train"}))
    (folder / "dataset_info.json").write_text('{"features": {}}')


def texts_of(source: str, base_folder: Path, **options: str) -> list[str]:
    found = rows_of(resolve(source, base_folder, **options))  # type: ignore[arg-type]
    return [row.values["text"] for row in rows(found)]


def test_a_saved_data_set_is_its_arrow_files_in_their_order(tmp_path: Path) -> None:
    saved(tmp_path / "one", "a", "b", "c")
    (tmp_path / "one" / "cache-1.arrow").write_bytes(b"left over")
    assert texts_of("one", tmp_path) == ["a", "b", "c"]
    with pytest.raises(DataError, match="without splits"):
        resolve("one", tmp_path, split="test")


def test_a_saved_data_set_with_splits_is_read_by_split(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    saved(tmp_path / "all" / "train", "a", "b")
    saved(tmp_path / "all" / "test", "c", "d")
    (tmp_path / "all" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert texts_of("all", tmp_path) == ["a", "b"]
    assert texts_of("all", tmp_path, split="test") == texts_of("all/test", tmp_path) == ["c", "d"]
    with pytest.raises(DataError, match="no split 'dev'") as caught:
        resolve("all", tmp_path, split="dev")
    assert "train, test" in caught.value.hint


@pytest.mark.parametrize("state", ["{", '{"_data_files": []}', '{"_data_files": [{"a": 1}]}', "[]"])
def test_a_damaged_index_of_a_saved_data_set_is_said(state: str, tmp_path: Path) -> None:
    saved(tmp_path / "one", "a", "b")
    (tmp_path / "one" / "state.json").write_text(state)
    with pytest.raises(DataError, match=r"state\.json: cannot be read"):
        resolve("one", tmp_path)


def test_an_arrow_file_of_a_saved_data_set_that_is_gone_is_missed(tmp_path: Path) -> None:
    saved(tmp_path / "one", "a", "b")
    (tmp_path / "one" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(DataError, match=r"00002\.arrow: cannot be read: No such file"):
        texts_of("one", tmp_path)


def test_a_state_json_of_another_program_is_a_data_file(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('[{"text": "Ohio"}]')
    assert texts_of(".", tmp_path) == ["Ohio"]


# --- folders ---------------------------------------------------------------------------------------


def test_what_stands_beside_the_data_of_a_folder_is_no_data(tmp_path: Path) -> None:
    for name in ("README.md", "LICENSE.txt", "CHANGELOG.md", "a.txt", "readings.md"):
        (tmp_path / name).write_text("words")
    found = resolve(".", tmp_path)
    assert [path.name for path in found] == ["a.txt", "readings.md"]  # type: ignore[union-attr]
    assert resolve("README.md", tmp_path) == [tmp_path / "README.md"]


def test_a_folder_of_folders_names_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "data" / "train").mkdir(parents=True)
    (tmp_path / "data" / "train" / "a.jsonl").write_text('{"text": "x"}\n')
    with pytest.raises(DataError, match="has no data files") as caught:
        resolve("data", tmp_path)
    assert "train" in caught.value.hint
    assert texts_of("data/**/*.jsonl", tmp_path) == ["x"]


def test_a_split_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    for source in ("a.jsonl", "."):
        with pytest.raises(DataError, match="has no splits"):
            resolve(source, tmp_path, split="train")
