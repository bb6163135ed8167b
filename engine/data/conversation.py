"""The rules of a conversation: which messages can be learned from, and how they read as text.

Every check returns what is wrong in words, or None.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.data.row import kind_of, printable

Message = dict[str, str]
"""`{"role": "system" | "user" | "assistant", "content": text}`."""

ROLES = ("system", "user", "assistant")

_LABELS = {"system": "", "user": "User: ", "assistant": "Assistant: "}
_NOT_LEARNED_YET = ("tool_calls", "function_call", "weight", "reasoning_content")
"""Keys of a message that change what should be learned: refused rather than dropped in silence."""


def text_problem(value: object, what: str) -> str | None:
    """What keeps a value from being used as text."""
    if not isinstance(value, str):
        return f"{what} is {kind_of(value)}, not text"
    if not value.strip():
        return f"{what} is empty"
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        return f"{what} holds half of a surrogate pair, which no tokenizer accepts"
    return None


def optional_text_problem(value: object, what: str) -> str | None:
    """What keeps a value from being used as text, where null and empty text mean none."""
    return None if value is None or value == "" else text_problem(value, what)


def message_problem(item: object, what: str) -> str | None:
    """What is wrong with one message by itself."""
    if not isinstance(item, Mapping):
        return f"{what} is {kind_of(item)}, not an object with role and content"
    for key in ("role", "content"):
        if key not in item:
            return f"{what} has no {key!r}, only {_names(item)}"
    if item["role"] not in ROLES:
        return (
            f"{what} has the role {printable(str(item['role']), 40)!r}; known: {', '.join(ROLES)}"
        )
    for key in _NOT_LEARNED_YET:
        if item.get(key) is not None and item[key] != []:
            return f"{what} has {key!r}, which is not supported"
    subject = "the answer of " if item["role"] == "assistant" else "the content of "
    return text_problem(item["content"], subject + what)


def messages_problem(items: object, what: str) -> str | None:
    """What is wrong with a list of messages, whatever their order."""
    if not isinstance(items, list | tuple):
        return f"{what} is {kind_of(items)}, not a list of messages"
    if not items:
        return f"{what} is an empty list"
    found = (message_problem(item, f"{what}[{index}]") for index, item in enumerate(items))
    return next((problem for problem in found if problem), None)


def order_problem(roles: Sequence[str], what: str) -> str | None:
    """What is wrong with the order of a whole conversation's roles."""
    if "system" in roles[1:]:
        return f"{what} has a system message that is not the first"
    turns = [role for role in roles if role != "system"]
    if "assistant" not in turns:
        return f"{what} has no assistant message: there is no answer to learn"
    if turns[0] == "assistant":
        return f"{what} begins with an assistant message; a user message must come first"
    return None


def plain(items: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Checked messages with their role and content alone."""
    return [{"role": item["role"], "content": item["content"]} for item in items]


def as_text(messages: Sequence[Message]) -> tuple[str, str]:
    """Prompt and last answer as labelled text, for a model without a chat template.

    Only the last answer becomes the completion: earlier ones are read, not learned.
    """
    last = max(i for i, message in enumerate(messages) if message["role"] == "assistant")
    before = [_LABELS[message["role"]] + message["content"] for message in messages[:last]]
    return "\n\n".join([*before, "Assistant:"]), " " + messages[last]["content"]


def _names(item: Mapping[str, Any]) -> str:
    return ", ".join(printable(str(key), 40) for key in item) or "nothing"
