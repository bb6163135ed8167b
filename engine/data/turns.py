"""A row as what is said in it, one turn after another, whatever its kind."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.data.kinds import Canonical


class Turn(NamedTuple):
    """One message, or one column of text."""

    role: str
    """Who speaks; empty for a column of text."""
    text: str
    column: str

    @property
    def name(self) -> str:
        """Who speaks; the column where that says more: which of two answers it is, or that it is text."""
        return self.column if not self.role or self.column in _ANSWERS else self.role


_ANSWERS = ("chosen", "rejected")


def turns(row: Canonical) -> Iterator[Turn]:
    """Everything that is said in a row; token ids say nothing."""
    for name, value in row.items():
        if isinstance(value, str):
            yield Turn("", value, name)
        elif isinstance(value, bool):
            yield Turn("", "yes" if value else "no", name)
        elif isinstance(value, list | tuple) and name not in ("input_ids", "labels"):
            said = (message for message in value if isinstance(message, Mapping))
            yield from (Turn(*_said(message), name) for message in said)


def question(row: Canonical) -> list[str]:
    """What is asked in a row: the prompt, or the messages before the last answer; [] where nothing is."""
    said = row.get("prompt", row.get("messages"))
    if isinstance(said, str):
        return [said]
    if not isinstance(said, list | tuple):
        return []
    messages = list(said)
    if "prompt" not in row:
        answers = [n for n, one in enumerate(messages) if one.get("role") == "assistant"]
        messages = messages[: answers[-1]] if answers else messages
    return [_said(message)[1] for message in messages]


def characters(row: Canonical) -> int:
    """How long a row is: its characters, or its tokens where it is tokenised."""
    ids = row.get("input_ids")
    if ids is not None:
        return len(ids)
    return sum(len(turn.text) for turn in turns(row))


def _said(message: Mapping[str, Any]) -> tuple[str, str]:
    """Role and words of a message: what it thinks, says and calls."""
    parts = [message.get("reasoning_content"), message.get("content")]
    words = [part for part in parts if isinstance(part, str) and part]
    words += [str(call) for call in message.get("tool_calls") or ()]
    return str(message.get("role", "")), "\n".join(words)
