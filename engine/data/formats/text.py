"""Plain text and documents."""

from dataclasses import dataclass
from typing import ClassVar

from engine.data.checks import filled_text
from engine.data.formats.format import Columns
from engine.data.kinds import Canonical
from engine.data.row import Values


@dataclass(frozen=True)
class Text(Columns):
    """`text`, or where there is none `document` or `content`: learned from the first word to the last."""

    column: str = "text"

    name: ClassVar[str] = "text"
    kinds: ClassVar[tuple[str, ...]] = ("text",)
    optional: ClassVar[tuple[str, ...]] = ()

    @property
    def required(self) -> tuple[str, ...]:
        return (self.column,)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        return {"text": filled_text(values.get(self.column), self.column)}
