"""Rows that came before, and rows of the evaluation that are trained on: by 64-bit hashes alone."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from engine.data.kinds import Canonical
from engine.data.turns import Turn, question

MOST_ROWS = 5_000_000
"""Rows that are remembered: 16 bytes each."""

_BITS = 2**64 - 1


@dataclass(frozen=True)
class Repeats:
    """How many rows came before."""

    exact: int
    normalised: int
    """As text alone, upper and lower case and white space aside; the exact ones among them."""
    among: int
    """The rows that were compared: the first ones, where there are very many."""


@dataclass(frozen=True)
class Leaks:
    """How many rows of the evaluation are trained on too."""

    exact: int
    normalised: int
    questions: int
    """Rows whose question is trained on, whatever the answer; the rows above among them."""
    among: int


class Marks:
    """The hashes of the rows of one source."""

    def __init__(self) -> None:
        self._exact = array("Q")
        self._normalised = array("Q")

    def add(self, row: Canonical, said: Sequence[Turn]) -> None:
        """Remember a row and what is said in it, while there is room."""
        if len(self._exact) < MOST_ROWS:
            self._exact.append(_exact(row, said))
            self._normalised.append(_normalised(row, said))

    @property
    def repeats(self) -> Repeats:
        """What came before."""
        exact, normalised = _repeated(self._exact), _repeated(self._normalised)
        return Repeats(exact, max(exact, normalised), len(self._exact))


class Watched:
    """The rows of the evaluation, and which of them are seen among the training rows."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[int, int]] = {}
        """Exact -> normalised, question."""
        self._seen: tuple[set[int], set[int], set[int]] = (set(), set(), set())
        self._wanted: tuple[set[int], set[int], set[int]] = (set(), set(), set())

    def add(self, row: Canonical, said: Sequence[Turn]) -> None:
        """Watch for a row of the evaluation, while there is room."""
        if len(self._rows) < MOST_ROWS // 10:
            found = _exact(row, said), _normalised(row, said), _question(row, said)
            self._rows[found[0]] = found[1:]
            for wanted, one in zip(self._wanted, found, strict=True):
                wanted.add(one)

    def look(self, row: Canonical, said: Sequence[Turn]) -> None:
        """Look whether a training row is watched for."""
        if not self._rows:
            return
        marks = _exact(row, said), _normalised(row, said), _question(row, said)
        for number, found in enumerate(marks):
            if found in self._wanted[number]:
                self._seen[number].add(found)

    @property
    def leaks(self) -> Leaks:
        """What was seen."""
        exact, normalised, questions = self._seen
        rows = self._rows.items()
        return Leaks(
            sum(one in exact for one, _ in rows),
            sum(one in exact or same in normalised for one, (same, _) in rows),
            sum(
                one in exact or same in normalised or asked in questions
                for one, (same, asked) in rows
            ),
            len(self._rows),
        )


def _repeated(marks: "array[int]") -> int:
    if len(marks) < 100_000:  # numpy takes longer to come than this
        return len(marks) - len(set(marks))
    import numpy as np

    ordered = np.sort(np.frombuffer(marks, dtype=np.uint64))
    return int(np.count_nonzero(ordered[1:] == ordered[:-1]))


def _exact(row: Canonical, said: Sequence[Turn]) -> int:
    return hash((*said, *row.get("input_ids", ()))) & _BITS


def _normalised(row: Canonical, said: Sequence[Turn]) -> int:
    if "input_ids" in row:
        return _exact(row, said)
    return hash(tuple([_plain(turn.text) for turn in said])) & _BITS


def _question(row: Canonical, said: Sequence[Turn]) -> int:
    """What is asked; what asks nothing is its own question."""
    asked = question(row)
    return hash(tuple(map(_plain, asked))) & _BITS if asked else _normalised(row, said)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
