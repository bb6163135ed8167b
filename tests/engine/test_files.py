import os
from pathlib import Path

import orjson
import pytest

from engine.files import LineAppender, LineReader, read_json, to_bytes, write_atomic, write_json


def test_a_reader_sees_the_old_or_the_new_content_and_no_temporary_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    write_json(path, {"a": 1})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json(path, {"a": 2})
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_nan_and_infinity_become_null() -> None:
    assert to_bytes({"a": float("nan"), "b": float("inf")}) == b'{"a":null,"b":null}'


def test_a_missing_file_is_none_and_what_is_no_object_is_an_error(tmp_path: Path) -> None:
    assert read_json(tmp_path / "none.json") is None
    assert read_json(tmp_path / "none" / "none.json") is None
    for content in (b"[1]", b"{", b""):
        write_atomic(tmp_path / "bad.json", content)
        with pytest.raises(ValueError, match=r".+"):
            read_json(tmp_path / "bad.json")


def test_half_a_last_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    reader = LineReader(path)
    assert reader.read() == b""
    path.write_bytes(b'{"a":1}\n{"a":')
    assert list(reader.objects()) == [{"a": 1}]
    with path.open("ab") as file:
        file.write(b"2}\nnonsense\n[3]\n")
    assert list(reader.objects()) == [{"a": 2}]


def test_a_replaced_or_shortened_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b'{"a":1}\n{"a":2}\n')
    reader = LineReader(path)
    assert reader.read().count(b"\n") == 2
    path.write_bytes(b'{"a":3}\n')
    assert list(reader.objects()) == [{"a": 3}]
    write_atomic(path, b'{"a":4}\n{"a":5}\n')
    assert len(list(reader.objects())) == 2
    assert reader.restarts == 2


def test_a_line_larger_than_the_buffer_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b'{"a":"' + b"x" * 100 + b'"}\n{"b":1}\n')
    reader = LineReader(path)
    found = []
    for _ in range(20):
        found += list(reader.objects(32))
    assert found == [{"b": 1}]


def test_a_torn_last_line_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b'{"a":1}\n{"torn')
    appender = LineAppender(path)
    appender.append({"a": 2})
    appender.close()
    assert list(LineReader(path).objects()) == [{"a": 1}, {"a": 2}]


def test_a_line_torn_by_a_full_disk_does_not_swallow_the_next_of_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines"
    appender = LineAppender(path)
    write = os.write

    def full(descriptor: int, content: bytes) -> int:
        if len(content) > 4:
            return write(descriptor, content[:4])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            appender.append({"a": 1})
    appender.append({"a": 2})
    appender.close()
    assert list(LineReader(path).objects()) == [{"a": 2}]


def test_a_short_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lines"
    appender = LineAppender(path)
    write = os.write
    monkeypatch.setattr(os, "write", lambda d, content: write(d, content[:4]))
    appender.append({"a": 1})
    assert orjson.loads(path.read_bytes()) == {"a": 1}
    appender.close()
