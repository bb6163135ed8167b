"""Messages of role and content, in OpenAI's shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from engine.data.conversation import EXTRAS, check_order, extras, messages_of, with_system
from engine.data.formats.becoming import conversation_as
from engine.data.formats.format import Columns, all_there, any_item_has
from engine.data.kinds import Canonical
from engine.data.row import Values


@dataclass(frozen=True)
class Messages(Columns):
    """A list of messages with tool calls and reasoning; beside it `system`, `tools` and `unmask`."""

    column: str = "messages"

    name: ClassVar[str] = "messages"
    kinds: ClassVar[tuple[str, ...]] = ("conversation", "exchange", "question")
    optional: ClassVar[tuple[str, ...]] = EXTRAS

    @property
    def required(self) -> tuple[str, ...]:
        return (self.column,)

    def matches(self, rows: Sequence[Values]) -> bool:
        """A column of another name must show that it holds roles."""
        if any_item_has("from", self.column, rows):
            return False
        if self.column == "messages":
            return all_there(self.required, rows)
        return any_item_has("role", self.column, rows)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """The conversation; `unmask` allows one without an answer, since all of it is learned."""
        return read_conversation(values, self.column, kind, chat=chat)


def read_conversation(values: Values, column: str, kind: str, *, chat: bool) -> Canonical:
    """The conversation in a column of either shape, with what the row has beside it."""
    more = extras(values)
    messages = with_system(values, messages_of(values.get(column), column))
    check_order(messages, column, answered="unmask" not in more or kind != "conversation")
    return conversation_as(kind, messages, more, column, chat=chat)
