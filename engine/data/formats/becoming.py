"""Conversations and exchanges as the kind that a method learns from, for every format that holds them."""

from collections.abc import Mapping
from typing import Any

from engine.data.checks import Unusable, filled_text
from engine.data.conversation import Message, answer_text, as_text, prompt_text
from engine.data.kinds import Canonical

Part = list[Message] | str
"""A prompt or a completion: messages, or text for a model without a chat template."""


def conversation_as(
    kind: str, messages: list[Message], extras: Mapping[str, Any], what: str, *, chat: bool
) -> Canonical:
    """A checked conversation; as an exchange or a question, its last answer is what is asked for."""
    if kind == "conversation" and chat:
        return {"messages": messages, **extras}
    if kind != "conversation" and messages[-1]["role"] != "assistant":
        raise Unusable(f"{what} does not end with an answer of the assistant")
    if not chat:
        return exchange_as(kind, *as_text(messages, extras.get("tools")), _flags(extras))
    return exchange_as(kind, messages[:-1], messages[-1:], extras)


def exchange_as(kind: str, prompt: Part, completion: Part, extras: Mapping[str, Any]) -> Canonical:
    """A prompt and its completion, or the question whose answer the completion is.

    Text has no other way to say that all of it is learned than to be completion from its beginning.
    """
    if kind == "question":
        more = {name: value for name, value in extras.items() if name != "unmask"}
        return {"prompt": prompt, "answer": answer_of(completion), **more}
    if extras.get("unmask") and isinstance(prompt, str) and isinstance(completion, str):
        return {"prompt": "", "completion": prompt + completion}
    return {"prompt": prompt, "completion": completion, **extras}


def answer_of(completion: Part) -> str:
    """What is said at the end of a completion, as the text that rewards compare with."""
    if isinstance(completion, str):
        return completion.removeprefix(" ")
    return filled_text(completion[-1]["content"], "the answer (the last message)")


def text_or_messages(
    prompt: list[Message], completion: list[Message], extras: Mapping[str, Any], *, chat: bool
) -> tuple[Part, Part, dict[str, Any]]:
    """Both parts as a chat model takes them, or as labelled text in which the tools are listed too."""
    if chat:
        return prompt, completion, dict(extras)
    return prompt_text(prompt, extras.get("tools")), answer_text(completion), _flags(extras)


def _flags(extras: Mapping[str, Any]) -> dict[str, Any]:
    """What is left to say once the tools are a part of the text."""
    return {name: value for name, value in extras.items() if name != "tools"}
