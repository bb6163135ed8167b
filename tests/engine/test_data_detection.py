"""Which format rows are taken for, what they become for a method, and what is written instead of a guess."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from engine.data import read_rows
from engine.data.detection import Reading, choose, recognise, suggest_columns
from engine.data.row import Row
from engine.errors import DataError, UsageError

HELLO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
SAID = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]


def head(*rows: dict[str, Any]) -> list[Row]:
    return [Row(row, "rows.jsonl", number) for number, row in enumerate(rows, 1)]


def found(*rows: dict[str, Any], method: str = "sft", **options: Any) -> Reading:
    settings: dict[str, Any] = {"format": "auto", "columns": {}} | options
    return choose(head(*rows), method=method, **settings)


def names(*rows: dict[str, Any], **options: Any) -> tuple[str, str, tuple[str, ...]]:
    reading = found(*rows, **options)
    return reading.format.name, reading.kind, reading.format.required


def converted(row: dict[str, Any], *, chat: bool = True, **options: Any) -> dict[str, Any]:
    reading = found(row, chat=chat, **options)
    there = head(row)[0]
    assert reading.problem(there) is None
    return reading.convert(there, chat=chat)


def refusal(*rows: dict[str, Any], **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        found(*rows, **options)
    assert caught.value.hint
    assert caught.value.message.startswith(("rows.jsonl", "data."))
    return caught.value


# --- among several columns ------------------------------------------------------------------------


def test_rendered_text_does_not_compete_with_what_it_was_rendered_from() -> None:
    row = {"instruction": "hi", "output": "hello", "text": "### hi ### hello"}
    assert names(row)[0] == "alpaca"
    assert names(row, format="text")[0] == "text"
    assert names(row, method="pretrain")[0] == "text"


def test_text_goes_before_document_and_content() -> None:
    row = {"content": "a", "document": "b", "text": "c"}
    assert converted(row, method="pretrain") == {"text": "c"}
    del row["text"]
    assert converted(row, method="pretrain") == {"text": "b"}


def test_what_a_method_learns_from_decides_between_formats() -> None:
    row = {"prompt": "hi", "completion": "hello", "answer": "42"}
    assert names(row) == ("prompt-completion", "exchange", ("prompt", "completion"))
    assert names(row, method="grpo") == ("question", "question", ("prompt", "answer"))
    told = {"problem": "hi", "solution": "hello", "messages": HELLO}
    assert names(told)[:2] == ("messages", "conversation")
    assert names(told, method="grpo")[:2] == ("question", "question")


def test_short_answer_beside_its_solution_is_compared_with_and_not_learned_unasked() -> None:
    row = {"problem": "2+2?", "solution": "two and two are four", "answer": "4"}
    assert converted(row, method="grpo")["answer"] == "4"
    error = refusal(row)
    assert "question (problem, answer), question (problem, solution)" in error.message
    assert error.hint == "choose one with data.columns: {problem: problem, answer: answer}"
    learned = converted(row, columns={"problem": "problem", "answer": "solution"})
    assert learned["completion"][0]["content"] == "two and two are four"


def test_first_column_of_one_name_is_meant_where_it_holds_the_same() -> None:
    assert names({"conversations": HELLO, "messages": HELLO})[2] == ("messages",)


def test_ambiguous_columns_are_refused_and_a_named_format_settles_it() -> None:
    row = {"messages": HELLO, "prompt": "hi", "completion": "hello"}
    error = refusal(row)
    assert "messages (messages), prompt-completion (prompt, completion)" in error.message
    assert "data.format (messages or prompt-completion)" in error.hint
    assert names(row, format="prompt-completion")[0] == "prompt-completion"
    assert names(row, columns={"messages": "messages"})[0] == "messages"


def test_first_row_may_be_the_bad_one() -> None:
    reading = found({"prompt": "q"}, {"prompt": "q", "completion": "a"})
    assert reading.problem(head({"prompt": "q"})[0]) == (
        "the column 'completion' is missing; the row has: prompt"
    )
    assert found({"conversations": []}, {"conversations": HELLO}).format.name == "messages"


@pytest.mark.parametrize("method", ["sft", "osft", "grpo"])
def test_without_a_chat_template_the_same_format_is_found(method: str) -> None:
    for row in ({"messages": HELLO}, {"conversations": SAID}, {"question": "q", "answer": "a"}):
        with_chat, without = found(row, method=method), found(row, method=method, chat=False)
        assert without.format == with_chat.format
        assert without.kind == ("question" if method == "grpo" else "exchange")


def test_without_a_method_rows_are_what_they_were_written_as() -> None:
    for row, kind in (
        ({"question": "q", "answer": "a"}, "question"),
        ({"messages": HELLO}, "conversation"),
        ({"prompt": "q", "completion": "a", "label": False}, "unpaired"),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, "preference"),
    ):
        assert recognise(head(row), columns={}, refusal="").kind == kind


# --- data.columns ---------------------------------------------------------------------------------


def test_columns_are_mapped_even_onto_names_that_are_taken() -> None:
    row = {"q": "hi", "a": "hello", "prompt": "unused", "id": 7}
    columns = {"prompt": "q", "completion": "a"}
    assert converted(row, columns=columns) == {"prompt": HELLO[:1], "completion": HELLO[1:]}
    swapped = {"prompt": "completion", "completion": "prompt"}
    made = converted({"prompt": "a", "completion": "b"}, columns=swapped, chat=False)
    assert made == {"prompt": "b", "completion": "a"}


def test_mapped_column_is_not_used_a_second_time_under_its_own_name() -> None:
    columns = {"instruction": "input", "output": "reply"}
    assert converted({"input": "hi", "reply": "hello"}, columns=columns)["prompt"] == HELLO[:1]


def test_one_name_is_enough_where_the_other_is_known() -> None:
    row = {"ask": "hi", "answer": "hello", "id": 7}
    assert converted(row, columns={"prompt": "ask"})["completion"] == HELLO[1:]
    dialog = {"dialog": SAID}
    assert names(dialog, columns={"messages": "dialog"})[0] == "sharegpt"


def test_columns_that_reach_the_trainer_are_known() -> None:
    row = {"q": "hi", "a": "hello", "id": 7}
    reading = found(row, columns={"prompt": "q", "completion": "a"})
    assert [name for name in row if reading.uses(name)] == ["q", "a"]


def test_unknown_columns_are_answered_with_the_line_to_write() -> None:
    error = refusal({"id": 1, "Reply": "a", "asked": "q"})
    assert "id, Reply, asked" in error.message
    assert "alpaca: instruction, output" in error.message
    assert "data.columns: {prompt: Reply, completion: asked}" in error.hint
    named = refusal({"query": "q", "Response": "a"}, format="alpaca")
    assert "data.columns: {instruction: query, output: Response}" in named.hint


@pytest.mark.parametrize(
    ("method", "row", "line"),
    [
        ("sft", {"Question": "q", "Reply": "a"}, "{prompt: Question, completion: Reply}"),
        ("grpo", {"Question": "q", "Target": "a"}, "{prompt: Question, answer: Target}"),
        ("grpo", {"ask": "q"}, "{prompt: ask}"),
        ("pretrain", {"id": "7", "Body": "long"}, "{text: Body}"),
        (
            "dpo",
            {"Question": "q", "better": "a", "worse": "b"},
            "{prompt: Question, chosen: better, rejected: worse}",
        ),
    ],
)
def test_line_to_write_suits_the_method(method: str, row: dict, line: str) -> None:
    error = refusal(row, method=method)
    assert error.hint == f"say which column is which: data.columns: {line}"
    assert suggest_columns(head(row), method)


def test_which_of_two_answers_is_better_is_never_guessed() -> None:
    row = {"ask": "q", "answer_0": "a", "answer_1": "b"}
    assert suggest_columns(head(row), "dpo") is None
    assert "map them with data.columns" in refusal(row, method="dpo").hint


def test_column_name_that_yaml_would_misread_is_quoted_in_the_hint() -> None:
    error = refusal({"my question": "q", "no": "a"})
    assert '{prompt: "my question", completion: "no"}' in error.hint


def test_mapping_to_a_missing_column_names_the_nearest() -> None:
    columns = {"prompt": "questoin", "completion": "answer"}
    error = refusal({"question": "q", "answer": "a"}, columns=columns)
    assert "columns: question, answer" in error.message
    assert error.hint == "did you mean question?"


def test_mapping_from_an_unknown_name_names_the_nearest() -> None:
    error = refusal({"q": "x", "a": "y"}, columns={"promt": "q", "completion": "a"})
    assert "'promt'" in error.message
    assert "did you mean prompt?" in error.hint


def test_half_a_mapping_is_answered_with_the_whole_line() -> None:
    error = refusal({"ask": "q", "reply": "a"}, columns={"prompt": "ask"})
    assert "{prompt: ask, completion: reply}" in error.hint


def test_unknown_format_names_the_nearest() -> None:
    assert "did you mean alpaca?" in refusal({"text": "x"}, format="alpacca").hint


def test_unknown_method_is_refused() -> None:
    with pytest.raises(UsageError, match="no method 'dop'"):
        found({"text": "x"}, method="dop")


# --- data for another method ----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["sft", "pretrain", "grpo"])
def test_preference_data_is_refused_in_a_sentence(method: str) -> None:
    error = refusal({"prompt": "q", "chosen": "good", "rejected": "bad"}, method=method)
    wanted = f"preference data (chosen and rejected answers), which the method {method} does not"
    assert wanted in error.message
    assert "dpo" in error.hint


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        (
            {"prompt": "hi", "chosen": "hello", "rejected": "bad"},
            {"prompt": "prompt", "completion": "chosen"},
        ),
        (
            {"conversations": SAID[:1], "chosen": SAID[1], "rejected": SAID[1]},
            {"prompt": "conversations", "completion": "chosen"},
        ),
        ({"chosen": HELLO, "rejected": HELLO}, {"messages": "chosen"}),
        (
            {"instruction": "hi", "chosen": "hello", "rejected": "bad"},
            {"instruction": "instruction", "output": "chosen"},
        ),
    ],
)
def test_chosen_answers_are_learned_by_the_mapping_of_the_hint(row: dict, columns: dict) -> None:
    written = ", ".join(f"{ours}: {theirs}" for ours, theirs in columns.items())
    assert refusal(row).hint.endswith(f"data.columns: {{{written}}}")
    made = converted(row, columns=columns)
    assert made in ({"messages": HELLO}, {"prompt": HELLO[:1], "completion": HELLO[1:]})


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"prompt": "hi", "completion": "hello", "label": False}, "prompt-completion"),
        ({"messages": HELLO, "label": False}, "messages"),
        ({"conversations": SAID, "label": False}, "sharegpt"),
    ],
)
def test_answers_that_are_labelled_bad_are_only_learned_when_asked(row: dict, name: str) -> None:
    error = refusal(row)
    assert "unpaired preference data" in error.message
    assert error.hint == f"write data.format: {name} to use all answers, bad ones too"
    assert names(row, format=name)[0] == name
    assert names({**row, "label": "news"})[0] == name


def test_pretrain_refuses_chat_data_and_says_what_to_do() -> None:
    error = refusal({"messages": HELLO}, method="pretrain")
    assert (
        "format messages (columns: messages), which the method pretrain does not" in error.message
    )
    assert "use method: sft" in error.hint
    assert "data.columns: {text: COLUMN}" in error.hint


def test_dpo_refuses_data_without_two_answers() -> None:
    error = refusal({"messages": HELLO}, method="dpo")
    assert "which the method dpo does not learn from" in error.message
    assert "text" not in error.hint


# --- data that nobody here wrote ------------------------------------------------------------------


@pytest.mark.skipif(
    "TUNEDECK_TEST_DATA" not in os.environ, reason="TUNEDECK_TEST_DATA names no folder"
)
@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize(
    ("name", "method", "format", "kind", "count"),
    [
        ("gsm8k_train_2000.jsonl", "sft", "question", "exchange", 2000),
        ("gsm8k_train_2000.jsonl", "grpo", "question", "question", 2000),
        ("alpaca_en_demo.json", "sft", "alpaca", "exchange", 999),
        ("dpo_en_demo.json", "dpo", "preference", "preference", 299),
        ("c4_demo.jsonl", "pretrain", "text", "text", 300),
        ("c4_demo.jsonl", "sft", "text", "text", 300),
        ("tinyshakespeare.txt", "pretrain", "text", "text", 7222),
    ],
)
def test_real_data_needs_no_column_named(
    name: str, method: str, format: str, kind: str, count: int, chat: bool
) -> None:
    rows = _rows_of(Path(os.environ["TUNEDECK_TEST_DATA"]) / name)
    reading = choose(rows[:20], format="auto", columns={}, method=method, chat=chat)
    assert (reading.format.name, reading.kind) == (format, kind)
    assert [row.where for row in rows if reading.problem(row)] == []
    made = [reading.convert(row, chat=chat) for row in rows]
    assert len(made) == count
    kept = rows[0].values.get("question", rows[0].values.get("text", ""))
    assert repr(kept[:40])[1:-1] in repr(made[0])


def _rows_of(path: Path) -> Sequence[Row]:
    rows = [row for row in islice(read_rows(path), 10_000) if isinstance(row, Row)]
    assert rows
    return rows
