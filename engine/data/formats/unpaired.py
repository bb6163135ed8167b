"""Unpaired preference: an answer, and whether it is a good one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.data.checks import Unusable
from engine.data.conversation import (
    check_order,
    declared_extras,
    messages_of,
    with_system,
)
from engine.data.formats.becoming import text_or_messages
from engine.data.formats.format import Columns, all_there
from engine.data.formats.prompt_completion import completion_of, plain_prompt, prompt_of
from engine.data.kinds import Canonical
from engine.data.row import Values, kind_of


@dataclass(frozen=True)
class Unpaired(Columns):
    """`prompt`, `completion` and `label` (true or false)."""

    name: ClassVar[str] = "unpaired"
    kinds: ClassVar[tuple[str, ...]] = ("unpaired",)
    required: ClassVar[tuple[str, ...]] = ("prompt", "completion", "label")
    optional: ClassVar[tuple[str, ...]] = ("system", "tools")

    def matches(self, rows: Sequence[Values]) -> bool:
        """A label that is a name or a number is another kind of label."""
        return all_there(self.required, rows) and _labelled(rows)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """Prompt and completion as those of an exchange."""
        label = _label(values.get("label"))
        prompt, completion = values.get("prompt"), values.get("completion")
        more = declared_extras(values)
        asked = prompt_of(values, prompt, "prompt")
        answered = completion_of(completion, "completion", "the answer (completion)")
        check_order([*asked, *answered], "prompt and completion")
        if not chat and isinstance(prompt, str) and isinstance(completion, str):
            ready: Any = plain_prompt(values, prompt)
            return {"prompt": ready, "completion": completion, "label": label, **more}
        ready, reply, more = text_or_messages(asked, answered, more, chat=chat)
        return {"prompt": ready, "completion": reply, "label": label, **more}


@dataclass(frozen=True)
class LabelledConversation(Columns):
    """A conversation in either shape whose last answer the `label` judges, as LLaMA-Factory writes it."""

    column: str = "messages"

    name: ClassVar[str] = "unpaired"
    kinds: ClassVar[tuple[str, ...]] = ("unpaired",)
    optional: ClassVar[tuple[str, ...]] = ("system", "tools")

    @property
    def required(self) -> tuple[str, ...]:
        return (self.column, "label")

    def matches(self, rows: Sequence[Values]) -> bool:
        return all_there(self.required, rows) and _labelled(rows)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """What comes before the last answer is the prompt."""
        label = _label(values.get("label"))
        messages = with_system(values, messages_of(values.get(self.column), self.column))
        check_order(messages, self.column)
        if messages[-1]["role"] != "assistant":
            raise Unusable(f"{self.column} does not end with an answer of the assistant")
        more = declared_extras(values)
        prompt, completion, more = text_or_messages(messages[:-1], messages[-1:], more, chat=chat)
        return {"prompt": prompt, "completion": completion, "label": label, **more}


def _labelled(rows: Sequence[Values]) -> bool:
    return any(isinstance(row.get("label"), bool) for row in rows)


def _label(value: object) -> bool:
    if not isinstance(value, bool):
        raise Unusable(f"label is {kind_of(value)}, not true or false")
    return value
