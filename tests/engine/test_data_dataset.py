"""What the worker trains on: sources opened one by one, streamed, divided and known again."""

import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from engine.data import (
    BadRows,
    HubId,
    Part,
    data_fingerprint,
    fingerprint,
    open_eval,
    open_parts,
    split_indices,
    suggest_columns,
)
from engine.data.row import Row
from engine.errors import DataError
from engine.spec import DataSection


def texts(folder: Path, name: str, count: int, prefix: str = "row") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps({"text": f"{prefix} {n}"}) + "\n" for n in range(count)))
    return path


def reading(folder: Path, **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "method": "pretrain",
        "base_folder": folder,
        "chat": True,
        "bad_rows": BadRows(),
    }
    return settings | options


def parts(folder: Path, section: dict[str, Any], **options: Any) -> list[Part]:
    return open_parts(DataSection(**section), **reading(folder, **options))


def texts_of(part: Part | None) -> list[str]:
    assert part is not None
    return [row["text"] for row in part.rows]


# --- division ------------------------------------------------------------------------------------


def test_split_depends_on_the_seed_alone_and_keeps_the_order() -> None:
    train, held_out = split_indices(1000, 0.1, seed=7)
    assert (train, held_out) == split_indices(1000, 0.1, seed=7)
    assert split_indices(1000, 0.1, seed=8)[1] != held_out
    assert sorted(train + held_out) == list(range(1000))
    assert len(held_out) == 100
    assert held_out == sorted(held_out)
    assert max(held_out) - min(held_out) > 700  # drawn from everywhere, not cut off at one end


def test_split_is_the_same_on_every_release_of_python() -> None:
    assert split_indices(10, 0.3, seed=42)[1] == [0, 1, 6]


@pytest.mark.parametrize(("fraction", "held_out"), [(0.001, 1), (0.5, 2), (0.999, 2)])
def test_split_leaves_at_least_one_row_on_each_side(fraction: float, held_out: int) -> None:
    assert len(split_indices(3, fraction, seed=1)[1]) == held_out


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_fraction_outside_zero_and_one_is_refused(fraction: float) -> None:
    with pytest.raises(DataError, match="not between 0 and 1"):
        split_indices(5, fraction, seed=1)


def test_single_row_cannot_be_divided() -> None:
    with pytest.raises(DataError, match="one row"):
        split_indices(1, 0.5, seed=1)


# --- sources ---------------------------------------------------------------------------------------


def test_rows_of_a_folder_follow_the_order_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    texts(tmp_path / "d", "b.jsonl", 1, "second")
    texts(tmp_path / "d", "a.jsonl", 1, "first")
    (part,) = parts(tmp_path, {"train": "d"})
    assert (part.format, part.kind, part.columns) == ("text", "text", ("text",))
    assert texts_of(part) == ["first 0", "second 0"]


def test_each_source_of_a_mixture_has_its_own_format_and_weight(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 2)
    (tmp_path / "b.csv").write_text("frage,antwort\nq,a\n")
    mixed = {
        "train": [
            {"path": "a.jsonl", "weight": 3},
            {
                "path": "b.csv",
                "weight": 1,
                "format": "prompt-completion",
                "columns": {"prompt": "frage", "completion": "antwort"},
            },
        ]
    }
    found = parts(tmp_path, mixed, method="sft")
    assert [(one.format, one.kind, one.source.weight) for one in found] == [
        ("text", "text", 3.0),
        ("prompt-completion", "exchange", 1.0),
    ]
    assert texts_of(found[0]) == ["row 0", "row 1"]
    assert len(list(found[1].rows)) == 1


def test_a_second_source_that_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 2)
    with pytest.raises(DataError, match=r"gone\.jsonl: no such file"):
        parts(tmp_path, {"train": [{"path": "a.jsonl"}, {"path": "gone.jsonl"}]})


def test_evaluation_rows_come_from_their_own_file(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 3)
    texts(tmp_path, "b.jsonl", 2, "other")
    section = DataSection(train="a.jsonl", eval="b.jsonl", split=None)
    assert texts_of(open_eval(section, **reading(tmp_path))) == ["other 0", "other 1"]
    for none in (None, 0.1):
        section = DataSection(train="a.jsonl", eval=none)
        assert open_eval(section, **reading(tmp_path)) is None


def test_hub_data_is_read_by_split_and_subset(tmp_path: Path) -> None:
    asked: list[HubId] = []

    def read_hub(hub: HubId) -> list[dict]:
        asked.append(hub)
        return [{"text": f"{hub.split} {n}"} for n in range(2)]

    section = DataSection(
        train="org/name", split="train[:90%]", subset="main", eval="org/name:test", streaming=True
    )
    (part,) = open_parts(section, **reading(tmp_path, read_hub=read_hub))
    assert texts_of(part) == ["train[:90%] 0", "train[:90%] 1"]
    assert texts_of(open_eval(section, **reading(tmp_path, read_hub=read_hub))) == [
        "test 0",
        "test 1",
    ]
    assert asked == [
        HubId("org/name", "train[:90%]", "main", streaming=True),
        HubId("org/name", "test", "main", streaming=True),
    ]
    assert data_fingerprint(section, tmp_path) is None


def test_hub_data_is_not_evaluated_on_what_is_trained_on(tmp_path: Path) -> None:
    section = DataSection(train="org/name", eval="org/name")
    with pytest.raises(DataError, match="is what is trained on") as caught:
        open_eval(section, **reading(tmp_path, read_hub=lambda hub: [{"text": "a"}]))
    assert "org/name:test" in caught.value.hint


def test_hub_data_that_breaks_off_is_not_taken_for_all_of_it(tmp_path: Path) -> None:
    def read_hub(hub: HubId) -> Any:
        yield from ({"text": str(n)} for n in range(30))
        raise ConnectionError("connection reset")

    (part,) = parts(tmp_path, {"train": "org/name"}, read_hub=read_hub)
    with pytest.raises(DataError, match="behind row 30: connection reset"):
        list(part.rows)


def test_hub_data_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no rows"):
        parts(tmp_path, {"train": "org/name"}, read_hub=lambda hub: [])


# --- bad rows ----------------------------------------------------------------------------------------


def spoiled(folder: Path) -> Path:
    """100 rows, of which the 3rd is no JSON and the 50th has no text."""
    path = texts(folder, "a.jsonl", 100)
    lines = path.read_text().splitlines()
    lines[2], lines[49] = '{"text": "cut', '{"text": ""}'
    path.write_text("\n".join(lines))
    return path


def test_bad_rows_fail_at_the_end_all_together(tmp_path: Path) -> None:
    path = spoiled(tmp_path)
    (part,) = parts(tmp_path, {"train": "a.jsonl"})
    assert len(list(islice(part.rows, 98))) == 98
    with pytest.raises(DataError) as caught:
        next(part.rows)
    message = caught.value.message
    assert message.startswith("2 rows cannot be learned from:")
    assert f"{path}, line 3: not JSON: Unterminated string" in message
    assert f"{path}, line 50: text is empty" in message
    assert caught.value.hint


def test_a_message_names_ten_bad_rows_and_counts_the_others(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 5)
    path.write_text(path.read_text() + "{\n" * 200)
    with pytest.raises(DataError) as caught:
        list(parts(tmp_path, {"train": "a.jsonl"})[0].rows)
    assert caught.value.message.startswith("200 rows cannot")
    assert caught.value.message.count(", line ") == 10
    assert caught.value.message.endswith("…and 190 more")


def test_bad_rows_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    spoiled(tmp_path)
    bad_rows = BadRows("skip")
    (part,) = parts(tmp_path, {"train": "a.jsonl"}, bad_rows=bad_rows)
    assert len(texts_of(part)) == 98
    assert bad_rows.count == 2


def test_bad_rows_are_kept_as_they_are_with_place_and_reason(tmp_path: Path) -> None:
    path = spoiled(tmp_path)
    kept = tmp_path / "quarantine.jsonl"
    kept.write_text("of an earlier attempt\n")
    with BadRows("quarantine", kept) as bad_rows:
        (part,) = parts(tmp_path, {"train": "a.jsonl"}, bad_rows=bad_rows)
        assert len(texts_of(part)) == 98
    first, second = map(json.loads, kept.read_text().splitlines())
    assert first["reason"].startswith("not JSON: Unterminated string")
    assert (first["file"], first["line"], first["row"]) == (str(path), 3, '{"text": "cut')
    assert (second["line"], second["row"]) == (50, {"text": ""})


def test_half_a_surrogate_pair_is_kept_in_quarantine_too(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 3)
    path.write_text(path.read_text() + '{"text": "a\\ud800"}\n')
    with BadRows("quarantine", tmp_path / "q.jsonl") as bad_rows:
        assert len(texts_of(parts(tmp_path, {"train": "a.jsonl"}, bad_rows=bad_rows)[0])) == 3
    kept = json.loads((tmp_path / "q.jsonl").read_text())
    assert kept["row"] == {"text": "a\ud800"}
    assert "surrogate" in kept["reason"]


def test_quarantine_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    spoiled(tmp_path)
    bad_rows = BadRows("quarantine", tmp_path / "gone" / "q.jsonl")
    with pytest.raises(DataError, match="cannot be kept here"):
        list(parts(tmp_path, {"train": "a.jsonl"}, bad_rows=bad_rows)[0].rows)


def test_data_of_bad_rows_alone_is_refused_whatever_the_policy(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": ""}\n{"text": ""}\n')
    (part,) = parts(tmp_path, {"train": "a.jsonl"}, bad_rows=BadRows("skip"))
    with pytest.raises(DataError, match=r"no row can be learned from; the first: .*line 1"):
        list(part.rows)


def test_data_that_begins_with_broken_rows_is_recognised_by_the_good_ones(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 5)
    path.write_text("{\n" * 30 + path.read_text())
    bad_rows = BadRows("skip")
    (part,) = parts(tmp_path, {"train": "a.jsonl"}, bad_rows=bad_rows)
    assert (len(texts_of(part)), bad_rows.count) == (5, 30)
    path.write_text("{\n" * 500)
    with pytest.raises(DataError, match="line 1: not JSON"):
        parts(tmp_path, {"train": "a.jsonl"})


# --- the data known again ----------------------------------------------------------------------------


def test_changed_data_changes_the_fingerprint(tmp_path: Path) -> None:
    one, two = texts(tmp_path, "a.jsonl", 3), texts(tmp_path, "b.jsonl", 2)
    section = DataSection(train="a.jsonl", eval="b.jsonl")
    before = data_fingerprint(section, tmp_path)
    assert before == data_fingerprint(section, tmp_path) == fingerprint([one, two])
    assert before != data_fingerprint(DataSection(train="a.jsonl"), tmp_path)
    texts(tmp_path, "b.jsonl", 2, "changed")
    assert before != data_fingerprint(section, tmp_path)


# --- columns ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "method", "expected"),
    [
        ({"answer": "a", "question": "q"}, "sft", {"prompt": "question", "completion": "answer"}),
        ({"one": "a", "two": "q", "n": 1}, "sft", {"prompt": "one", "completion": "two"}),
        ({"id": "x", "response": "r"}, "sft", {"prompt": "id", "completion": "response"}),
        ({"body": "b", "title": "t"}, "pretrain", {"text": "body"}),
        ({"story": "s"}, "sft", {"text": "story"}),
        ({"n": 1}, "sft", None),
    ],
)
def test_columns_are_suggested_from_what_is_there(
    values: dict, method: str, expected: dict | None
) -> None:
    assert suggest_columns([Row(values, "a.jsonl", 1)], method) == expected


# --- data that nobody here wrote -----------------------------------------------------------------


@pytest.fixture
def real_data() -> Path:
    folder = os.environ.get("TUNEDECK_TEST_DATA")
    if not folder:
        pytest.skip("TUNEDECK_TEST_DATA does not name the folder of real data")
    return Path(folder).resolve()


@pytest.mark.parametrize(
    ("name", "method", "columns", "format", "rows"),
    [
        (
            "gsm8k_train_2000.jsonl",
            "sft",
            {"prompt": "question", "completion": "answer"},
            "prompt-completion",
            2000,
        ),
        ("alpaca_en_demo.json", "sft", {}, "alpaca", 999),
        ("c4_demo.jsonl", "pretrain", {}, "text", 300),
        ("tinyshakespeare.txt", "pretrain", {}, "text", 7222),
    ],
)
def test_real_data_is_read_whole(
    real_data: Path, name: str, method: str, columns: dict, format: str, rows: int
) -> None:
    section = {"train": name, "columns": columns}
    (part,) = parts(real_data, section, method=method)
    assert part.format == format
    assert sum(1 for _ in part.rows) == rows
