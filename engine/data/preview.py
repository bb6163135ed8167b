"""Rows as the model will see them: what the preview process found out, and how it is passed on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from engine.data.lengths import Bar, Spread
from engine.text import cells, clean_text


@dataclass(frozen=True)
class Stretch:
    """Tokens one after another that are all learned, or all only read, as text."""

    text: str
    trained: bool


@dataclass(frozen=True)
class View:
    """One row, or one answer of it, as tokens."""

    label: str
    """`chosen` or `rejected`, where a row is seen twice; else empty."""
    stretches: tuple[Stretch, ...]
    tokens: int
    trained_tokens: int
    cut_tokens: int
    """Tokens beyond the length at which rows are cut: the model never sees them."""
    hidden_tokens: int
    """Tokens that are learned or read and not shown here, because there are very many."""


@dataclass(frozen=True)
class Preview:
    """The first rows as tokens, and how long the rows are."""

    rows: tuple[tuple[View, ...], ...]
    read_rows: int
    complete: bool
    """Whether these are all rows."""
    bad_rows: int
    lengths: Spread | None
    """Tokens of a row before anything is cut."""
    bars: tuple[Bar, ...]
    max_length: int | None
    """Where rows are cut; None where they are not."""
    cut_rows: int
    tokens: int
    """Of all rows read, as they are trained on."""
    trained_tokens: int
    untrained_rows: int
    """Rows in which nothing is learned."""
    template: str
    """Which chat template renders conversations, in words; empty without one."""
    note: str
    """What else there is to know, such as that rows are joined into blocks."""

    @property
    def cut_share(self) -> float:
        """Share of the rows that lose their end."""
        return self.cut_rows / self.read_rows if self.read_rows else 0.0

    @property
    def trained_share(self) -> float | None:
        """Share of the tokens that are learned; None where the method learns from none of them."""
        return self.trained_tokens / self.tokens if self.tokens else None

    def to_json(self) -> dict[str, Any]:
        """As a file holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Preview":
        """As it was written.

        Raises:
            ValueError: it was not written by this release.
        """
        try:
            values = dict(data)
            values["rows"] = tuple(tuple(_view(view) for view in views) for views in values["rows"])
            lengths = values["lengths"]
            values["lengths"] = Spread(**lengths) if lengths is not None else None
            values["bars"] = tuple(Bar(**bar) for bar in values["bars"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no preview: {error}") from None


def _view(data: Mapping[str, Any]) -> View:
    stretches: Sequence[Mapping[str, Any]] = data["stretches"]
    found = tuple(Stretch(str(one["text"]), one["trained"] is True) for one in stretches)
    return View(**{**data, "stretches": found})


# --- as lines -------------------------------------------------------------------------------------

Letter = tuple[str, bool]
"""A character, and whether it is learned."""


def shown(view: View, most: int) -> tuple[list[Stretch], bool]:
    """A row's stretches as a terminal may show them, `most` characters of them; whether there are more."""
    kept, room = [], most
    for stretch in view.stretches:
        text = clean_text(stretch.text).expandtabs(4)
        kept += [Stretch(text[:room], stretch.trained)] if text[:room] else []
        room -= len(text)
    return kept, room < 0 or view.hidden_tokens > 0


def lines(stretches: Sequence[Stretch], width: int) -> Iterator[list[Stretch]]:
    """The same as lines of at most `width` cells, broken after a space where there is one."""
    line: list[Letter] = []
    used = 0
    for letter in ((one, stretch.trained) for stretch in stretches for one in stretch.text):
        wide = cells(letter[0])
        if letter[0] != "\n" and used + wide > width:
            done, line = _broken(line)
            yield _joined(done)
            used = sum(cells(one) for one, _ in line)
        if letter[0] == "\n":
            yield _joined(line)
            line, used = [], 0
        else:
            line.append(letter)
            used += wide
    if line:
        yield _joined(line)


def _broken(line: list[Letter]) -> tuple[list[Letter], list[Letter]]:
    """What stays on a full line, and what goes to the next: the last word, unless it is most of the line."""
    spaces = [at for at, (one, _) in enumerate(line) if one == " "]
    at = spaces[-1] + 1 if spaces and spaces[-1] > len(line) // 2 else len(line)
    return line[:at], line[at:]


def _joined(line: Sequence[Letter]) -> list[Stretch]:
    return [
        Stretch("".join(one for one, _ in letters), trained)
        for trained, letters in groupby(line, key=lambda letter: letter[1])
    ]
