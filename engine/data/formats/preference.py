"""Preference: the chosen and the rejected answer to one prompt."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from engine.data.checks import Unusable, filled_text, is_list, optional_text
from engine.data.conversation import (
    Message,
    check_order,
    declared_extras,
    message_of,
    messages_of,
    user,
    with_system,
)
from engine.data.formats.alpaca import as_alpaca_text, question
from engine.data.formats.becoming import text_or_messages
from engine.data.formats.format import Columns, all_there, is_answered
from engine.data.formats.prompt_completion import completion_of, plain_prompt
from engine.data.kinds import Canonical
from engine.data.row import Values

_SIDES = ("chosen", "rejected")
_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):")


@dataclass(frozen=True)
class Preference(Columns):
    """`chosen` and `rejected`: texts, lists of messages, or single ones; a column with the prompt."""

    column: str = "prompt"
    """The prompt: text or messages of either shape."""

    name: ClassVar[str] = "preference"
    kinds: ClassVar[tuple[str, ...]] = ("preference",)

    @property
    def required(self) -> tuple[str, ...]:
        return (self.column, *_SIDES)

    def matches(self, rows: Sequence[Values]) -> bool:
        """Messages that end with an answer are no prompt."""
        return all_there(self.required, rows) and not is_answered(self.column, rows)

    @property
    def optional(self) -> tuple[str, ...]:
        """An instruction may have an input."""
        return ("input", "system", "tools") if self.column == "instruction" else ("system", "tools")

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """Answers that repeat the prompt, as some data write them, are cut to the answer."""
        given = values.get(self.column)
        texts = isinstance(given, str)
        instruction = filled_text(given, self.column) if not is_list(given) else ""
        extra = ""
        if texts and self.column == "instruction":
            extra = optional_text(values.get("input"), "input")
        asked = with_system(
            values,
            [user(question(instruction, extra))] if texts else messages_of(given, self.column),
        )
        sides = [_without_prompt(values.get(side), asked, side) for side in _SIDES]
        plain = "" if chat or not texts else self._plain(values, instruction, extra)
        if plain and all(isinstance(values.get(side), str) for side in _SIDES):
            _check_sides(asked, sides, self.column)
            return {"prompt": plain, **{side: values[side] for side in _SIDES}}
        return _preferred(values, asked, sides, self.column, chat=chat)

    def _plain(self, values: Values, text: str, given: str) -> str:
        """The prompt of a model without a chat template, where it is not marked as a question."""
        if self.column == "instruction":
            return as_alpaca_text(text, given, system=values.get("system") or "")
        return plain_prompt(values, text) if self.column == "prompt" else ""


@dataclass(frozen=True)
class ImplicitPreference(Columns):
    """`chosen` and `rejected` are whole conversations; what they begin with in common is the prompt.

    Each is a list of messages, or a text of turns that begin with `Human:` and `Assistant:`.
    """

    name: ClassVar[str] = "preference"
    kinds: ClassVar[tuple[str, ...]] = ("preference",)
    required: ClassVar[tuple[str, ...]] = _SIDES
    optional: ClassVar[tuple[str, ...]] = ("system", "tools")

    def matches(self, rows: Sequence[Values]) -> bool:
        return all_there(self.required, rows)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """The conversations are divided before the first message that differs."""
        chosen, rejected = (_whole(values.get(side), side) for side in _SIDES)
        shared = _shared(chosen, rejected)
        if not shared:
            raise Unusable("chosen and rejected begin with different messages: there is no prompt")
        prompt = with_system(values, chosen[:shared])
        rest = [chosen[shared:], rejected[shared:]]
        return _preferred(values, prompt, rest, "chosen and rejected", chat=chat)


def _whole(value: object, side: str) -> list[Message]:
    """A whole conversation: messages, or a transcript with turns marked as Anthropic's data mark them."""
    if is_list(value):
        return messages_of(value, side)
    turns = _TURN.split(value) if isinstance(value, str) else []
    if len(turns) < 3 or turns[0].strip():
        raise Unusable(
            f"{side} is not a list of messages, and there is no prompt: "
            "name its column with data.columns: {prompt: COLUMN}"
        )
    speakers = {"Human": "user", "Assistant": "assistant"}
    said = zip(turns[1::2], turns[2::2], strict=True)
    return messages_of(
        [{"role": speakers[who], "content": text.strip()} for who, text in said], side
    )


def _shared(chosen: list[Message], rejected: list[Message]) -> int:
    """How many messages both begin with."""
    pairs = zip(chosen, rejected, strict=False)
    return next(
        (index for index, (one, other) in enumerate(pairs) if one != other),
        min(len(chosen), len(rejected)),
    )


def _without_prompt(value: object, prompt: list[Message], side: str) -> list[Message]:
    """One side as messages of the answer alone."""
    if isinstance(value, Mapping):
        return [message_of(value, side)]
    if not is_list(value):
        return completion_of(value, side, f"the {side} answer")
    messages = messages_of(value, side)
    for repeated in (prompt, [one for one in prompt if one["role"] != "system"]):
        if repeated and messages[: len(repeated)] == repeated:
            return messages[len(repeated) :]
    return messages


def _preferred(
    values: Values,
    prompt: list[Message],
    sides: Sequence[list[Message]],
    what: str,
    *,
    chat: bool,
) -> Canonical:
    _check_sides(prompt, sides, what)
    more = declared_extras(values)
    chosen, rejected = sides
    asked, good, rest = text_or_messages(prompt, chosen, more, chat=chat)
    _, bad, _ = text_or_messages(prompt, rejected, more, chat=chat)
    return {"prompt": asked, "chosen": good, "rejected": bad, **rest}


def _check_sides(prompt: list[Message], sides: Sequence[list[Message]], what: str) -> None:
    for side, answered in zip(_SIDES, sides, strict=True):
        if not answered:
            raise Unusable(f"{side} holds no answer, only the prompt")
        if any(message["role"] not in ("assistant", "tool") for message in answered):
            raise Unusable(f"{side} holds a message after the prompt that is not the assistant's")
        check_order([*prompt, *answered], f"the prompt with {side}")
    if prompt[-1]["role"] not in ("user", "tool"):
        raise Unusable(f"the prompt ({what}) does not end with a user message")
    if sides[0] == sides[1]:
        raise Unusable("chosen and rejected are the same: there is nothing to prefer")
