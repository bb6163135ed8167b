"""Rows that cannot be learned from: each is refused in words that name the place in the row."""

from typing import Any

import pytest

from engine.data.checks import Unusable
from engine.data.detection import choose
from engine.data.formats import FORMATS
from engine.data.row import Row

HELLO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
SAID = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
GOOD: dict[str, dict[str, Any]] = {
    "messages": {"messages": HELLO},
    "sharegpt": {"conversations": SAID},
    "alpaca": {"instruction": "hi", "output": "hello"},
    "prompt-completion": {"prompt": "hi", "completion": "hello"},
    "question": {"question": "hi", "answer": "hello"},
    "preference": {"prompt": "hi", "chosen": "hello", "rejected": "go"},
    "implicit": {"chosen": HELLO, "rejected": [HELLO[0], {"role": "assistant", "content": "go"}]},
    "text": {"text": "hi"},
    "tokenised": {"input_ids": [1, 2, 3]},
}
METHODS = {"preference": "dpo", "implicit": "dpo"}


def said(role: Any, content: Any = "x", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def calling(**call: Any) -> dict[str, Any]:
    return {"messages": [said("user"), said("assistant", "", tool_calls=[call])]}


def problem(name: str, row: dict[str, Any], method: str = "") -> str:
    """What is said about a row of data that began with a good one."""
    head = [Row(GOOD[name], "rows.jsonl", 1)]
    method = method or METHODS.get(name, "sft")
    found = choose(head, format="auto", columns={}, method=method)
    reason = found.problem(Row(row, "rows.jsonl", 2))
    assert reason is not None
    assert reason.isprintable()
    return reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [said("assistant"), said("user")]}, "begins with an assistant message"),
        ({"messages": [said("user"), said("user")]}, "no assistant message: there is no answer"),
        ({"messages": [said("system")]}, "no assistant message"),
        ({"messages": [*HELLO, said("system")]}, "system message that is not the first"),
        ({"messages": [said("system"), said("developer"), *HELLO]}, "system message that is not"),
        ({"messages": [*HELLO, said("tool")]}, "messages[2] is a tool's, and no tool call comes"),
        ({"messages": [said("tool"), *HELLO]}, "messages[0] is a tool's"),
        ({"messages": []}, "empty list"),
        ({"messages": None}, "messages is null, not a list"),
        ({"messages": "hi"}, "messages is text, not a list"),
        ({"messages": ["hi"]}, "messages[0] is text, not an object with role and content"),
        ({"messages": [None, *HELLO]}, "messages[0] is null, not an object"),
        ({"messages": [said("user"), said("assistant", "  ")]}, "answer of messages[1] is empty"),
        ({"messages": [said("user", ""), said("assistant")]}, "content of messages[0] is empty"),
        (
            {"messages": [said("user", 7), said("assistant")]},
            "messages[0] is a number (7), not text",
        ),
        ({"messages": [said("user", []), said("assistant")]}, "is a list, not text"),
        ({"messages": [said("user", [{"text": "x"}]), said("assistant")]}, "is a list, not text"),
        (
            {"messages": [said("user", [{"type": "text"}])]},
            "a part of messages[0] is null, not text",
        ),
        ({"messages": [said("user", [{"type": "image_url"}])]}, "type 'image_url': only text"),
        ({"messages": [said("user"), said("assistant", None)]}, "is null, not text"),
        ({"messages": [said("user"), said("assistant", None, tool_calls=[])]}, "is null, not text"),
        ({"messages": [{"role": "user"}]}, "no 'content', only role"),
        ({"messages": [{"content": "x"}]}, "no 'role', only content"),
        ({"messages": [said("bot")]}, "role 'bot'; known: system, user, assistant, tool"),
        ({"messages": [said(["user"])]}, "known: system, user, assistant, tool"),
        (
            {"messages": [said("user"), said("assistant", weight=0)]},
            "'weight', which is not supported",
        ),
        ({"messages": [said("user"), said("assistant", train=False)]}, "'train', which is not"),
        (
            {"messages": [said("user", train=True), said("assistant")]},
            "[0] has 'train', which is not",
        ),
        (
            {"messages": [said("user"), said("assistant", thinking="a", reasoning_content="b")]},
            "two different thoughts",
        ),
        (
            {"messages": [said("user"), said("assistant", thinking=3)]},
            "thinking of messages[1] is a",
        ),
        ({"messages": HELLO, "system": 3}, "system is a number (3), not text"),
        ({"messages": [said("system"), *HELLO], "system": "x"}, "a system message too"),
        ({"messages": HELLO, "unmask": "yes"}, "unmask is text, not true or false"),
        ({"messages": HELLO, "tools": "{"}, "tools is text that is not JSON"),
        ({"messages": HELLO, "tools": "[" * 100_000}, "nested too deeply"),
        ({"messages": HELLO, "tools": "[NaN]"}, "NaN is no JSON"),
        ({"messages": HELLO, "tools": {"name": "x"}}, "tools is an object, not a list of tools"),
        ({"messages": HELLO, "tools": [{"type": "function"}]}, "tools[0] has no name, only type"),
        ({"messages": HELLO, "tools": [{"function": "x"}]}, "tools[0].function is text"),
        ({"messages": HELLO, "tools": ["x"]}, "tools[0] is text, not an object"),
        (calling(), "tool_calls of messages[1][0] has no name"),
        (calling(name=3), "has no name, only name"),
        (calling(function="x"), "function is text, not an object"),
        (calling(type="magic", function={"name": "x"}), "of the type 'magic'"),
        (calling(name="x", arguments="{"), "arguments is text that is not JSON"),
        (calling(name="x", arguments="[]"), "arguments is a list, not an object"),
        (calling(name="x", arguments={"a": float("nan")}), "arguments cannot be written as JSON"),
        (calling(name="x", arguments={"a": "\ud800"}), "surrogate"),
        (
            {"messages": [said("user"), said("assistant", tool_calls="x")]},
            "text, not a list of calls",
        ),
    ],
)
def test_wrong_messages(row: dict, reason: str) -> None:
    assert reason in problem("messages", row)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"conversations": []}, "empty list"),
        ({"conversations": 3}, "a number (3), not a list"),
        ({"conversations": [{"from": ["x"], "value": "x"}]}, "known: human"),
        ({"conversations": [{"from": "dog", "value": "x"}]}, "is from 'dog'; known: human"),
        ({"conversations": [{"from": "human"}]}, "conversations[0] has no 'value', only from"),
        ({"conversations": SAID[:1]}, "no assistant message"),
        ({"conversations": [SAID[1], SAID[0]]}, "begins with an assistant message"),
        ({"conversations": [*SAID, {"from": "observation", "value": "x"}]}, "[2] is a tool's"),
        ({"conversations": [SAID[0], {"from": "gpt", "value": ""}]}, "answer of conversations[1]"),
        (
            {"conversations": [SAID[0], {"from": "function_call", "value": "weather()"}]},
            "the function call of conversations[1] is text that is not JSON",
        ),
        (
            {"conversations": [SAID[0], {"from": "function_call", "value": "[]"}]},
            "the function call of conversations[1] is empty",
        ),
        (
            {"conversations": [SAID[0], {"from": "function_call", "value": "3"}]},
            "is a number (3), not a list of calls",
        ),
    ],
)
def test_wrong_sharegpt(row: dict, reason: str) -> None:
    assert reason in problem("sharegpt", row)


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("alpaca", {"instruction": "x", "output": ""}, "the answer (output) is empty"),
        ("alpaca", {"instruction": " ", "output": "x"}, "instruction is empty"),
        ("alpaca", {"instruction": "x", "input": 3, "output": "x"}, "input is a number (3)"),
        ("alpaca", {"instruction": "x", "output": "x", "history": "x"}, "history is text, not a"),
        (
            "alpaca",
            {"instruction": "x", "output": "x", "history": [["x"]]},
            "history[0] is a list of 1",
        ),
        ("alpaca", {"instruction": "x", "output": "x", "history": [3]}, "history[0] is a number"),
        (
            "alpaca",
            {"instruction": "x", "output": "x", "history": [["x", ""]]},
            "the answer of history[0] is empty",
        ),
        ("prompt-completion", {"prompt": "x", "completion": " "}, "(completion) is empty"),
        ("prompt-completion", {"prompt": "x", "completion": 72}, "(completion) is a number (72)"),
        ("prompt-completion", {"prompt": "x", "completion": True}, "is true or false, not text"),
        (
            "prompt-completion",
            {"prompt": HELLO, "completion": HELLO[1:]},
            "does not end with a user",
        ),
        ("prompt-completion", {"prompt": HELLO[:1], "completion": HELLO}, "not the assistant's"),
        ("prompt-completion", {"prompt": [], "completion": "x"}, "prompt is an empty list"),
        ("prompt-completion", {"prompt": "x"}, "the column 'completion' is missing"),
        ("question", {"question": "x", "answer": ""}, "the answer (answer) is empty"),
        ("question", {"question": "x", "answer": ["1"]}, "the answer (answer) is a list, not text"),
        ("question", {"question": "x", "answer": float("nan")}, "a number (nan), not text"),
        ("question", {"question": None, "answer": "x"}, "question is null, not text"),
        ("preference", {"prompt": "x", "chosen": "a", "rejected": "a"}, "are the same"),
        (
            "preference",
            {"prompt": "x", "chosen": "a", "rejected": ""},
            "the rejected answer is empty",
        ),
        ("preference", {"prompt": "x", "chosen": None, "rejected": "b"}, "chosen answer is null"),
        (
            "preference",
            {"prompt": HELLO, "chosen": "a", "rejected": "b"},
            "the prompt (prompt) does not end",
        ),
        ("preference", {"prompt": "", "chosen": "a", "rejected": "b"}, "prompt is empty"),
        ("preference", {"prompt": "x", "chosen": HELLO, "rejected": "b"}, "chosen holds a message"),
        ("preference", {"prompt": "hi", "chosen": HELLO[:1], "rejected": "b"}, "only the prompt"),
        ("implicit", {"chosen": "a", "rejected": "b"}, "data.columns: {prompt: COLUMN}"),
        ("implicit", {"chosen": HELLO, "rejected": HELLO}, "chosen holds no answer"),
        ("implicit", {"chosen": HELLO, "rejected": HELLO[1:]}, "begin with different messages"),
        ("implicit", {"chosen": HELLO, "rejected": HELLO[:1]}, "rejected holds no answer"),
        ("text", {"text": ""}, "text is empty"),
        ("text", {"text": "\ud800"}, "surrogate"),
        ("text", {"text": None}, "text is null"),
        ("text", {"body": "x"}, "the column 'text' is missing; the row has: body"),
        ("tokenised", {"input_ids": []}, "input_ids is an empty list"),
        ("tokenised", {"input_ids": "1 2"}, "input_ids is text, not a list of whole numbers"),
        ("tokenised", {"input_ids": [1, 2.5]}, "input_ids[1] is a number (2.5), not a whole"),
        ("tokenised", {"input_ids": [1, True]}, "input_ids[1] is true or false"),
        ("tokenised", {"input_ids": [-1]}, "input_ids[0] is -1, not between 0 and"),
        ("tokenised", {"input_ids": [2**40]}, "not between 0 and 2147483647"),
        (
            "tokenised",
            {"input_ids": [1, 2], "labels": [1]},
            "labels has 1 entries, and input_ids 2",
        ),
        ("tokenised", {"input_ids": [1], "labels": [-101]}, "labels[0] is -101"),
        ("tokenised", {"input_ids": [1], "labels": [-5]}, "labels holds -5"),
        ("tokenised", {"input_ids": [1], "labels": [-100]}, "no token of it is learned"),
        ("tokenised", {"input_ids": [1], "completion_mask": [0]}, "no token of it is learned"),
        ("tokenised", {"input_ids": [1], "completion_mask": [2]}, "completion_mask[0] is 2"),
        ("tokenised", {"input_ids": [1], "attention_mask": [1, 1]}, "attention_mask has 2 entries"),
        ("tokenised", {"input_ids": [1], "attention_mask": [0]}, "no token of it is learned"),
    ],
)
def test_wrong_rows_of_the_other_formats(name: str, row: dict, reason: str) -> None:
    assert reason in problem(name, row)


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("messages", {"messages": [*HELLO, said("user")]}, "does not end with an answer"),
        (
            "messages",
            {"messages": [said("user"), said("assistant", "", tool_calls=[{"name": "x"}])]},
            "the answer (the last message) is empty",
        ),
    ],
)
def test_conversation_without_a_last_answer_is_no_question(
    name: str, row: dict, reason: str
) -> None:
    assert reason in problem(name, row, "grpo")


def test_a_tool_may_answer_a_call_that_is_written_in_the_text() -> None:
    head = [Row(GOOD["messages"], "rows.jsonl", 1)]
    found = choose(head, format="auto", columns={}, method="sft")
    messages = [said("user"), said("assistant", "<tool_call>{}</tool_call>"), said("tool")]
    assert found.problem(Row({"messages": messages}, "rows.jsonl", 2)) is None


def test_names_in_a_row_never_carry_an_escape_sequence() -> None:
    for row in (
        {"messages": [said("\x1b[2J")]},
        {"messages": [{"from": "\x1b[2J", "value": "x"}]},
        {"\x1b[2J": "x", "other": "y"},
        {"messages": [{"\x1b[2J": 1}]},
        {"messages": [said("user", [{"type": "\x1b[2J"}])]},
        calling(type="\x1b[2J", name="x"),
    ):
        problem("messages", row)


ODD: list[Any] = [
    None,
    True,
    0,
    -1.5,
    "",
    " ",
    "x",
    "\ud800",
    [],
    [None],
    [[]],
    {},
    {"role": "user"},
    [{}],
    b"x",
]


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: f"{known.name} {known.required}")
@pytest.mark.parametrize("chat", [True, False])
def test_no_value_of_any_column_brings_more_than_words(known: Any, chat: bool) -> None:
    """Whatever stands in a row, a check answers; what it lets through is converted."""
    good: dict[str, Any] = {
        "messages": HELLO, "conversations": SAID, "conversation": HELLO, "chosen": "a",
        "rejected": "b", "label": True, "input_ids": [1], "completion": "x",
    }  # fmt: skip
    row = {name: good.get(name, "x") for name in known.required}
    if known.required == ("chosen", "rejected"):
        row = dict(GOOD["implicit"])
    checked = 0
    for column in (*known.required, *known.optional):
        for value in [*ODD, [{"role": "user", "content": odd} for odd in ODD], HELLO, SAID]:
            values = {**row, column: value}
            for kind in known.kinds:
                if known.check(values, kind) is None:
                    try:
                        known.convert(values, kind, chat=chat)
                    except Unusable as said:
                        pytest.fail(f"{values} was let through: {said}")
                    checked += 1
    assert checked
