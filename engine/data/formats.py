"""The formats of training data, one class each: how to know it, what to check, what becomes of it.

A format sees one row's values under our column names; choosing one is `detection`'s work.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from engine.data.conversation import (
    Message,
    as_text,
    messages_problem,
    optional_text_problem,
    order_problem,
    plain,
    text_problem,
)
from engine.data.row import Values, kind_of, printable

Canonical = dict[str, Any]
"""What the trainer gets: `messages`, `prompt` and `completion`, or `text`.

Prompt and completion are lists of messages for a chat model and plain text otherwise.
"""


class Format(Protocol):
    """One way to write training data."""

    @property
    def name(self) -> str:
        """What `data.format` calls it."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that learn from it."""
        ...

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that every row has."""
        ...

    @property
    def optional(self) -> tuple[str, ...]:
        """Columns that a row may have."""
        ...

    def matches(self, rows: Sequence[Values]) -> bool:
        """Whether data that begins with these rows is written this way."""
        ...

    def check(self, row: Values) -> str | None:
        """What keeps the row from being learned from, in words."""
        ...

    def convert(self, row: Values, *, chat: bool) -> Canonical:
        """The checked row as the trainer wants it."""
        ...


@dataclass(frozen=True)
class Messages:
    """A list of role and content, under `messages` or `conversations`."""

    column: str = "messages"

    name: ClassVar[str] = "messages"
    methods: ClassVar[tuple[str, ...]] = ("sft",)
    optional: ClassVar[tuple[str, ...]] = ()

    @property
    def required(self) -> tuple[str, ...]:
        return (self.column,)

    def matches(self, rows: Sequence[Values]) -> bool:
        if self.column == "messages":
            return _all_there(self.required, rows)
        return any(_items_have(row.get(self.column), "role") for row in rows)

    def check(self, row: Values) -> str | None:
        items = row.get(self.column)
        return messages_problem(items, self.column) or order_problem(
            [item["role"] for item in items or ()], self.column
        )

    def convert(self, row: Values, *, chat: bool) -> Canonical:
        return _conversation(plain(row[self.column]), chat=chat)


@dataclass(frozen=True)
class ShareGpt:
    """`conversations`: a list of from and value, said by human, gpt and system."""

    name: ClassVar[str] = "sharegpt"
    methods: ClassVar[tuple[str, ...]] = ("sft",)
    required: ClassVar[tuple[str, ...]] = ("conversations",)
    optional: ClassVar[tuple[str, ...]] = ("system",)

    _ROLES: ClassVar[Mapping[str, str]] = {
        "human": "user",
        "user": "user",
        "gpt": "assistant",
        "assistant": "assistant",
        "system": "system",
    }

    def matches(self, rows: Sequence[Values]) -> bool:
        return _all_there(self.required, rows) and not any(
            _items_have(row["conversations"], "role") for row in rows if "conversations" in row
        )

    def check(self, row: Values) -> str | None:
        items = row.get("conversations")
        if not isinstance(items, list | tuple):
            return f"conversations is {kind_of(items)}, not a list"
        for index, item in enumerate(items):
            if not _is_said(item):
                return f"conversations[{index}] is not an object with from and value"
            if item["from"] not in self._ROLES:
                known = ", ".join(self._ROLES)
                speaker = printable(str(item["from"]), 40)
                return f"conversations[{index}] is from {speaker!r}; known: {known}"
        messages = self._messages(row)
        return (
            optional_text_problem(row.get("system"), "system")
            or messages_problem(messages, "conversations")
            or order_problem([message["role"] for message in messages], "conversations")
        )

    def convert(self, row: Values, *, chat: bool) -> Canonical:
        return _conversation(self._messages(row), chat=chat)

    def _messages(self, row: Values) -> list[Message]:
        said = [
            {"role": self._ROLES[item["from"]], "content": item["value"]}
            for item in row["conversations"]
        ]
        return _system(row) + said


@dataclass(frozen=True)
class Alpaca:
    """`instruction`, `output`, and where there is one an `input` and a `system`."""

    name: ClassVar[str] = "alpaca"
    methods: ClassVar[tuple[str, ...]] = ("sft",)
    required: ClassVar[tuple[str, ...]] = ("instruction", "output")
    optional: ClassVar[tuple[str, ...]] = ("input", "system")

    _INTRODUCTION: ClassVar[Mapping[bool, str]] = {
        False: "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.",
        True: "Below is an instruction that describes a task, paired with an input that provides "
        "further context. Write a response that appropriately completes the request.",
    }

    def matches(self, rows: Sequence[Values]) -> bool:
        return _all_there(self.required, rows)

    def check(self, row: Values) -> str | None:
        return (
            text_problem(row.get("instruction"), "instruction")
            or text_problem(row.get("output"), "the answer (output)")
            or optional_text_problem(row.get("input"), "input")
            or optional_text_problem(row.get("system"), "system")
        )

    def convert(self, row: Values, *, chat: bool) -> Canonical:
        """For a model without a chat template: the template that Alpaca was made with."""
        given = row.get("input") or ""
        if chat:
            question = row["instruction"] + (f"\n\n{given}" if given else "")
            return _exchange([*_system(row), _user(question)], [_assistant(row["output"])])
        introduction = row.get("system") or self._INTRODUCTION[bool(given)]
        parts = [introduction, f"### Instruction:\n{row['instruction']}"]
        parts += [f"### Input:\n{given}"] if given else []
        return _exchange("\n\n".join([*parts, "### Response:\n"]), row["output"])


@dataclass(frozen=True)
class PromptCompletion:
    """`prompt` and `completion`: text or lists of messages, with an optional `system`."""

    name: ClassVar[str] = "prompt-completion"
    methods: ClassVar[tuple[str, ...]] = ("sft",)
    required: ClassVar[tuple[str, ...]] = ("prompt", "completion")
    optional: ClassVar[tuple[str, ...]] = ("system",)

    def matches(self, rows: Sequence[Values]) -> bool:
        return _all_there(self.required, rows)

    def check(self, row: Values) -> str | None:
        prompt, completion = row.get("prompt"), row.get("completion")
        for value, what in ((prompt, "prompt"), (completion, "the answer (completion)")):
            if not isinstance(value, list | tuple) and (problem := text_problem(value, what)):
                return problem
        asked = [_user(prompt)] if isinstance(prompt, str) else prompt
        answered = [_assistant(completion)] if isinstance(completion, str) else completion
        problem = (
            optional_text_problem(row.get("system"), "system")
            or messages_problem(asked, "prompt")
            or messages_problem(answered, "completion")
        )
        if problem or not asked or not answered:
            return problem
        if asked[-1]["role"] != "user":
            return "the prompt does not end with a user message"
        if any(item["role"] != "assistant" for item in answered):
            return "the completion holds a message that is not the assistant's"
        roles = [item["role"] for item in [*_system(row), *asked, *answered]]
        return order_problem(roles, "prompt and completion")

    def convert(self, row: Values, *, chat: bool) -> Canonical:
        """Text stays as it is where there is no chat template: nothing is put between the two."""
        prompt, completion = row["prompt"], row["completion"]
        texts = isinstance(prompt, str) and isinstance(completion, str)
        if texts and not chat:
            system = row.get("system")
            return _exchange(f"{system}\n\n{prompt}" if system else prompt, completion)
        asked = [_user(prompt)] if isinstance(prompt, str) else plain(prompt)
        answered = [_assistant(completion)] if isinstance(completion, str) else plain(completion)
        asked = _system(row) + asked
        return _exchange(asked, answered) if chat else _exchange(*as_text([*asked, *answered]))


@dataclass(frozen=True)
class Text:
    """`text`: learned from the first word to the last."""

    name: ClassVar[str] = "text"
    methods: ClassVar[tuple[str, ...]] = ("sft", "pretrain")
    required: ClassVar[tuple[str, ...]] = ("text",)
    optional: ClassVar[tuple[str, ...]] = ()

    def matches(self, rows: Sequence[Values]) -> bool:
        return _all_there(self.required, rows)

    def check(self, row: Values) -> str | None:
        return text_problem(row.get("text"), "text")

    def convert(self, row: Values, *, chat: bool) -> Canonical:
        return {"text": row["text"]}


FORMATS: tuple[Format, ...] = (
    Messages(),
    Messages(column="conversations"),
    ShareGpt(),
    Alpaca(),
    PromptCompletion(),
    Text(),
)
"""All formats; `text` is last because chat data often carries a rendered copy in that column."""


def _all_there(columns: Iterable[str], rows: Sequence[Values]) -> bool:
    """Whether each column is in one of the rows at least: a row that lacks one is a bad row."""
    return all(any(name in row for row in rows) for name in columns)


def _items_have(items: object, key: str) -> bool:
    return (
        isinstance(items, list | tuple)
        and bool(items)
        and isinstance(items[0], Mapping)
        and key in items[0]
    )


def _is_said(item: object) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("from"), str) and "value" in item


def _user(content: str) -> Message:
    return {"role": "user", "content": content}


def _assistant(content: str) -> Message:
    return {"role": "assistant", "content": content}


def _system(row: Values) -> list[Message]:
    content = row.get("system")
    return [{"role": "system", "content": content}] if content else []


def _exchange(prompt: list[Message] | str, completion: list[Message] | str) -> Canonical:
    return {"prompt": prompt, "completion": completion}


def _conversation(messages: list[Message], *, chat: bool) -> Canonical:
    return {"messages": messages} if chat else _exchange(*as_text(messages))
