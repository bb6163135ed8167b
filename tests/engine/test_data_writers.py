"""What is written in another format reads back as the same row, and what it cannot hold is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.data.detection import recognise
from engine.data.row import Row
from engine.data.writers import WRITERS, writer
from engine.errors import DataError, UsageError

Made = dict[str, Any]
ASKED = [{"role": "user", "content": "hi"}]
ANSWERED = [{"role": "assistant", "content": "hello"}]
GONE = [{"role": "assistant", "content": "go"}]
SYSTEM = {"role": "system", "content": "be brief"}
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Köln"}}}
CALLED = {"role": "assistant", "content": "", "tool_calls": [CALL]}
TOLD = {"role": "tool", "content": "sunny"}
TOOLS = json.dumps([{"type": "function", "function": {"name": "weather"}}])
THINKING = {"role": "assistant", "content": "hello", "reasoning_content": "a greeting"}

EXCHANGE: Made = {"prompt": ASKED, "completion": ANSWERED}
TURNS = [*ASKED, *ANSWERED]


def read(row: Made, kind: str, format: str) -> Made:
    """A written row as data of that kind, through JSON."""
    there = Row(json.loads(json.dumps(row)), "out.jsonl", 1)
    found = recognise([there], columns={}, kinds=(kind,), refusal="which is not what was written")
    assert found.format.name == format
    assert found.problem(there) is None
    return found.convert(there, chat=True)


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("messages", {"messages": [SYSTEM, *TURNS]}, {"messages": [SYSTEM, *TURNS]}),
        ("messages", EXCHANGE, {"messages": TURNS}),
        ("messages", {"messages": TURNS, "unmask": True}, {"messages": TURNS, "unmask": True}),
        (
            "sharegpt",
            {"messages": [SYSTEM, *TURNS]},
            {
                "conversations": [
                    {"from": "system", "value": "be brief"},
                    {"from": "human", "value": "hi"},
                    {"from": "gpt", "value": "hello"},
                ]
            },
        ),
        (
            "sharegpt",
            {"messages": [*ASKED, CALLED, TOLD, *ANSWERED], "tools": TOOLS},
            {
                "conversations": [
                    {"from": "human", "value": "hi"},
                    {
                        "from": "function_call",
                        "value": '{"name": "weather", "arguments": {"city": "Köln"}}',
                    },
                    {"from": "observation", "value": "sunny"},
                    {"from": "gpt", "value": "hello"},
                ],
                "tools": TOOLS,
            },
        ),
        ("alpaca", EXCHANGE, {"instruction": "hi", "input": "", "output": "hello"}),
        ("alpaca", {"messages": TURNS}, {"instruction": "hi", "input": "", "output": "hello"}),
        (
            "alpaca",
            {"prompt": [SYSTEM, *TURNS, *ASKED], "completion": GONE},
            {
                "instruction": "hi",
                "input": "",
                "output": "go",
                "system": "be brief",
                "history": [["hi", "hello"]],
            },
        ),
        ("prompt-completion", EXCHANGE, {"prompt": "hi", "completion": "hello"}),
        ("prompt-completion", {"messages": TURNS}, {"prompt": "hi", "completion": "hello"}),
        (
            "prompt-completion",
            {"prompt": [SYSTEM, *ASKED], "completion": ANSWERED},
            {"prompt": "hi", "system": "be brief", "completion": "hello"},
        ),
        (
            "preference",
            {"prompt": ASKED, "chosen": ANSWERED, "rejected": GONE},
            {"prompt": "hi", "chosen": "hello", "rejected": "go"},
        ),
        (
            "unpaired",
            {**EXCHANGE, "label": False},
            {"prompt": "hi", "completion": "hello", "label": False},
        ),
        ("question", {"prompt": ASKED, "answer": "4"}, {"prompt": "hi", "answer": "4"}),
        ("question", {"prompt": ASKED, "answer": ""}, {"prompt": "hi"}),
        ("text", {"text": "hi"}, {"text": "hi"}),
        (
            "tokenised",
            {"input_ids": [1, 2], "labels": [-100, 2]},
            {"input_ids": [1, 2], "labels": [-100, 2]},
        ),
    ],
)
def test_row_is_written_under_the_columns_of_the_format(
    name: str, row: Made, expected: Made
) -> None:
    assert writer(name).write(row, "a.jsonl, line 1") == expected


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("messages", {"prompt": [*TURNS, *ASKED], "completion": GONE}, "there is an answer in the"),
        ("sharegpt", {"messages": [*ASKED, THINKING]}, "no place for the reasoning of an answer"),
        (
            "sharegpt",
            {"messages": [*ASKED, {**CALLED, "content": "I look"}]},
            "no place for text beside a tool call",
        ),
        (
            "sharegpt",
            {"messages": [*ASKED, CALLED, {**TOLD, "name": "clock"}]},
            "no place for which call a tool answers",
        ),
        ("alpaca", {**EXCHANGE, "tools": TOOLS}, "it has no place for tools"),
        ("alpaca", {"messages": [*ASKED, THINKING]}, "it has no place for reasoning_content"),
        ("alpaca", {"messages": [*TURNS, *TURNS]}, "which would not be learned any more"),
        ("alpaca", {"messages": [*TURNS, *ASKED]}, "does not end with an answer"),
        ("alpaca", {"prompt": [*ASKED, *ASKED], "completion": GONE}, "pairs of a question and an"),
        (
            "alpaca",
            {"prompt": [{"role": "system", "content": ""}, *ASKED], "completion": GONE},
            "no place for a system message without a text",
        ),
        ("prompt-completion", {"messages": [*TURNS, *TURNS]}, "there is an answer before the last"),
        ("prompt-completion", {"prompt": [*TURNS, *ASKED], "completion": GONE}, "is 3 messages"),
        ("prompt-completion", {"prompt": ASKED, "completion": [CALLED, TOLD, *GONE]}, "3 messages"),
        (
            "preference",
            {"prompt": ASKED, "chosen": [THINKING], "rejected": GONE},
            "no place for reasoning_content",
        ),
        ("question", {"prompt": [*TURNS, *ASKED], "answer": "4"}, "the prompt is 3 messages"),
    ],
)
def test_what_a_format_cannot_hold_is_refused_with_its_place(
    name: str, row: Made, reason: str
) -> None:
    with pytest.raises(DataError) as caught:
        writer(name).write(row, "a.jsonl, line 7")
    assert caught.value.message.startswith(f"a.jsonl, line 7: cannot be written as {name}: ")
    assert reason in caught.value.message
    assert caught.value.hint


def test_unknown_format_to_write_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        writer("share-gpt")
    assert "did you mean sharegpt?" in caught.value.hint


# --- there and back -------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)
SYSTEMS = st.lists(WORDS.map(lambda text: {"role": "system", "content": text}), max_size=1)
USERS = WORDS.map(lambda text: {"role": "user", "content": text})
PLAIN = WORDS.map(lambda text: {"role": "assistant", "content": text})
THOUGHT = st.builds(
    lambda said, thought: {"role": "assistant", "content": said, "reasoning_content": thought},
    WORDS,
    WORDS,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
CALLS = st.builds(
    lambda name, arguments: {
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    },
    WORDS,
    st.dictionaries(WORDS, VALUES, max_size=2),
)
TOOL_TURNS = st.builds(
    lambda calls, results, said: [
        {"role": "assistant", "content": "", "tool_calls": calls},
        *({"role": "tool", "content": result} for result in results),
        said,
    ],
    st.lists(CALLS, min_size=1, max_size=2),
    st.lists(st.text("ab ", max_size=3), min_size=1, max_size=2),
    PLAIN,
)
TURN_ENDS = PLAIN.map(lambda one: [one]) | TOOL_TURNS
THOUGHT_ENDS = TURN_ENDS | THOUGHT.map(lambda one: [one])
BESIDE = st.fixed_dictionaries({}, optional={"unmask": st.just(True), "tools": st.just(TOOLS)})


def conversations(ends: st.SearchStrategy[Any]) -> st.SearchStrategy[Made]:
    """Conversations whose answers are some of these."""
    turns = st.lists(st.tuples(USERS, ends), min_size=1, max_size=3)
    return st.builds(
        lambda system, said, beside: {
            "messages": [*system, *(one for user, end in said for one in (user, *end))],
            **beside,
        },
        SYSTEMS,
        turns,
        BESIDE,
    )


def prompts(turns: int) -> st.SearchStrategy[Any]:
    """Prompts with at most that many earlier turns."""
    earlier = st.lists(st.tuples(USERS, PLAIN), max_size=turns)
    return st.builds(
        lambda system, said, last: [*system, *(one for pair in said for one in pair), last],
        SYSTEMS,
        earlier,
        USERS,
    )


@given(row=conversations(THOUGHT_ENDS))
def test_any_conversation_survives_messages(row: Made) -> None:
    assert read(writer("messages").write(row, ""), "conversation", "messages") == row


@given(row=conversations(TURN_ENDS))
def test_conversation_without_reasoning_survives_sharegpt(row: Made) -> None:
    assert read(writer("sharegpt").write(row, ""), "conversation", "sharegpt") == row


def test_reasoning_before_a_call_survives_sharegpt() -> None:
    row = {"messages": [*ASKED, {**CALLED, "reasoning_content": "where?"}, TOLD, *ANSWERED]}
    assert read(writer("sharegpt").write(row, ""), "conversation", "sharegpt") == row


def test_ids_of_calls_survive_messages_and_go_where_order_says_the_same() -> None:
    called = {**CALLED, "tool_calls": [{"id": "c1", **CALL}]}
    told = {**TOLD, "tool_call_id": "c1", "name": "weather"}
    row = {"messages": [*ASKED, called, told, *ANSWERED]}
    assert read(writer("messages").write(row, ""), "conversation", "messages") == row
    without = {"messages": [*ASKED, CALLED, TOLD, *ANSWERED]}
    assert read(writer("sharegpt").write(row, ""), "conversation", "sharegpt") == without


@given(prompt=prompts(2), completion=PLAIN)
def test_exchange_survives_alpaca_with_its_history(prompt: Any, completion: Any) -> None:
    row = {"prompt": prompt, "completion": [completion]}
    assert read(writer("alpaca").write(row, ""), "exchange", "alpaca") == row


@given(prompt=prompts(0), answers=st.lists(PLAIN, min_size=2, max_size=2, unique_by=str))
def test_texts_survive_the_formats_of_prompt_and_answer(prompt: Any, answers: list[Any]) -> None:
    one, other = [answers[0]], [answers[1]]
    rows: dict[str, tuple[str, Made]] = {
        "prompt-completion": ("exchange", {"prompt": prompt, "completion": one}),
        "unpaired": ("unpaired", {"prompt": prompt, "completion": one, "label": False}),
        "preference": ("preference", {"prompt": prompt, "chosen": one, "rejected": other}),
        "question": ("question", {"prompt": prompt, "answer": answers[0]["content"]}),
    }
    for name, (kind, row) in rows.items():
        written = writer(name).write(row, "")
        assert all(not isinstance(value, list) for value in written.values())
        assert read(written, kind, name) == row


@given(prompt=prompts(2), ends=st.lists(THOUGHT_ENDS, min_size=2, max_size=2, unique_by=str))
def test_any_prompt_and_answer_survive_as_messages(prompt: Any, ends: list[Any]) -> None:
    one, other = ends
    rows: dict[str, tuple[str, Made]] = {
        "prompt-completion": ("exchange", {"prompt": prompt, "completion": one, "tools": TOOLS}),
        "unpaired": ("unpaired", {"prompt": prompt, "completion": one, "label": True}),
        "preference": ("preference", {"prompt": prompt, "chosen": one, "rejected": other}),
        "question": ("question", {"prompt": prompt, "answer": "4"}),
    }
    for name, (kind, row) in rows.items():
        assert read(writer(name).write(row, "", conversational=True), kind, name) == row


@given(ids=st.lists(st.integers(0, 2**31 - 1), min_size=1), learned=st.data())
def test_tokenised_rows_survive(ids: list[int], learned: Any) -> None:
    labels = [token if learned.draw(st.booleans()) else -100 for token in ids[1:]] + ids[-1:]
    row = {"input_ids": ids, "labels": labels}
    assert read(writer("tokenised").write(row, ""), "tokenised", "tokenised") == row


def test_every_format_can_be_written() -> None:
    from engine.data.formats import FORMATS

    assert set(WRITERS) == {known.name for known in FORMATS}


def test_data_of_another_kind_is_answered_with_what_it_can_be_written_as() -> None:
    wanted = writer("preference")
    head = [Row({"question": "q", "answer": "a"}, "a.jsonl", 1)]
    with pytest.raises(DataError) as caught:
        recognise(
            head, columns={}, kinds=wanted.kinds, refusal=wanted.refusal, advice=wanted.advice
        )
    assert "which cannot be written as preference" in caught.value.message
    assert caught.value.hint.startswith("write it as messages or sharegpt or alpaca")
