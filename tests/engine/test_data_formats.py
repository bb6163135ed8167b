"""Formats are recognised, rows checked and converted; every refusal says what to write instead."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.data import load
from engine.errors import DataError

HELLO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]


def write(folder: Path, rows: Sequence[Any]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def convert(folder: Path, *rows: Any, **options: Any) -> list[dict]:
    return loaded(folder, *rows, **options).train_rows


def loaded(folder: Path, *rows: Any, **options: Any) -> Any:
    settings: dict[str, Any] = {
        "eval": None,
        "format": "auto",
        "columns": {},
        "method": "sft",
        "seed": 1,
        "chat": True,
    }
    source = str(write(folder, rows))
    return load(source, base_folder=folder, **(settings | options))


def failure(folder: Path, *rows: Any, **options: Any) -> DataError:
    with pytest.raises(DataError) as caught:
        convert(folder, *rows, **options)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("row", "name", "expected"),
    [
        ({"messages": HELLO}, "messages", {"messages": HELLO}),
        ({"conversations": HELLO}, "messages", {"messages": HELLO}),
        (
            {
                "conversations": [
                    {"from": "human", "value": "hi"},
                    {"from": "gpt", "value": "hello"},
                ]
            },
            "sharegpt",
            {"messages": HELLO},
        ),
        (
            {"instruction": "hi", "input": "", "output": "hello"},
            "alpaca",
            {"prompt": HELLO[:1], "completion": HELLO[1:]},
        ),
        (
            {"prompt": "hi", "completion": "hello"},
            "prompt-completion",
            {"prompt": HELLO[:1], "completion": HELLO[1:]},
        ),
        (
            {"prompt": HELLO[:1], "completion": HELLO[1:]},
            "prompt-completion",
            {"prompt": HELLO[:1], "completion": HELLO[1:]},
        ),
        ({"text": "hi"}, "text", {"text": "hi"}),
    ],
)
def test_format_is_recognised_and_converted(
    tmp_path: Path, row: dict, name: str, expected: dict
) -> None:
    found = loaded(tmp_path, row)
    assert found.format == name
    assert found.train_rows == [expected]


def test_system_text_and_input_reach_the_prompt(tmp_path: Path) -> None:
    system = {"role": "system", "content": "be brief"}
    said = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
    assert convert(tmp_path, {"conversations": said, "system": "be brief"}) == [
        {"messages": [system, *HELLO]}
    ]
    alpaca = {"instruction": "add", "input": "1 2", "output": "3", "system": "be brief"}
    assert convert(tmp_path, alpaca)[0]["prompt"] == [
        system,
        {"role": "user", "content": "add\n\n1 2"},
    ]
    mapped = {"q": "hi", "a": "hello", "s": "be brief"}
    columns = {"prompt": "q", "completion": "a", "system": "s"}
    assert convert(tmp_path, mapped, columns=columns)[0]["prompt"] == [system, HELLO[0]]


def test_without_a_chat_template_rows_become_plain_text(tmp_path: Path) -> None:
    pair = {"prompt": "2+2=", "completion": "4"}
    assert convert(tmp_path, pair, chat=False) == [pair]
    longer = [*HELLO, {"role": "user", "content": "bye"}, {"role": "assistant", "content": "so?"}]
    assert convert(tmp_path, {"messages": longer}, chat=False) == [
        {"prompt": "User: hi\n\nAssistant: hello\n\nUser: bye\n\nAssistant:", "completion": " so?"}
    ]
    [alpaca] = convert(tmp_path, {"instruction": "add", "input": "1", "output": "3"}, chat=False)
    assert alpaca["prompt"].endswith("### Instruction:\nadd\n\n### Input:\n1\n\n### Response:\n")
    assert alpaca["completion"] == "3"


def test_messages_keep_role_and_content_alone(tmp_path: Path) -> None:
    named = [dict(HELLO[0], name="Uma"), dict(HELLO[1], tool_calls=None)]
    assert convert(tmp_path, {"messages": named}) == [{"messages": HELLO}]


def test_rendered_text_column_does_not_compete_with_chat_data(tmp_path: Path) -> None:
    row = {"instruction": "hi", "output": "hello", "text": "### hi ### hello"}
    assert loaded(tmp_path, row).format == "alpaca"
    assert loaded(tmp_path, row, format="text").train_rows == [{"text": row["text"]}]
    assert loaded(tmp_path, row, method="pretrain").format == "text"


def test_columns_are_mapped_even_onto_names_that_are_taken(tmp_path: Path) -> None:
    row = {"question": "hi", "answer": "hello", "prompt": "unused", "id": 7}
    columns = {"prompt": "question", "completion": "answer"}
    assert convert(tmp_path, row, columns=columns) == [
        {"prompt": HELLO[:1], "completion": HELLO[1:]}
    ]
    swapped = {"prompt": "completion", "completion": "prompt"}
    [row] = convert(tmp_path, {"prompt": "a", "completion": "b"}, columns=swapped, chat=False)
    assert row == {"prompt": "b", "completion": "a"}


def test_mapped_column_is_not_used_a_second_time_under_its_own_name(tmp_path: Path) -> None:
    columns = {"instruction": "input", "output": "answer"}
    [row] = convert(tmp_path, {"input": "hi", "answer": "hello"}, columns=columns)
    assert row["prompt"] == HELLO[:1]


def test_unknown_columns_are_answered_with_the_line_to_write(tmp_path: Path) -> None:
    error = failure(tmp_path, {"id": 1, "Answer": "a", "question": "q"})
    assert "id, Answer, question" in error.message
    assert "alpaca: instruction, output" in error.message
    assert "data.columns: {prompt: question, completion: Answer}" in error.hint
    named = failure(tmp_path, {"question": "q", "answer": "a"}, format="alpaca")
    assert "data.columns: {instruction: question, output: answer}" in named.hint


def test_column_name_that_yaml_would_misread_is_quoted_in_the_hint(tmp_path: Path) -> None:
    error = failure(tmp_path, {"my question": "q", "no": "a"})
    assert '{prompt: "my question", completion: "no"}' in error.hint


def test_mapping_to_a_missing_column_names_the_nearest(tmp_path: Path) -> None:
    columns = {"prompt": "questoin", "completion": "answer"}
    error = failure(tmp_path, {"question": "q", "answer": "a"}, columns=columns)
    assert "columns: question, answer" in error.message
    assert error.hint == "did you mean question?"


def test_mapping_from_an_unknown_name_names_the_nearest(tmp_path: Path) -> None:
    error = failure(tmp_path, {"q": "x", "a": "y"}, columns={"promt": "q", "completion": "a"})
    assert "'promt'" in error.message
    assert "did you mean prompt?" in error.hint


def test_half_a_mapping_is_answered_with_the_whole_line(tmp_path: Path) -> None:
    error = failure(tmp_path, {"question": "q", "answer": "a"}, columns={"prompt": "question"})
    assert "{prompt: question, completion: answer}" in error.hint


def test_ambiguous_columns_are_refused_and_a_named_format_settles_it(tmp_path: Path) -> None:
    row = {"messages": HELLO, "prompt": "hi", "completion": "hello"}
    error = failure(tmp_path, row)
    assert "messages (messages), prompt-completion (prompt, completion)" in error.message
    assert "data.format" in error.hint
    assert loaded(tmp_path, row, format="prompt-completion").format == "prompt-completion"
    assert loaded(tmp_path, row, columns={"messages": "messages"}).format == "messages"


def test_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    assert "did you mean alpaca?" in failure(tmp_path, {"text": "x"}, format="alpacca").hint


@pytest.mark.parametrize("method", ["sft", "pretrain"])
def test_preference_data_is_refused_in_a_sentence(tmp_path: Path, method: str) -> None:
    row = {"prompt": "q", "chosen": "good", "rejected": "bad"}
    error = failure(tmp_path, row, method=method)
    assert f"preference data (chosen and rejected answers), which the method {method}" in str(error)
    assert "dpo" in error.hint


def test_chosen_answers_can_be_learned_by_mapping_them(tmp_path: Path) -> None:
    row = {"prompt": "hi", "chosen": "hello", "rejected": "bad"}
    columns = {"prompt": "prompt", "completion": "chosen"}
    assert convert(tmp_path, row, columns=columns)[0]["completion"] == HELLO[1:]


def test_mapped_columns_are_learned_even_beside_chosen_and_rejected(tmp_path: Path) -> None:
    row = {"q": "hi", "a": "hello", "chosen": "x", "rejected": "y"}
    columns = {"prompt": "q", "completion": "a"}
    assert convert(tmp_path, row, columns=columns)[0]["completion"] == HELLO[1:]


def test_pretrain_refuses_chat_data_and_says_what_to_do(tmp_path: Path) -> None:
    error = failure(tmp_path, {"messages": HELLO}, method="pretrain")
    assert "format messages" in error.message
    assert "method: sft" in error.hint


def test_method_without_a_reader_yet_is_refused(tmp_path: Path) -> None:
    assert "'dpo'" in failure(tmp_path, {"text": "x"}, method="dpo").message


def turn(role: str, content: Any = "x", **more: Any) -> dict:
    return {"role": role, "content": content, **more}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [turn("assistant"), turn("user")]}, "begins with an assistant message"),
        ({"messages": [turn("user"), turn("user")]}, "no assistant message"),
        ({"messages": [turn("system")]}, "no assistant message"),
        ({"messages": [*HELLO, turn("system")]}, "system message that is not the first"),
        ({"messages": []}, "empty list"),
        ({"messages": "hi"}, "messages is text, not a list"),
        ({"messages": ["hi"]}, "messages[0] is text, not an object"),
        ({"messages": [turn("user"), turn("assistant", "  ")]}, "answer of messages[1] is empty"),
        ({"messages": [turn("user", 7), turn("assistant")]}, "a number (7), not text"),
        ({"messages": [turn("user", [{"type": "text"}])]}, "a list, not text"),
        ({"messages": [turn("user"), turn("assistant", None)]}, "is null, not text"),
        ({"messages": [{"from": "human", "value": "x"}]}, "no 'role', only from, value"),
        ({"messages": [turn("bot")]}, "role 'bot'; known: system, user, assistant"),
        ({"messages": [turn("user"), turn("assistant", tool_calls=[{}])]}, "'tool_calls'"),
        ({"messages": [turn("user"), turn("assistant", weight=0)]}, "'weight'"),
        ({"conversations": []}, "empty list"),
        ({"conversations": 3}, "a number (3), not a list"),
        ({"conversations": [{"from": ["x"], "value": "x"}]}, "not an object with from and value"),
        ({"conversations": [{"from": "dog", "value": "x"}]}, "is from 'dog'; known: human"),
        ({"conversations": [{"from": "human", "value": "x"}]}, "no assistant message"),
        ({"instruction": "x", "output": ""}, "the answer (output) is empty"),
        ({"instruction": " ", "output": "x"}, "instruction is empty"),
        ({"instruction": "x", "input": 3, "output": "x"}, "input is a number (3), not text"),
        ({"prompt": "x", "completion": " "}, "the answer (completion) is empty"),
        ({"prompt": "x", "completion": 72}, "(completion) is a number (72), not text"),
        ({"prompt": "x", "completion": True}, "is true or false, not text"),
        ({"prompt": HELLO, "completion": HELLO[1:]}, "does not end with a user message"),
        ({"prompt": HELLO[:1], "completion": HELLO}, "not the assistant's"),
        ({"prompt": [], "completion": "x"}, "prompt is an empty list"),
        ({"text": ""}, "text is empty"),
        ({"text": "\ud800"}, "surrogate"),
        ({"text": None}, "text is null"),
    ],
)
def test_row_that_cannot_be_learned_from_is_refused_with_its_place(
    tmp_path: Path, row: dict, reason: str
) -> None:
    message = failure(tmp_path, row).message
    assert message.startswith(f"{tmp_path / 'rows.jsonl'}, line 1: ")
    assert reason in message


def test_row_without_the_column_says_which_and_what_it_has(tmp_path: Path) -> None:
    columns = {"prompt": "question", "completion": "answer"}
    rows = [{"question": "q", "answer": "a"}, {"question": "q", "reply": "a"}]
    error = failure(tmp_path, *rows, columns=columns)
    assert "line 2: the column 'answer' is missing; the row has: question, reply" in error.message


def test_first_row_may_be_the_bad_one(tmp_path: Path) -> None:
    message = failure(tmp_path, {"prompt": "q"}, {"prompt": "q", "completion": "a"}).message
    assert "line 1: the column 'completion' is missing" in message


def test_problems_are_reported_together_and_at_most_ten_are_shown(tmp_path: Path) -> None:
    rows = [{"text": "fine"}, *({"text": ""} for _ in range(222))]
    message = failure(tmp_path, *rows).message
    assert message.startswith("222 rows cannot be learned from:")
    assert message.count("text is empty") == 10
    assert "line 2: text is empty" in message
    assert message.endswith("…and 212 more")


def test_values_in_messages_never_carry_an_escape_sequence(tmp_path: Path) -> None:
    for row in (
        {"messages": [turn("\x1b[2J")]},
        {"conversations": [{"from": "\x1b[2J", "value": "x"}]},
        {"\x1b[2J": "x", "other": "y"},
        {"messages": [{"\x1b[2J": 1}]},
    ):
        error = failure(tmp_path, row)
        assert "\x1b" not in error.message + error.hint
