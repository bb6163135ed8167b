"""What becomes of a row of each format, and what is said about a wrong one."""

import json
from typing import Any

import pytest

from engine.data.detection import Reading, choose, recognise
from engine.data.row import Row

HELLO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
ASKED, ANSWERED = HELLO[:1], HELLO[1:]
SAID = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
SYSTEM = {"role": "system", "content": "be brief"}
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object"}},
}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Köln"}}}
CALLING = [
    ASKED[0],
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "sunny"},
    {"role": "assistant", "content": "It is sunny."},
]
EXCHANGE = {"prompt": ASKED, "completion": ANSWERED}


def said(role: str, content: Any = "x", **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def reading(row: dict[str, Any], method: str | None, **options: Any) -> Reading:
    """How data that begins with this row is understood; without a method, as what it was written as."""
    head = [Row(row, "rows.jsonl", 1)]
    settings: dict[str, Any] = {"format": "auto", "columns": {}} | options
    if method is None:
        return recognise(head, refusal="which nobody wants", **settings)
    return choose(head, method=method, **settings)


def became(
    row: dict[str, Any], method: str | None = None, *, chat: bool = True, **options: Any
) -> tuple[str, str, dict[str, Any]]:
    """Format, kind and the row itself."""
    found = reading(row, method, chat=chat, **options)
    there = Row(row, "rows.jsonl", 1)
    assert found.problem(there) is None
    return found.format.name, found.kind, found.convert(there, chat=chat)


# --- what becomes of a row ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"messages": HELLO}, HELLO),
        ({"conversations": HELLO}, HELLO),
        ({"conversation": HELLO}, HELLO),
        ({"messages": HELLO, "system": "be brief"}, [SYSTEM, *HELLO]),
        ({"messages": [said("developer", "be brief"), *HELLO]}, [SYSTEM, *HELLO]),
        (
            {"messages": [ASKED[0], said("assistant", "hello", thinking="a greeting")]},
            [ASKED[0], said("assistant", "hello", reasoning_content="a greeting")],
        ),
        (
            {"messages": [ASKED[0], said("assistant", "hello", reasoning_content="a greeting")]},
            [ASKED[0], said("assistant", "hello", reasoning_content="a greeting")],
        ),
        (
            {
                "messages": [
                    said("user", [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]),
                    *ANSWERED,
                ]
            },
            HELLO,
        ),
        (
            {
                "messages": [
                    dict(ASKED[0], name="Uma", weight=1),
                    dict(ANSWERED[0], tool_calls=None),
                ]
            },
            HELLO,
        ),
        ({"messages": CALLING}, CALLING),
        (
            {
                "messages": [
                    ASKED[0],
                    {
                        "role": "assistant",
                        "content": None,
                        "tool_calls": [
                            {
                                "id": "c1",
                                "type": "function",
                                "function": {"name": "weather", "arguments": '{"city": "Köln"}'},
                            }
                        ],
                    },
                    said("tool", {"sky": "klar"}, tool_call_id="c1", name="weather"),
                    said("assistant", "It is sunny."),
                ]
            },
            [
                ASKED[0],
                {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", **CALL}]},
                said("tool", '{"sky": "klar"}', tool_call_id="c1", name="weather"),
                said("assistant", "It is sunny."),
            ],
        ),
        (
            {
                "messages": [
                    ASKED[0],
                    {"role": "assistant", "function_call": {"name": "weather", "arguments": ""}},
                    said("function", "sunny", name="weather"),
                ]
            },
            [
                ASKED[0],
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {"type": "function", "function": {"name": "weather", "arguments": {}}}
                    ],
                },
                said("tool", "sunny", name="weather"),
            ],
        ),
        ({"conversations": SAID}, HELLO),
        ({"conversation": SAID}, HELLO),
        ({"conversations": [SAID[0] | {"weight": 0.0}, SAID[1] | {"weight": 1.0}]}, HELLO),
        ({"messages": SAID}, HELLO),
        ({"conversations": SAID, "system": "be brief"}, [SYSTEM, *HELLO]),
        ({"conversations": [{"from": "system", "value": "be brief"}, *SAID]}, [SYSTEM, *HELLO]),
        (
            {
                "conversations": [
                    SAID[0],
                    {"from": "function_call", "value": json.dumps(CALL["function"])},
                    {"from": "observation", "value": "sunny"},
                    {"from": "gpt", "value": "It is sunny."},
                ]
            },
            CALLING,
        ),
        (
            {
                "conversations": [
                    SAID[0],
                    {
                        "from": "function_call",
                        "value": "<think>\nwhere?\n</think>\n\n"
                        + json.dumps([CALL["function"]] * 2),
                    },
                ]
            },
            [
                ASKED[0],
                {
                    "role": "assistant",
                    "content": "",
                    "reasoning_content": "where?",
                    "tool_calls": [CALL, CALL],
                },
            ],
        ),
    ],
)
def test_conversation_becomes_messages_of_four_roles(row: dict, expected: list) -> None:
    name, kind, made = became(row, "sft")
    assert (kind, made) == ("conversation", {"messages": expected})
    assert name == ("sharegpt" if "from" in str(row) else "messages")


@pytest.mark.parametrize(
    "tools",
    [[WEATHER], json.dumps([WEATHER]), [WEATHER["function"]], json.dumps([WEATHER["function"]])],
)
@pytest.mark.parametrize(
    "row", [{"messages": CALLING}, {"prompt": ASKED, "completion": CALLING[1:]}]
)
def test_tools_are_kept_as_json_text_of_one_shape(row: dict, tools: Any) -> None:
    made = became({**row, "tools": tools}, "sft")[2]
    assert json.loads(made["tools"]) == [WEATHER]


def test_null_in_a_declaration_that_is_stored_as_structures_says_nothing() -> None:
    filled = {"type": "function", "function": {**WEATHER["function"], "strict": None}}
    assert json.loads(became({"messages": CALLING, "tools": [filled]})[2]["tools"]) == [WEATHER]
    text = json.dumps([filled])
    assert json.loads(became({"messages": CALLING, "tools": text})[2]["tools"]) == [filled]


@pytest.mark.parametrize("nothing", [None, "", [], "[]", "null"])
def test_no_tools_are_no_column(nothing: Any) -> None:
    assert became({"messages": HELLO, "tools": nothing})[2] == {"messages": HELLO}


def test_unmask_is_kept_only_where_it_is_true() -> None:
    assert became({"messages": HELLO, "unmask": True})[2] == {"messages": HELLO, "unmask": True}
    assert became({"messages": HELLO, "unmask": False})[2] == {"messages": HELLO}
    alone = {"messages": ASKED, "unmask": True}
    assert became(alone)[2] == alone


@pytest.mark.parametrize(
    ("row", "name", "expected"),
    [
        ({"instruction": "hi", "input": "", "output": "hello"}, "alpaca", EXCHANGE),
        (
            {"instruction": "hi", "input": None, "output": "hello", "history": []},
            "alpaca",
            EXCHANGE,
        ),
        (
            {"instruction": "add", "input": "1 2", "output": "3", "system": "be brief"},
            "alpaca",
            {
                "prompt": [SYSTEM, said("user", "add\n\n1 2")],
                "completion": [said("assistant", "3")],
            },
        ),
        (
            {"instruction": "bye", "output": "so?", "history": [["hi", "hello"], ("a", "b")]},
            "alpaca",
            {
                "prompt": [*HELLO, said("user", "a"), said("assistant", "b"), said("user", "bye")],
                "completion": [said("assistant", "so?")],
            },
        ),
        ({"prompt": "hi", "completion": "hello"}, "prompt-completion", EXCHANGE),
        ({"prompt": ASKED, "completion": ANSWERED}, "prompt-completion", EXCHANGE),
        ({"prompt": SAID[:1], "completion": SAID[1]}, "prompt-completion", EXCHANGE),
        ({"prompt": "hi", "completion": ANSWERED[0]}, "prompt-completion", EXCHANGE),
        (
            {"prompt": "hi", "completion": "hello", "system": "be brief", "unmask": True},
            "prompt-completion",
            {"prompt": [SYSTEM, *ASKED], "completion": ANSWERED, "unmask": True},
        ),
        ({"question": "hi", "answer": "hello"}, "question", EXCHANGE),
        ({"problem": "hi", "solution": "hello"}, "question", EXCHANGE),
        ({"query": "hi", "target": "hello"}, "question", EXCHANGE),
        ({"prompt": "hi", "ground_truth": "hello"}, "question", EXCHANGE),
    ],
)
def test_exchange_has_messages_on_both_sides(row: dict, name: str, expected: dict) -> None:
    assert became(row, "sft") == (name, "exchange", expected)


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"question": "hi", "answer": "so\n#### 72"}, "so\n#### 72"),
        ({"problem": ASKED, "ground_truth": 72}, "72"),
        ({"prompt": "hi", "answer": 0.5}, "0.5"),
        ({"messages": ASKED, "answer": "72"}, "72"),
        ({"messages": HELLO, "answer": "72"}, "72"),
        ({"prompt": "hi"}, ""),
        ({"question": "hi", "id": 7}, ""),
        ({"messages": HELLO}, "hello"),
        ({"conversations": SAID}, "hello"),
        ({"instruction": "hi", "output": "hello"}, "hello"),
        ({"prompt": "hi", "completion": "hello"}, "hello"),
    ],
)
def test_grpo_gets_the_question_and_the_answer_to_compare_with(row: dict, answer: str) -> None:
    assert became(row, "grpo")[1:] == ("question", {"prompt": ASKED, "answer": answer})


REJECTED = [said("assistant", "go")]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "hi", "chosen": "hello", "rejected": "go"},
        {"prompt": ASKED, "chosen": ANSWERED, "rejected": REJECTED},
        {"prompt": "hi", "chosen": HELLO, "rejected": [*ASKED, *REJECTED]},
        {"chosen": HELLO, "rejected": [*ASKED, *REJECTED]},
        {"conversations": SAID[:1], "chosen": SAID[1], "rejected": {"from": "gpt", "value": "go"}},
        {
            "chosen": "\n\nHuman: hi\n\nAssistant: hello",
            "rejected": "\n\nHuman: hi\n\nAssistant: go",
        },
        {"messages": ASKED, "chosen": ANSWERED[0], "rejected": REJECTED[0]},
        {"question": "hi", "chosen": "hello", "rejected": "go"},
        {"instruction": "hi", "input": "", "chosen": "hello", "rejected": "go"},
        {"messages": HELLO, "chosen": HELLO, "rejected": [*ASKED, *REJECTED]},
    ],
)
def test_preference_has_one_prompt_and_two_answers(row: dict) -> None:
    expected = {"prompt": ASKED, "chosen": ANSWERED, "rejected": REJECTED}
    assert became(row, "dpo") == ("preference", "preference", expected)


def test_shared_turns_of_chosen_and_rejected_are_the_prompt() -> None:
    shared = [SYSTEM, *HELLO, said("user", "and?")]
    row = {
        "chosen": [*shared, said("assistant", "a")],
        "rejected": [*shared, said("assistant", "b")],
    }
    assert became(row)[2] == {
        "prompt": shared,
        "chosen": [said("assistant", "a")],
        "rejected": [said("assistant", "b")],
    }


def test_system_and_input_reach_the_prompt_of_a_preference() -> None:
    row = {
        "instruction": "add",
        "input": "1 2",
        "system": "be brief",
        "chosen": "3",
        "rejected": "4",
    }
    assert became(row)[2]["prompt"] == [SYSTEM, said("user", "add\n\n1 2")]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "hi", "completion": "hello", "label": True},
        {"prompt": ASKED, "completion": ANSWERED, "label": True},
        {"messages": HELLO, "label": True},
        {"conversations": SAID, "label": True},
    ],
)
def test_unpaired_preference_keeps_its_label(row: dict) -> None:
    assert became(row) == ("unpaired", "unpaired", {**EXCHANGE, "label": True})
    assert became({**row, "label": False})[2]["label"] is False


@pytest.mark.parametrize("column", ["text", "document", "content"])
@pytest.mark.parametrize("method", ["sft", "pretrain"])
def test_plain_text_is_found_under_its_usual_names(column: str, method: str) -> None:
    assert became({"id": 1, column: "hi"}, method) == ("text", "text", {"text": "hi"})


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        ({}, [1, 2, 3]),
        ({"labels": [-100, 2, 3]}, [-100, 2, 3]),
        ({"completion_mask": [0, 1, 1]}, [-100, 2, 3]),
        ({"assistant_masks": [0, 0, 1]}, [-100, -100, 3]),
        ({"completion_mask": [0, 1, 1], "assistant_masks": [1, 1, 0]}, [-100, 2, -100]),
        ({"completion_mask": [False, True, True], "labels": None}, [-100, 2, 3]),
    ],
)
def test_tokenised_rows_get_labels(row: dict, labels: list[int]) -> None:
    made = became({"input_ids": [1, 2, 3], **row}, "sft")
    assert made == ("tokenised", "tokenised", {"input_ids": [1, 2, 3], "labels": labels})


def test_padding_of_tokenised_rows_is_left_out() -> None:
    row = {"input_ids": [0, 0, 5, 6], "labels": [-100, -100, 5, 6], "attention_mask": [0, 0, 1, 1]}
    assert became(row, "pretrain")[2] == {"input_ids": [5, 6], "labels": [5, 6]}


# --- without a chat template ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "prompt", "completion"),
    [
        ({"prompt": "2+2=", "completion": "4"}, "2+2=", "4"),
        ({"prompt": "2+2=", "completion": "4", "system": "be brief"}, "be brief\n\n2+2=", "4"),
        ({"prompt": "2+2=", "answer": "4"}, "2+2=", "4"),
        ({"question": "2+2?", "answer": "4"}, "User: 2+2?\n\nAssistant:", " 4"),
        (
            {"messages": [SYSTEM, *HELLO, said("user", "bye"), said("assistant", "so?")]},
            "be brief\n\nUser: hi\n\nAssistant: hello\n\nUser: bye\n\nAssistant:",
            " so?",
        ),
        (
            {"messages": CALLING, "tools": [WEATHER]},
            f"Tools: {json.dumps([WEATHER])}\n\nUser: hi\n\nAssistant: <tool_call>\n"
            '{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>\n\n'
            "Tool: sunny\n\nAssistant:",
            " It is sunny.",
        ),
        (
            {"prompt": "hi", "completion": [said("assistant", "hello", reasoning_content="well")]},
            "User: hi\n\nAssistant:",
            " <think>\nwell\n</think>\n\nhello",
        ),
        ({"messages": HELLO, "unmask": True}, "", "User: hi\n\nAssistant: hello"),
    ],
)
def test_without_a_chat_template_an_exchange_is_text(
    row: dict, prompt: str, completion: str
) -> None:
    found = became(row, "sft", chat=False)
    assert found[1:] == ("exchange", {"prompt": prompt, "completion": completion})


def test_alpaca_without_a_chat_template_reads_as_it_was_made() -> None:
    row = {"instruction": "add", "input": "1", "output": "3", "history": [["hi", "hello"]]}
    made = became(row, "sft", chat=False)[2]
    assert made["prompt"].startswith("Below is an instruction that describes a task, paired with")
    assert made["prompt"].endswith(
        "\n\n### Instruction:\nhi\n\n### Response:\nhello"
        "\n\n### Instruction:\nadd\n\n### Input:\n1\n\n### Response:\n"
    )
    assert made["completion"] == "3"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, ("q", "a", "b")),
        ({"question": "q", "chosen": "a", "rejected": "b"}, ("User: q\n\nAssistant:", " a", " b")),
        (
            {"chosen": HELLO, "rejected": [*ASKED, *CALLING[1:]]},
            (
                "User: hi\n\nAssistant:",
                " hello",
                ' <tool_call>\n{"name": "weather", "arguments": {"city": "Köln"}}\n</tool_call>'
                "\n\nTool: sunny\n\nAssistant: It is sunny.",
            ),
        ),
    ],
)
def test_without_a_chat_template_a_preference_is_text(row: dict, expected: tuple) -> None:
    made = became(row, "dpo", chat=False)[2]
    assert tuple(made.values()) == expected
    assert list(made) == ["prompt", "chosen", "rejected"]


def test_without_a_chat_template_a_question_is_text() -> None:
    assert became({"prompt": "2+2=", "answer": 4}, "grpo", chat=False)[2] == {
        "prompt": "2+2=",
        "answer": "4",
    }
    assert became({"messages": HELLO}, "grpo", chat=False)[2] == {
        "prompt": "User: hi\n\nAssistant:",
        "answer": "hello",
    }
