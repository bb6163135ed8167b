"""ShareGPT, in which human and gpt speak, as LLaMA-Factory writes it too."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from engine.data.conversation import EXTRAS
from engine.data.formats.conversations import read_conversation
from engine.data.formats.format import Columns, all_there, any_item_has
from engine.data.kinds import Canonical
from engine.data.row import Values


@dataclass(frozen=True)
class ShareGpt(Columns):
    """A list of from and value: human, gpt, system, function_call (JSON) and observation (its result).

    Beside it `system`, and `tools` as JSON text.
    """

    column: str = "conversations"

    name: ClassVar[str] = "sharegpt"
    kinds: ClassVar[tuple[str, ...]] = ("conversation", "exchange", "question")
    optional: ClassVar[tuple[str, ...]] = EXTRAS

    @property
    def required(self) -> tuple[str, ...]:
        return (self.column,)

    def matches(self, rows: Sequence[Values]) -> bool:
        """A column of another name must show who speaks."""
        if any_item_has("role", self.column, rows):
            return False
        if self.column == "conversations":
            return all_there(self.required, rows)
        return any_item_has("from", self.column, rows)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """The conversation under the usual roles; a function call becomes an assistant's `tool_calls`."""
        return read_conversation(values, self.column, kind, chat=chat)
