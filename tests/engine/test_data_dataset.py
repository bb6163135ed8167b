"""What the worker trains on, and what is told about it before."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.data import data_fingerprint, inspect, load, split, suggest_columns
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


def look(folder: Path, train: str, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "eval": None,
        "format": "auto",
        "columns": {},
        "method": "pretrain",
        "sample": None,
    }
    return inspect(train, base_folder=folder, **(settings | options))


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
    for function in (load_texts, look):
        with pytest.raises(DataError, match="not between 0 and 1"):
            function(tmp_path, "a.jsonl", eval=fraction)


def test_single_row_cannot_be_divided(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 1)
    for function in (load_texts, look):
        with pytest.raises(DataError, match="one row"):
            function(tmp_path, "a.jsonl", eval=0.5)


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
    assert before == look(tmp_path, "a.jsonl", eval="b.jsonl").fingerprint
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


# --- inspection ----------------------------------------------------------------------------------


def test_inspection_counts_rows_and_measures_them(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        "".join(json.dumps({"text": "x" * n, "id": n}) + "\n" for n in range(1, 201))
    )
    seen = look(tmp_path, "a.jsonl", eval=0.1)
    assert (seen.format, seen.rows, seen.eval_rows, seen.complete) == ("text", 200, 20, True)
    assert (seen.columns, seen.unused_columns) == (("text", "id"), ("id",))
    assert (seen.characters.p50, seen.characters.p95, seen.characters.max) == (101, 190, 200)
    assert seen.first == ({"text": "x"}, {"text": "xx"}, {"text": "xxx"})
    assert seen.files == (tmp_path / "a.jsonl",)
    assert seen.warnings == ()


def test_sample_reads_no_further_and_says_so(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 200)
    path.write_text(path.read_text() + "broken\n")
    seen = look(tmp_path, "a.jsonl", eval=0.1, sample=150)
    assert (seen.rows, seen.complete, seen.eval_rows, seen.fingerprint) == (150, False, None, None)
    assert seen.warnings == ("a.jsonl: only the first 150 rows were checked",)


def test_sample_of_all_rows_is_complete(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 200)
    assert look(tmp_path, "a.jsonl", sample=200).complete


def test_inspection_warns_of_few_repeated_and_shared_rows(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 20)
    path.write_text(path.read_text() + '{"text": "row 3"}\n')
    texts(tmp_path, "b.jsonl", 2)
    warnings = " | ".join(look(tmp_path, "a.jsonl", eval="b.jsonl").warnings)
    assert "only 21 rows" in warnings
    assert "1 row is the same as an earlier row" in warnings
    assert "2 rows are in the evaluation data too" in warnings


def test_inspection_warns_of_a_test_file_among_the_training_files(tmp_path: Path) -> None:
    texts(tmp_path, "train.jsonl", 200)
    texts(tmp_path, "test.jsonl", 200, "other")
    assert "test.jsonl is read as training data" in " ".join(look(tmp_path, ".").warnings)
    assert look(tmp_path, "test.jsonl").warnings == ()


def test_inspection_warns_of_what_a_missing_chat_template_costs(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"prompt": "2+2", "completion": "4"}\n' * 2 + '{"prompt": "a ", "completion": "b"}\n'
    )
    assert "in 2 of 3 rows" in " ".join(
        look(tmp_path, "a.jsonl", method="sft", chat=False).warnings
    )
    assert "without a space" not in " ".join(look(tmp_path, "a.jsonl", method="sft").warnings)


def test_inspection_of_hub_data_reads_nothing(tmp_path: Path) -> None:
    seen = look(tmp_path, "org/name", eval=0.1)
    assert (seen.format, seen.rows, seen.eval_rows, seen.complete) == (None, None, None, False)
    assert "checked when the job starts" in seen.warnings[0]


def test_inspection_finds_a_bad_row_anywhere(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 500)
    path.write_text(path.read_text() + '{"text": ""}\n')
    with pytest.raises(DataError, match="line 501: text is empty"):
        look(tmp_path, "a.jsonl")


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
    seen = look(real_data, name, method=method, columns=columns, eval=0.05)
    assert (seen.format, seen.rows, seen.unused_columns) == (format, rows, ())
    loaded = load_texts(real_data, name, method=method, columns=columns, eval=0.05)
    assert len(loaded.train_rows) + len(loaded.eval_rows) == rows
    assert loaded.fingerprint == seen.fingerprint


def test_real_questions_without_a_mapping_are_answered_with_it(real_data: Path) -> None:
    with pytest.raises(DataError) as caught:
        look(real_data, "gsm8k_train_2000.jsonl", method="sft")
    assert "data.columns: {prompt: question, completion: answer}" in caught.value.hint


def test_real_preference_data_is_refused_for_sft(real_data: Path) -> None:
    with pytest.raises(DataError, match="preference data"):
        look(real_data, "dpo_en_demo.json", method="sft")
