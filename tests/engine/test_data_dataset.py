"""What the worker trains on, and what is told about it before."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.data import data_fingerprint, load, split, suggest_columns
from engine.data.row import Row
from engine.errors import DataError


def texts(folder: Path, name: str, count: int, prefix: str = "row") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps({"text": f"{prefix} {n}"}) + "\n" for n in range(count)))
    return path


def load_texts(folder: Path, train: str, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "eval": None,
        "format": "auto",
        "columns": {},
        "method": "pretrain",
        "seed": 1,
        "chat": True,
    }
    return load(train, base_folder=folder, **(settings | options))


# --- division ------------------------------------------------------------------------------------


def test_split_depends_on_the_seed_alone_and_keeps_the_order() -> None:
    rows = list(range(1000))
    train, held_out = split(rows, 0.1, seed=7)
    assert (train, held_out) == split(rows, 0.1, seed=7)
    assert split(rows, 0.1, seed=8)[1] != held_out
    assert sorted(train + held_out) == rows
    assert len(held_out) == 100
    assert held_out == sorted(held_out)
    assert max(held_out) - min(held_out) > 700  # drawn from everywhere, not cut off at one end


def test_split_is_the_same_on_every_release_of_python() -> None:
    assert split(list(range(10)), 0.3, seed=42)[1] == [0, 1, 6]


@pytest.mark.parametrize(("fraction", "held_out"), [(0.001, 1), (0.5, 2), (0.999, 2)])
def test_split_leaves_at_least_one_row_on_each_side(fraction: float, held_out: int) -> None:
    assert len(split([1, 2, 3], fraction, seed=1)[1]) == held_out


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_fraction_outside_zero_and_one_is_refused(tmp_path: Path, fraction: float) -> None:
    texts(tmp_path, "a.jsonl", 5)
    with pytest.raises(DataError, match="not between 0 and 1"):
        load_texts(tmp_path, "a.jsonl", eval=fraction)


def test_single_row_cannot_be_divided(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 1)
    with pytest.raises(DataError, match="one row"):
        load_texts(tmp_path, "a.jsonl", eval=0.5)


# --- loading -------------------------------------------------------------------------------------


def test_evaluation_rows_come_from_their_own_file(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 3)
    texts(tmp_path, "b.jsonl", 2, "other")
    loaded = load_texts(tmp_path, "a.jsonl", eval="b.jsonl")
    assert [row["text"] for row in loaded.train_rows] == ["row 0", "row 1", "row 2"]
    assert [row["text"] for row in loaded.eval_rows] == ["other 0", "other 1"]


def test_rows_of_a_folder_follow_the_order_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    texts(tmp_path / "d", "b.jsonl", 1, "second")
    texts(tmp_path / "d", "a.jsonl", 1, "first")
    loaded = load_texts(tmp_path, "d")
    assert [row["text"] for row in loaded.train_rows] == ["first 0", "second 0"]


def test_changed_data_changes_the_fingerprint_and_a_second_look_agrees(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 3)
    texts(tmp_path, "b.jsonl", 2)
    before = load_texts(tmp_path, "a.jsonl", eval="b.jsonl").fingerprint
    assert before == data_fingerprint("a.jsonl", "b.jsonl", base_folder=tmp_path)
    texts(tmp_path, "b.jsonl", 2, "changed")
    assert before != data_fingerprint("a.jsonl", "b.jsonl", base_folder=tmp_path)


def test_hub_rows_are_converted_and_fingerprinted(tmp_path: Path) -> None:
    def read_hub(rows: list[str]) -> Any:
        return load_texts(tmp_path, "org/name", read_hub=lambda hub: [{"text": r} for r in rows])

    assert read_hub(["a", "b"]).train_rows == [{"text": "a"}, {"text": "b"}]
    assert read_hub(["a", "b"]).fingerprint == read_hub(["a", "b"]).fingerprint
    assert read_hub(["a", "b"]).fingerprint != read_hub(["a", "c"]).fingerprint
    assert data_fingerprint("org/name", None, base_folder=tmp_path) is None
    with pytest.raises(DataError, match="no rows"):
        read_hub([])


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
    loaded = load_texts(real_data, name, method=method, columns=columns, eval=0.05)
    assert len(loaded.train_rows) + len(loaded.eval_rows) == rows
    assert loaded.format == format


def test_real_questions_without_a_mapping_are_answered_with_it(real_data: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_texts(real_data, "gsm8k_train_2000.jsonl", method="sft")
    assert "data.columns: {prompt: question, completion: answer}" in caught.value.hint


def test_real_preference_data_is_refused_for_sft(real_data: Path) -> None:
    with pytest.raises(DataError, match="preference data"):
        load_texts(real_data, "dpo_en_demo.json", method="sft")
