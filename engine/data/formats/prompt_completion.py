"""Prompt and completion: texts, or messages of either shape."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.data.checks import Unusable, filled_text, is_list
from engine.data.conversation import (
    EXTRAS,
    Message,
    assistant,
    check_order,
    extras,
    message_of,
    messages_of,
    user,
    with_system,
)
from engine.data.formats.becoming import exchange_as, text_or_messages
from engine.data.formats.format import Columns
from engine.data.kinds import Canonical
from engine.data.row import Values


@dataclass(frozen=True)
class PromptCompletion(Columns):
    """`prompt` and `completion`; beside them `system`, `tools` and `unmask`."""

    name: ClassVar[str] = "prompt-completion"
    kinds: ClassVar[tuple[str, ...]] = ("exchange", "question")
    required: ClassVar[tuple[str, ...]] = ("prompt", "completion")
    optional: ClassVar[tuple[str, ...]] = EXTRAS

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """Text stays as it is where there is no chat template: nothing is put between the two."""
        prompt, completion = values.get("prompt"), values.get("completion")
        more = extras(values)
        asked = prompt_of(values, prompt, "prompt")
        answered = completion_of(completion, "completion", "the answer (completion)")
        check_order([*asked, *answered], "prompt and completion")
        if not chat and isinstance(prompt, str) and isinstance(completion, str):
            return exchange_as(kind, plain_prompt(values, prompt), completion, more)
        ready, reply, more = text_or_messages(asked, answered, more, chat=chat)
        return exchange_as(kind, ready, reply, more)


def prompt_of(values: Values, prompt: object, what: str) -> list[Message]:
    """A prompt as messages that wait for an answer, after the row's system text."""
    messages = messages_of(prompt, what) if is_list(prompt) else [user(filled_text(prompt, what))]
    asked = with_system(values, messages)
    if asked[-1]["role"] not in ("user", "tool"):
        raise Unusable(f"the {what} does not end with a user message")
    return asked


def completion_of(value: object, what: str, answer: str) -> list[Message]:
    """A completion as messages of the assistant, and of the tools that it called on the way."""
    if isinstance(value, Mapping):
        answered = [message_of(value, what)]
    elif is_list(value):
        answered = messages_of(value, what)
    else:
        answered = [assistant(filled_text(value, answer))]
    roles: list[Any] = [message["role"] for message in answered]
    if roles[0] != "assistant" or roles[-1] != "assistant" or not {*roles} <= {"assistant", "tool"}:
        raise Unusable(f"the {what} holds a message that is not the assistant's")
    return answered


def plain_prompt(values: Values, prompt: str) -> str:
    """A prompt of text after the row's system text."""
    system = values.get("system")
    return f"{system}\n\n{prompt}" if system else prompt
