"""Plain tables: columns as wide as their cells, narrowed and then left out to fit a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.text import cells, one_line, shortened

GAP = "  "


@dataclass(frozen=True)
class Column:
    """One column."""

    title: str
    right: bool = False
    """Whether its cells stand at the right edge."""
    shrinks_to: int | None = None
    """The least width it may be cut to; None is never cut."""
    optional: bool = False
    """Left out first where the terminal is too narrow."""


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None) -> list[str]:
    """Title and rows as lines of at most `width` cells; None never cuts (a pipe, a file)."""
    cleaned = [[one_line(cell) for cell in row] for row in rows]
    kept = list(range(len(columns)))
    widths = {i: max(cells(columns[i].title), *(cells(row[i]) for row in cleaned), 0) for i in kept}
    if width is not None:
        kept = _fitted(columns, kept, widths, width)
    lines = [[columns[i].title for i in range(len(columns))], *cleaned]
    return [
        GAP.join(_padded(line[i], widths[i], right=columns[i].right) for i in kept).rstrip()
        for line in lines
    ]


def _fitted(
    columns: Sequence[Column], kept: list[int], widths: dict[int, int], width: int
) -> list[int]:
    """The columns that stay; `widths` is narrowed in place, the last shrinking column first."""
    for _ in range(2):
        for i in reversed(kept):
            least = columns[i].shrinks_to
            if least is not None and (excess := _total(kept, widths) - width) > 0:
                widths[i] = max(min(least, widths[i]), widths[i] - excess)
        if _total(kept, widths) <= width:
            break
        kept = [i for i in kept if not columns[i].optional]
    return kept


def _total(kept: Sequence[int], widths: dict[int, int]) -> int:
    return sum(widths[i] for i in kept) + len(GAP) * (len(kept) - 1)


def _padded(cell: str, width: int, *, right: bool) -> str:
    text = shortened(cell, width)
    space = " " * (width - cells(text))
    return space + text if right else text + space
