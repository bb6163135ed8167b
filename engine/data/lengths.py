"""How long many things are: counted while they stream by, in memory that does not grow with them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

EXACT_BELOW = 10_000
"""Longer lengths are counted to three digits, so that few different ones are kept."""
BARS = 8


@dataclass(frozen=True)
class Spread:
    """How long the rows are."""

    p50: int
    p95: int
    max: int
    total: int


@dataclass(frozen=True)
class Bar:
    """How many rows are between two lengths, both included."""

    low: int
    high: int
    count: int


class Lengths:
    """Every length, with how often it came."""

    def __init__(self, lengths: Iterable[int] = ()) -> None:
        self._counts: Counter[int] = Counter()
        self._longest = self._total = 0
        for length in lengths:
            self.add(length)

    def add(self, length: int) -> None:
        """Count one more."""
        self._longest = max(self._longest, length)
        self._total += length
        if length >= EXACT_BELOW:
            unit = 10 ** (len(str(length)) - 3)
            length = length // unit * unit
        self._counts[length] += 1

    @property
    def spread(self) -> Spread | None:
        """The middle, the longest twentieth and the longest; None of nothing."""
        last = self._counts.total() - 1
        if last < 0:
            return None
        middle, high = self._at(round(last * 0.5)), self._at(round(last * 0.95))
        return Spread(middle, high, self._longest, self._total)

    def _at(self, place: int) -> int:
        """The length at a place of the ordered lengths."""
        passed = 0
        for length in sorted(self._counts):
            passed += self._counts[length]
            if passed > place:
                break
        return length

    def bars(self) -> tuple[Bar, ...]:
        """A histogram whose bars double in width; what is shorter than the first joins it."""
        if not self._counts:
            return ()
        top = max(1, max(self._counts).bit_length())
        lowest = max(top - BARS, min(self._counts).bit_length() - 1, 0)
        edges = [0, *(2**power for power in range(lowest + 1, top + 1))]
        counts = [0] * (len(edges) - 1)
        for length, count in self._counts.items():
            counts[max(0, length.bit_length() - 1 - lowest)] += count
        return tuple(
            Bar(low, high - 1, count)
            for (low, high), count in zip(pairwise(edges), counts, strict=True)
        )
