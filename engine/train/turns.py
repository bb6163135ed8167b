"""Conversations as the text that a chat template makes of them, and which of its characters are learned.

A template that marks what the assistant says is believed. For one that does not, a turn is what the rendering
with it has more than the rendering before it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import render_jinja_template

from engine.errors import DataError
from engine.train.template import Template

Messages = Sequence[Mapping[str, Any]]
Span = tuple[int, int]
"""First character, and the one behind the last."""

USE_CHATML = "use a template that knows them, or model.chat_template: chatml"


@dataclass(frozen=True)
class Conversation:
    """One conversation as text."""

    text: str
    spans: tuple[Span, ...]
    """What the assistant says, in order."""

    @property
    def spoken(self) -> str:
        """What the assistant says."""
        return "\n".join(self.text[start:end] for start, end in self.spans)

    def after(self, prompt: str) -> "Conversation":
        """Nothing of the prompt is learned, which is where both begin alike."""
        begin = alike(prompt, self.text)
        spans = ((max(start, begin), end) for start, end in self.spans)
        return Conversation(self.text, tuple((start, end) for start, end in spans if start < end))


class Turns:
    """Renders conversations with one template."""

    def __init__(self, template: Template, special_tokens: Mapping[str, str]) -> None:
        self._template = template
        self._special_tokens = dict(special_tokens)

    def prompt(self, messages: Messages, tools: str | None = None) -> str:
        """What the model is given before it answers.

        Raises:
            DataError: the template refuses these messages.
        """
        return self._refusing(lambda: self._text(messages, tools, prompt=True))

    def conversation(self, messages: Messages, tools: str | None = None) -> Conversation:
        """All messages, with what the assistant says.

        Raises:
            DataError: the template refuses these messages, or leaves out what they say.
        """
        make = self._marked if self._template.marks else self._compared
        made = self._refusing(lambda: make(messages, tools))
        if (what := left_out(messages, tools, made)) is not None:
            raise DataError(f"the chat template leaves out {what}", USE_CHATML)
        return made

    def _refusing(self, make: Any) -> Any:
        try:
            return make()
        except (TemplateError, TypeError, ValueError) as error:
            reason = str(error).strip().splitlines()
            raise DataError(
                f"the chat template refuses it: {reason[0][:200] if reason else type(error).__name__}",
                "correct the roles and their order, or use model.chat_template: chatml",
            ) from error

    def _marked(self, messages: Messages, tools: str | None) -> Conversation:
        texts, spans = self._rendered(messages, tools, return_assistant_tokens_mask=True)
        return Conversation(texts[0], tuple((start, end) for start, end in spans[0] if start < end))

    def _compared(self, messages: Messages, tools: str | None) -> Conversation:
        """A turn that reads otherwise once others follow it is not learned: some templates drop the
        reasoning of all but the last answer."""
        whole = self._text(messages, tools)
        found = (
            self._span(whole, messages, index, tools)
            for index, message in enumerate(messages)
            if message["role"] == "assistant"
        )
        return Conversation(whole, tuple(span for span in found if span is not None))

    def _span(self, whole: str, messages: Messages, index: int, tools: str | None) -> Span | None:
        """Where the turn at `index` stands in the whole text, with the end of its turn if it has one."""
        start = alike(whole, self._beginning(messages[:index], tools))
        turn = self._text(messages[: index + 1], tools)
        if whole.startswith(turn):
            return start, max(start, len(turn.rstrip()))
        same = alike(whole, turn)
        said = str(messages[index]["content"]).strip()
        at = whole.find(said, start, same) if said else -1
        return (start, at + len(said)) if at >= 0 else None

    def _beginning(self, messages: Messages, tools: str | None) -> str:
        """What stands before an answer; a template that cannot say it of no messages begins with nothing."""
        try:
            return self._text(messages, tools, prompt=True)
        except (TemplateError, TypeError, ValueError, IndexError):
            if messages:
                raise
            return ""

    def _text(self, messages: Messages, tools: str | None, *, prompt: bool = False) -> str:
        text: str = self._rendered(messages, tools, add_generation_prompt=prompt)[0][0]
        return text

    def _rendered(self, messages: Messages, tools: str | None, **options: bool) -> tuple[Any, Any]:
        """Text and marks as `apply_chat_template` makes them, which gives only the tokens away."""
        return render_jinja_template(
            conversations=[list(messages)],
            tools=json.loads(tools) if tools else None,
            chat_template=self._template.jinja,
            **options,
            **self._special_tokens,
        )


def alike(first: Sequence[Any], second: Sequence[Any]) -> int:
    """How much two sequences share at their beginning."""
    length = min(len(first), len(second))
    if first[:length] == second[:length]:
        return length
    return next(i for i in range(length) if first[i] != second[i])


def left_out(messages: Messages, tools: str | None, made: Conversation) -> str | None:
    """What of a conversation a template has not rendered, in words; None where all is there.

    Reasoning of earlier turns may be dropped: models that reason are trained so.
    """
    last = max((i for i, m in enumerate(messages) if m["role"] == "assistant"), default=-1)
    for index, message in enumerate(messages):
        role, text = message["role"], made.spoken if index == last else made.text
        if role == "assistant":
            answered = all(m["role"] != "user" for m in messages[index:])
            if (what := _unsaid(message, text, reasoning=index == last and answered)) is not None:
                return what
        elif not _appears(str(message["content"]).strip(), made.text):
            return f"a message of the {role}"
    declared = [str(_function(tool).get("name", "")) for tool in json.loads(tools or "[]")]
    if any(name not in made.text for name in declared):
        return "the tools that the row declares"
    return None


def _unsaid(message: Mapping[str, Any], text: str, *, reasoning: bool) -> str | None:
    """What of an assistant's message is missing in what is said."""
    if str(message["content"]).rpartition("</think>")[2].strip() not in text:
        return "what the assistant answers"
    calls = message.get("tool_calls") or []
    if any(str(_function(call).get("name", "")) not in text for call in calls):
        return "the assistant's tool calls"
    if reasoning and str(message.get("reasoning_content") or "").strip() not in text:
        return "the assistant's reasoning_content"
    return None


def _function(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool or a call, with or without OpenAI's envelope."""
    inner: Mapping[str, Any] = value.get("function") or value
    return inner


def _appears(content: str, text: str) -> bool:
    """Whether a message is there: as it is, as JSON, or without a switch (`/think`) in it or at its ends."""
    seen = (content, json.dumps(content, ensure_ascii=False)[1:-1], content[:20], content[-20:])
    return any(part in text for part in seen)
