"""What a look at data finds: counts, lengths, repeats, leaks, bad rows, and what is said of them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from engine.data import Inspection, inspect, remarks
from engine.data.extent import estimated_rows
from engine.data.lengths import Lengths
from engine.data.repeats import Marks, Watched
from engine.data.turns import question, turns
from engine.errors import DataError
from engine.spec import DataSection


def texts(folder: Path, name: str, count: int, prefix: str = "row") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps({"text": f"{prefix} {n}"}) + "\n" for n in range(count)))
    return path


def rows(path: Path, *values: dict) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in values))
    return path


def section(train: str | list, **fields: Any) -> DataSection:
    return DataSection.model_validate({"train": train, **fields})


def look(folder: Path, train: str | list, **options: Any) -> Inspection:
    sample, chat = options.pop("sample", None), options.pop("chat", True)
    method = options.pop("method", "pretrain")
    asked = section(train, **options)
    return inspect(asked, method=method, base_folder=folder, sample=sample, chat=chat)


def warnings(folder: Path, train: str | list, **options: Any) -> list[str]:
    found = look(folder, train, **dict(options))
    method, chat = options.pop("method", "pretrain"), options.pop("chat", True)
    options.pop("sample", None)
    return remarks.warnings(found, section(train, **options), method=method, chat=chat)


# --- counts ---------------------------------------------------------------------------------------


def test_rows_are_counted_and_measured(tmp_path: Path) -> None:
    rows(tmp_path / "a.jsonl", *({"text": "x" * n, "id": n} for n in range(1, 201)))
    seen = look(tmp_path, "a.jsonl", eval=0.1)
    assert (seen.format, seen.rows, seen.eval_rows, seen.complete) == ("text", 200, 20, True)
    assert (seen.columns, seen.unused_columns) == (("text", "id"), ("id",))
    assert seen.characters is not None
    assert (seen.characters.p50, seen.characters.p95, seen.characters.max) == (101, 190, 200)
    assert [row["text"] for row in seen.first] == ["x", "xx", "xxx"]
    assert seen.files == (tmp_path / "a.jsonl",)
    assert seen.kind == "text"
    assert warnings(tmp_path, "a.jsonl", eval=0.1) == []


def test_who_speaks_how_often_and_how_many_turns(tmp_path: Path) -> None:
    def said(*roles: str) -> dict:
        return {"messages": [{"role": role, "content": "x"} for role in roles]}

    path = tmp_path / "a.jsonl"
    rows(path, said("system", "user", "assistant"), said(*("user", "assistant") * 3))
    seen = look(tmp_path, "a.jsonl", method="sft")
    assert seen.roles == {"user": 4, "assistant": 4, "system": 1}
    assert seen.turns is not None
    assert (seen.turns.max, seen.turns.total) == (6, 9)
    assert seen.kind == "conversation"


def test_several_sources_are_counted_together_and_each_by_itself(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 30)
    texts(tmp_path, "b.jsonl", 12, "other")
    seen = look(tmp_path, [{"path": "a.jsonl"}, {"path": "b.jsonl"}], eval="a.jsonl")
    assert seen.rows == 42
    assert [(one.name, one.trains, one.rows) for one in seen.sources] == [
        ("a.jsonl", True, 30),
        ("b.jsonl", True, 12),
        ("a.jsonl", False, 30),
    ]
    assert seen.eval_rows == 30


def test_a_sample_reads_no_further_and_says_so(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 200)
    path.write_text(path.read_text() + "broken\n")
    seen = look(tmp_path, "a.jsonl", eval=0.1, sample=150)
    assert (seen.rows, seen.complete, seen.eval_rows, seen.fingerprint) == (150, False, None, None)
    assert warnings(tmp_path, "a.jsonl", eval=0.1, sample=150) == [
        "a.jsonl: only the first 150 rows were checked"
    ]


def test_a_sample_of_all_rows_is_complete(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 200)
    assert look(tmp_path, "a.jsonl", sample=200).complete


def test_hub_data_is_not_read(tmp_path: Path) -> None:
    seen = look(tmp_path, "org/name", eval=0.1)
    assert (seen.format, seen.rows, seen.eval_rows, seen.complete) == (None, None, None, False)
    assert "checked when the job starts" in warnings(tmp_path, "org/name", eval=0.1)[0]


def test_a_fraction_that_is_none_is_refused(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 1)
    with pytest.raises(DataError, match="one row"):
        look(tmp_path, "a.jsonl", eval=0.5)


def test_progress_is_told_while_rows_are_read(tmp_path: Path) -> None:
    texts(tmp_path, "a.jsonl", 2500)
    told: list[int] = []
    inspect(
        section("a.jsonl"),
        method="pretrain",
        base_folder=tmp_path,
        sample=None,
        progress=told.append,
    )
    assert told == [1000, 2000]


# --- bad rows -------------------------------------------------------------------------------------


def test_every_bad_row_is_counted_and_named_and_the_others_are_read(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 500)
    path.write_text(path.read_text() + '{"text": ""}\n' * 12 + '{"text": "last"}\n')
    seen = look(tmp_path, "a.jsonl")
    assert (seen.rows, seen.bad.count, len(seen.bad.named)) == (501, 12, 10)
    assert "a.jsonl, line 501: text is empty" in seen.bad.named[0]
    assert seen.bad.error is not None
    assert "12 rows cannot be learned from" in seen.bad.error.message


def test_bad_rows_are_a_warning_where_the_policy_leaves_them_out(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 120)
    path.write_text(path.read_text() + '{"text": ""}\n')
    assert warnings(tmp_path, "a.jsonl") == []
    left_out = warnings(tmp_path, "a.jsonl", on_bad_row="skip")
    assert "1 row that cannot be learned from is left out" in left_out[0]
    kept = warnings(tmp_path, "a.jsonl", on_bad_row="quarantine")
    assert "goes to quarantine.jsonl" in kept[0]


# --- repeats and leaks ----------------------------------------------------------------------------


def test_few_repeated_and_shared_rows_are_warned_of(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 20)
    path.write_text(path.read_text() + '{"text": "row 3"}\n{"text": " ROW  4 "}\n')
    texts(tmp_path, "b.jsonl", 2)
    said = " | ".join(warnings(tmp_path, "a.jsonl", eval="b.jsonl"))
    assert "only 22 rows" in said
    assert "1 row is the same as an earlier row" in said
    assert "1 row is the same as an earlier row but for upper case and white space" in said
    assert "2 rows are in the evaluation data too" in said


def test_repeats_are_counted_exactly_and_as_text_alone() -> None:
    marks = Marks()
    for text in ("a b", "a b", "A  b", "c"):
        row = {"prompt": text, "completion": "x"}
        marks.add(row, turns(row))
    assert (marks.repeats.exact, marks.repeats.normalised, marks.repeats.among) == (1, 2, 4)


def test_repeats_of_many_rows_are_counted_like_those_of_few() -> None:
    marks = Marks()
    for number in range(100_500):
        row = {"text": str(number % 100_100)}
        marks.add(row, turns(row))
    assert (marks.repeats.exact, marks.repeats.among) == (400, 100_500)


def test_the_hashes_of_very_many_rows_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.data.repeats.MOST_ROWS", 3)
    marks = Marks()
    for _ in range(10):
        marks.add({"text": "same"}, turns({"text": "same"}))
    assert (marks.repeats.exact, marks.repeats.among) == (2, 3)


def test_a_question_of_the_evaluation_with_another_answer_is_a_leak() -> None:
    watched = Watched()
    for prompt in ("one?", "two?", "three?"):
        row = {"prompt": prompt, "completion": "yes"}
        watched.add(row, turns(row))
    for prompt, completion in (
        ("one?", "yes"),
        ("Two? ", "YES"),
        ("three?", "no"),
        ("four?", "no"),
    ):
        row = {"prompt": prompt, "completion": completion}
        watched.look(row, turns(row))
    leaks = watched.leaks
    assert (leaks.exact, leaks.normalised, leaks.questions, leaks.among) == (1, 2, 3, 3)


def test_what_is_asked_is_known_of_every_kind_of_row() -> None:
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert question({"messages": [*said, *said]}) == ["q", "a", "q"]
    assert question({"prompt": said[:1], "completion": said[1:]}) == ["q"]
    assert question({"prompt": "q", "chosen": "a", "rejected": "b"}) == ["q"]
    assert question({"text": "t"}) == []


def test_a_message_says_what_it_thinks_and_calls() -> None:
    message = {"role": "assistant", "reasoning_content": "hm", "content": "", "tool_calls": [{}]}
    assert [turn.text for turn in turns({"messages": [message]})] == ["hm\n{}"]


# --- lengths --------------------------------------------------------------------------------------


def test_lengths_are_exact_where_they_are_short_and_close_where_they_are_long() -> None:
    lengths = Lengths([*range(1, 101), 123_456])
    spread = lengths.spread
    assert spread is not None
    assert (spread.p50, spread.p95, spread.max) == (51, 96, 123_456)
    assert spread.total == sum(range(1, 101)) + 123_456
    assert Lengths([123_456]).spread.p50 == 123_000  # type: ignore[union-attr]
    assert Lengths().spread is None


@pytest.mark.parametrize("sizes", [[0], [0, 0, 1], [5], [1, 1000, 40_000], range(300)])
def test_every_row_is_in_one_bar(sizes: Any) -> None:
    bars = Lengths(sizes).bars()
    assert sum(bar.count for bar in bars) == len(sizes)
    for size in sizes:
        assert sum(bar.low <= size <= bar.high for bar in bars) == 1
    assert len(bars) <= 8


def test_rows_of_a_large_file_are_estimated_from_its_beginning(tmp_path: Path) -> None:
    path = texts(tmp_path, "a.jsonl", 5000)
    assert estimated_rows([path]) == 5000
    (tmp_path / "a.csv").write_text("a,b\n")
    assert estimated_rows([path, tmp_path / "a.csv"]) is None


# --- what is said ---------------------------------------------------------------------------------


def test_a_test_file_among_the_training_files_is_warned_of(tmp_path: Path) -> None:
    texts(tmp_path, "train.jsonl", 200)
    texts(tmp_path, "test.jsonl", 200, "other")
    assert "test.jsonl is read as training data" in " ".join(warnings(tmp_path, "."))
    assert warnings(tmp_path, "test.jsonl") == []


def test_what_a_missing_chat_template_costs_is_said(tmp_path: Path) -> None:
    pair = {"prompt": "2+2", "completion": "4"}
    rows(tmp_path / "a.jsonl", pair, pair, {"prompt": "a ", "completion": "b"})
    said = " ".join(warnings(tmp_path, "a.jsonl", method="sft", chat=False))
    assert "in 2 of 3 rows" in said
    assert "without a space" not in " ".join(warnings(tmp_path, "a.jsonl", method="sft"))


def test_a_held_out_share_is_offered_where_there_are_rows_for_it(tmp_path: Path) -> None:
    texts(tmp_path, "few.jsonl", 20)
    texts(tmp_path, "many.jsonl", 200)
    found = look(tmp_path, "many.jsonl")
    assert "data.eval: 0.05" in remarks.offers(found, section("many.jsonl"))[0]
    assert remarks.offers(found, section("many.jsonl", eval=0.1)) == []
    assert remarks.offers(look(tmp_path, "few.jsonl"), section("few.jsonl")) == []


# --- data that nobody here wrote ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "method", "columns", "format", "count"),
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
    name: str, method: str, columns: dict, format: str, count: int
) -> None:
    folder = os.environ.get("TUNEDECK_TEST_DATA")
    if not folder:
        pytest.skip("TUNEDECK_TEST_DATA does not name the folder of real data")
    seen = look(Path(folder).resolve(), name, method=method, columns=columns, eval=0.05)
    assert (seen.format, seen.rows, seen.unused_columns) == (format, count, ())
    assert seen.bad.count == 0
