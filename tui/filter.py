"""Which jobs the table shows: words that must occur, words that must not, and words of one field.

qwen failed        both occur in name, id, model, method or state
!demo              does not occur
state:failed       occurs in that field; also name:, id:, model:, method:
"""

from dataclasses import dataclass

from engine.text import one_line
from engine.watch import JobView

FIELDS = ("name", "id", "model", "method", "state")


@dataclass(frozen=True)
class Word:
    """One condition."""

    said: str
    field: str | None = None
    negated: bool = False

    def holds(self, fields: dict[str, str]) -> bool:
        """Whether a job with these fields passes."""
        places = fields.values() if self.field is None else (fields[self.field],)
        return any(self.said in place for place in places) is not self.negated


@dataclass(frozen=True)
class JobFilter:
    """Every word must hold; no word at all lets every job through."""

    words: tuple[Word, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words)

    def passes(self, view: JobView) -> bool:
        """Whether the table shows that job."""
        if not self.words:
            return True
        fields = {
            "name": one_line(view.name).casefold(),
            "id": view.id,
            "model": one_line(view.model).casefold(),
            "method": one_line(view.method).casefold(),
            "state": str(view.state),
        }
        return all(word.holds(fields) for word in self.words)


def parse(typed: str) -> JobFilter:
    """The filter that was typed; a word that is only begun (`!`, `state:`) lets everything through."""
    words = (_word(part) for part in typed.casefold().split())
    return JobFilter(tuple(word for word in words if word.said))


def _word(part: str) -> Word:
    negated = part.startswith("!")
    part = part.removeprefix("!")
    field, colon, rest = part.partition(":")
    if colon and field in FIELDS:
        return Word(rest, field, negated)
    return Word(part, None, negated)
