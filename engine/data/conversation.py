"""The rules of a conversation: which messages can be learned from, in which order, and as plain text.

Messages are read in OpenAI's shape (`role`, `content`) and in ShareGPT's (`from`, `value`).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from engine.data.checks import (
    Unusable,
    a_text,
    as_json,
    filled_text,
    flag,
    is_list,
    listed_keys,
    optional_text,
)
from engine.data.row import Values, kind_of, printable
from engine.data.tools import called, calls, declared

Message = dict[str, Any]
"""`role` (system, user, assistant or tool) and `content`, and where the data has them the keys that
`engine.data.kinds` names."""

FUNCTION_CALL = "function_call"

SPEAKERS: Mapping[str, str] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    FUNCTION_CALL: "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
"""Whoever speaks -> the role in a canonical message; `developer` is OpenAI's newer name of `system`."""

EXTRAS = ("system", "tools", "unmask")
"""Columns that a row may have beside its conversation."""

_REASONING = ("reasoning_content", "thinking", "reasoning")
_LEARNING = ("weight", "train", "trainable", "loss")
"""Keys by which other tools leave a message out of the loss; refused rather than dropped in silence."""

_LABELS = {"system": "", "user": "User: ", "assistant": "Assistant: ", "tool": "Tool: "}


# --- messages -------------------------------------------------------------------------------------


def messages_of(value: object, what: str) -> list[Message]:
    """A list of messages, whatever their order."""
    if not is_list(value):
        raise Unusable(f"{what} is {kind_of(value)}, not a list of messages")
    if not value:
        raise Unusable(f"{what} is an empty list")
    return [message_of(item, f"{what}[{index}]") for index, item in enumerate(value)]


def message_of(item: object, what: str) -> Message:
    """One message by itself."""
    speaker, said = _speaker(item, what)
    assert isinstance(item, Mapping)
    _check_learning(item, SPEAKERS[speaker] == "assistant", what)
    if speaker == FUNCTION_CALL:
        return called(said, what)
    role = SPEAKERS[speaker]
    match role:
        case "assistant":
            return _answer(item, said, what)
        case "tool":
            named = {key: str(item[key]) for key in ("name", "tool_call_id") if item.get(key)}
            return {"role": role, "content": _result(said, what)} | named
        case "system":
            return {"role": role, "content": a_text(_joined(said, what), f"the content of {what}")}
    return {"role": role, "content": filled_text(_joined(said, what), f"the content of {what}")}


def _speaker(item: object, what: str) -> tuple[str, object]:
    """Who speaks, by a name of `SPEAKERS`, and what is said."""
    if not isinstance(item, Mapping):
        raise Unusable(f"{what} is {kind_of(item)}, not an object with role and content")
    who, content = (
        ("from", "value") if "from" in item and "role" not in item else ("role", "content")
    )
    called_upon = item.get("tool_calls") or item.get("function_call")
    for key in (who,) if called_upon else (who, content):
        if key not in item:
            raise Unusable(f"{what} has no {key!r}, only {listed_keys(item)}")
    speaker = item[who]
    if not isinstance(speaker, str) or speaker not in SPEAKERS:
        shown = printable(str(speaker), 40)
        if who == "from":
            known = "human, gpt, system, function_call, observation"
            raise Unusable(f"{what} is from {shown!r}; known: {known}")
        raise Unusable(f"{what} has the role {shown!r}; known: system, user, assistant, tool")
    return speaker, item.get(content)


def _check_learning(item: Mapping[str, Any], answers: bool, what: str) -> None:
    """Refuse what says otherwise than that answers are learned, and nothing else is."""
    for key in _LEARNING:
        value = item.get(key)
        agrees = value in (None, 1) if answers else value in (None, 0) or key == "weight"
        if not agrees:  # True equals 1
            raise Unusable(
                f"{what} has {key!r}, which is not supported: an answer is learned or left out"
            )


def _answer(item: Mapping[str, Any], said: object, what: str) -> Message:
    made: Message = {"role": "assistant", "content": ""}
    thoughts = {optional_text(item.get(key), f"{key} of {what}") for key in _REASONING} - {""}
    if len(thoughts) > 1:
        raise Unusable(f"{what} has two different thoughts: {listed_keys(item)}")
    if thoughts:
        made["reasoning_content"] = thoughts.pop()
    if item.get("tool_calls"):
        made["tool_calls"] = calls(item["tool_calls"], f"tool_calls of {what}")
    elif item.get("function_call"):
        made["tool_calls"] = calls([item["function_call"]], f"function_call of {what}")
    if "tool_calls" not in made:
        made["content"] = filled_text(_joined(said, what), f"the answer of {what}")
    elif said is not None:
        made["content"] = a_text(_joined(said, what), f"the answer of {what}")
    return made


def _joined(said: object, what: str) -> object:
    """The text of a content that is written in parts, as OpenAI's API takes it; else the content."""
    if not is_list(said) or not said:
        return said
    parts: list[str] = []
    for part in said:
        if not isinstance(part, Mapping) or "type" not in part:
            return said
        if part["type"] != "text":
            kind = printable(str(part["type"]), 40)
            raise Unusable(f"{what} holds a part of the type {kind!r}: only text is trained")
        parts.append(a_text(part.get("text"), f"a part of {what}"))
    return "".join(parts)


def _result(said: object, what: str) -> str:
    """What a tool answered: text, or JSON that becomes text."""
    said = _joined(said, what)
    if isinstance(said, Mapping) or is_list(said):
        return as_json(said, f"the content of {what}")
    return a_text(said, f"the content of {what}")


# --- conversations --------------------------------------------------------------------------------


def with_system(values: Values, messages: list[Message]) -> list[Message]:
    """The messages after the text of the row's column `system`, where there is one."""
    text = optional_text(values.get("system"), "system")
    if not text:
        return messages
    if messages and messages[0]["role"] == "system":
        raise Unusable("there is a column system, and the first message is a system message too")
    return [{"role": "system", "content": text}, *messages]


def check_order(messages: Sequence[Message], what: str, *, answered: bool = True) -> None:
    """Refuse roles that cannot follow each other, and a conversation without an answer."""
    roles = [message["role"] for message in messages]
    if "system" in roles[1:]:
        raise Unusable(f"{what} has a system message that is not the first")
    turns = [role for role in roles if role != "system"]
    if answered and "assistant" not in turns:
        raise Unusable(f"{what} has no assistant message: there is no answer to learn")
    if turns and turns[0] == "assistant":
        raise Unusable(f"{what} begins with an assistant message; a user message must come first")
    for index, role in enumerate(roles):
        if role == "tool" and not _may_be_answered(messages[index - 1] if index else None):
            raise Unusable(f"{what}[{index}] is a tool's, and no tool call comes before it")


def _may_be_answered(before: Message | None) -> bool:
    """Whether a tool may speak after this message; some data write their calls into the text."""
    if before is None:
        return False
    if before["role"] == "tool" or before.get("tool_calls"):
        return True
    return before["role"] == "assistant" and "<tool_call>" in before["content"]


def extras(values: Values) -> dict[str, Any]:
    """`tools` and `unmask` of a row, where they say something."""
    unmask = flag(values.get("unmask"), "unmask")
    return declared_extras(values) | ({"unmask": True} if unmask else {})


def declared_extras(values: Values) -> dict[str, Any]:
    """`tools` of a row, where there are any."""
    tools = declared(values.get("tools"))
    return {"tools": tools} if tools else {}


def user(content: str) -> Message:
    """What somebody asked."""
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    """What was answered."""
    return {"role": "assistant", "content": content}


# --- without a chat template ----------------------------------------------------------------------


def as_text(messages: Sequence[Message], tools: str | None = None) -> tuple[str, str]:
    """Prompt and last answer of a conversation as labelled text.

    Only the last answer becomes the completion: earlier ones are read, not learned.
    """
    answers = [i for i, message in enumerate(messages) if message["role"] == "assistant"]
    if not answers:
        return "", labelled(messages, tools)
    return prompt_text(messages[: answers[-1]], tools), answer_text([messages[answers[-1]]])


def prompt_text(messages: Sequence[Message], tools: str | None = None) -> str:
    """Messages as labelled text that waits for an answer."""
    return "\n\n".join([*filter(None, [labelled(messages, tools)]), "Assistant:"])


def answer_text(messages: Sequence[Message]) -> str:
    """What follows such a prompt: an answer, and whatever comes after it."""
    return " " + "\n\n".join([said_in(messages[0]), *filter(None, [labelled(messages[1:])])])


def labelled(messages: Sequence[Message], tools: str | None = None) -> str:
    """Messages as text, each after a word for who speaks."""
    before = [f"Tools: {tools}"] if tools else []
    return "\n\n".join(
        [*before, *(_LABELS[message["role"]] + said_in(message) for message in messages)]
    )


def said_in(message: Message) -> str:
    """A message's content with its reasoning and its calls, marked as most templates mark them."""
    thought = message.get("reasoning_content")
    parts = [f"<think>\n{thought}\n</think>"] if thought else []
    parts += [message["content"]] if message["content"] else []
    for call in message.get("tool_calls", ()):
        text = json.dumps(call["function"], ensure_ascii=False)
        parts.append(f"<tool_call>\n{text}\n</tool_call>")
    return "\n\n".join(parts)
