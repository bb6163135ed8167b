"""A row as what is said in it, one turn after another, whatever its kind."""

from collections.abc import Sequence
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
_IDS = ("input_ids", "labels")


def turns(row: Canonical) -> list[Turn]:
    """Everything that is said in a row; token ids say nothing."""
    found = []
    for name, value in row.items():
        if isinstance(value, str):
            found.append(Turn("", value, name))
        elif isinstance(value, bool):
            found.append(Turn("", "yes" if value else "no", name))
        elif isinstance(value, list) and name not in _IDS:
            found += [Turn(*_said(one), name) for one in value if isinstance(one, dict)]
    return found


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


def characters(row: Canonical, said: Sequence[Turn]) -> int:
    """How long a row is in which this is said: its characters, or its tokens where it is tokenised."""
    ids = row.get("input_ids")
    return len(ids) if ids is not None else sum(len(turn.text) for turn in said)


def _said(message: dict[str, Any]) -> tuple[str, str]:
    """Role and words of a message: what it thinks, says and calls."""
    role, words = message.get("role", ""), message.get("content") or ""
    if "reasoning_content" in message or "tool_calls" in message:
        thought = message.get("reasoning_content")
        calls = [str(call) for call in message.get("tool_calls") or ()]
        words = "\n".join(part for part in (thought, words, *calls) if part)
    return role, words
