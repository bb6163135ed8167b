"""Canonical rows as another format, for `tunedeck data convert`: what it cannot hold is refused, not dropped.

What is written reads back as the same row. Rows are the ones for a chat model: their prompts, completions and
answers are messages.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.data.checks import Unusable, as_json
from engine.data.conversation import Message
from engine.data.formats import Format
from engine.data.kinds import Canonical
from engine.errors import DataError, UsageError

_SPEAKERS: Mapping[str, str] = {
    "system": "system",
    "user": "human",
    "assistant": "gpt",
    "tool": "observation",
}
_PLAIN = frozenset({"role", "content"})


@dataclass(frozen=True)
class Writer:
    """Writes rows in one format."""

    name: str
    """The format's, as in `data.format`."""

    kinds: tuple[str, ...]
    """The kinds of rows that it can write."""

    make: Callable[[Canonical, bool], dict[str, Any]]

    def write(self, row: Canonical, where: str, *, conversational: bool = False) -> dict[str, Any]:
        """The row under this format's columns; `conversational` keeps prompts and answers as messages
        where the format has text for them otherwise.

        Raises:
            DataError: something of the row would be lost; begins with `where`.
        """
        try:
            return self.make(row, conversational)
        except Unusable as problem:
            raise DataError(
                f"{where}: cannot be written as {self.name}: {problem}",
                "write messages, which hold everything that is said (--to messages)"
                if self.name in ("sharegpt", "alpaca")
                else "write the prompts and answers as messages (--conversational)"
                if not conversational and self.name in _TEXTS_OR_MESSAGES
                else "take the row out, or write another format",
            ) from None

    @property
    def refusal(self) -> str:
        """How a sentence about data of other kinds ends."""
        return f"which cannot be written as {self.name}"

    def advice(self, found: Format) -> str:
        """What such data can be written as instead."""
        able = [one.name for one in WRITERS.values() if {*one.kinds} & {*found.kinds}]
        return f"write it as {' or '.join(able)} (--to)"


def writer(name: str) -> Writer:
    """The writer of a format.

    Raises:
        UsageError: there is none of that name; names the nearest.
    """
    found = WRITERS.get(name)
    if found is None:
        near = difflib.get_close_matches(name, WRITERS, n=1, cutoff=0.4)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"there is no format {name!r} to write", f"{meant}known: {', '.join(WRITERS)}"
        )
    return found


# --- conversations --------------------------------------------------------------------------------


def _messages(row: Canonical, conversational: bool) -> dict[str, Any]:
    return {"messages": [_in_json(one) for one in _conversation(row)], **_beside(row)}


def _sharegpt(row: Canonical, conversational: bool) -> dict[str, Any]:
    messages = _conversation(row)
    _check_call_ids(messages)
    said = [{"from": speaker, "value": value} for speaker, value in map(_spoken, messages)]
    return {"conversations": said, **_beside(row)}


def _conversation(row: Canonical) -> list[Message]:
    """All messages, where each of the assistant's is learned."""
    if "messages" in row:
        return list(row["messages"])
    earlier = _answers(row["prompt"])
    if earlier and not row.get("unmask"):
        raise Unusable(
            f"{_earlier(earlier)} in the prompt, which is not learned; in a conversation it would be"
        )
    return [*row["prompt"], *row["completion"]]


def _spoken(message: Message) -> tuple[str, str]:
    if message["role"] != "assistant" or "tool_calls" not in message:
        if "reasoning_content" in message:
            raise Unusable("it has no place for the reasoning of an answer")
        return _SPEAKERS[message["role"]], message["content"]
    if message["content"]:
        raise Unusable("it has no place for text beside a tool call")
    thought = message.get("reasoning_content")
    calls = [call["function"] for call in message["tool_calls"]]
    text = as_json(calls[0] if len(calls) == 1 else calls, "a tool call")
    return "function_call", f"<think>\n{thought}\n</think>\n\n{text}" if thought else text


def _check_call_ids(messages: Sequence[Message]) -> None:
    """Names and ids of calls may go where the tools answer in the order in which they were called."""
    waiting: list[tuple[str | None, str]] = []
    for message in messages:
        if message["role"] != "tool":
            waiting = [
                (call.get("id"), call["function"]["name"]) for call in message.get("tool_calls", ())
            ]
            continue
        call_id, name = waiting.pop(0) if waiting else (None, None)
        if message.get("tool_call_id", call_id) != call_id or message.get("name", name) != name:
            raise Unusable(
                "it has no place for which call a tool answers, and they are not in order"
            )


def _in_json(message: Message) -> dict[str, Any]:
    """A message whose arguments are JSON text, as OpenAI's API has it: a column of one type holds them."""
    if "tool_calls" not in message:
        return dict(message)
    made = [
        {
            **call,
            "function": {
                **call["function"],
                "arguments": as_json(call["function"]["arguments"], "arguments"),
            },
        }
        for call in message["tool_calls"]
    ]
    return {**message, "tool_calls": made}


def _beside(row: Canonical) -> dict[str, Any]:
    return {name: row[name] for name in ("tools", "unmask") if row.get(name)}


# --- exchanges ------------------------------------------------------------------------------------


def _alpaca(row: Canonical, conversational: bool) -> dict[str, Any]:
    prompt, completion = _exchange(row)
    if row.get("tools"):
        raise Unusable("it has no place for tools")
    system, turns = _system(prompt)
    roles = [message["role"] for message in turns]
    if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
        raise Unusable("its history is pairs of a question and an answer, and these turns are not")
    said = [_text(message) for message in turns]
    history = [[said[index], said[index + 1]] for index in range(0, len(said) - 1, 2)]
    made: dict[str, Any] = {"instruction": said[-1], "input": "", "output": _only(completion)}
    made |= {"system": system} if system else {}
    made |= {"history": history} if history else {}
    return made | _beside(row)


def _prompt_completion(row: Canonical, conversational: bool) -> dict[str, Any]:
    prompt, completion = _exchange(row)
    if conversational:
        return {"prompt": _all(prompt), "completion": _all(completion), **_beside(row)}
    return {**_asked(prompt), "completion": _only(completion), **_beside(row)}


def _exchange(row: Canonical) -> tuple[list[Message], list[Message]]:
    """The prompt, and the one answer that is learned."""
    if "messages" not in row:
        return row["prompt"], row["completion"]
    messages = row["messages"]
    answers = _answers(messages)
    if not answers or messages[-1]["role"] != "assistant":
        raise Unusable("the conversation does not end with an answer")
    if answers > 1 and not row.get("unmask"):
        raise Unusable(
            f"{_earlier(answers - 1)} before the last, which would not be learned any more"
        )
    return messages[:-1], messages[-1:]


# --- judged answers, questions, the rest ----------------------------------------------------------


def _preference(row: Canonical, conversational: bool) -> dict[str, Any]:
    if conversational:
        parts = {name: _all(row[name]) for name in ("prompt", "chosen", "rejected")}
        return {**parts, **_beside(row)}
    sides = {name: _only(row[name]) for name in ("chosen", "rejected")}
    return {**_asked(row["prompt"]), **sides, **_beside(row)}


def _unpaired(row: Canonical, conversational: bool) -> dict[str, Any]:
    return {**_prompt_completion(row, conversational), "label": row["label"]}


def _question(row: Canonical, conversational: bool) -> dict[str, Any]:
    asked = {"prompt": _all(row["prompt"])} if conversational else _asked(row["prompt"])
    return {**asked, **({"answer": row["answer"]} if row["answer"] else {}), **_beside(row)}


def _columns(row: Canonical, conversational: bool) -> dict[str, Any]:
    return dict(row)


def _all(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [_in_json(message) for message in messages]


def _asked(prompt: Sequence[Message]) -> dict[str, Any]:
    """A prompt as text, and its system text."""
    system, turns = _system(prompt)
    if len(turns) != 1:
        raise Unusable(f"the prompt is {len(turns)} messages, not one text")
    return {"prompt": _text(turns[0]), **({"system": system} if system else {})}


def _only(completion: Sequence[Message]) -> str:
    if len(completion) != 1:
        raise Unusable(f"the answer is {len(completion)} messages, not one text")
    return _text(completion[0])


def _text(message: Message) -> str:
    """What a message says, where it is nothing but text."""
    more = sorted(set(message) - _PLAIN)
    if more:
        raise Unusable(f"it has no place for {' and '.join(more)}")
    content: str = message["content"]
    return content


def _system(prompt: Sequence[Message]) -> tuple[str, list[Message]]:
    """The system text and the messages after it."""
    turns = list(prompt)
    if not turns or turns[0]["role"] != "system":
        return "", turns
    system = turns.pop(0)["content"]
    if not system.strip():
        raise Unusable("it has no place for a system message without a text")
    return system, turns


def _answers(messages: Sequence[Message]) -> int:
    return sum(message["role"] == "assistant" for message in messages)


def _earlier(count: int) -> str:
    return "there is an answer" if count == 1 else f"there are {count} answers"


_TEXTS_OR_MESSAGES = ("prompt-completion", "preference", "unpaired", "question")

WRITERS: Mapping[str, Writer] = {
    each.name: each
    for each in (
        Writer("messages", ("conversation", "exchange"), _messages),
        Writer("sharegpt", ("conversation", "exchange"), _sharegpt),
        Writer("alpaca", ("exchange", "conversation"), _alpaca),
        Writer("prompt-completion", ("exchange", "conversation"), _prompt_completion),
        Writer("preference", ("preference",), _preference),
        Writer("unpaired", ("unpaired",), _unpaired),
        Writer("question", ("question",), _question),
        Writer("text", ("text",), _columns),
        Writer("tokenised", ("tokenised",), _columns),
    )
}
"""Every format that can be written, by name."""
