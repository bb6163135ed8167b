"""The columns of the job table: which of them fit into a width, and how wide each gets; pure."""

from collections.abc import Iterable
from dataclasses import dataclass

GUTTER = 2
"""Cells before the first column: the mark, and a free one."""


@dataclass(frozen=True)
class Column:
    """One column: how wide it is, how narrow it may be, and how far it likes to grow."""

    key: str
    title: str
    width: int
    least: int = 0
    """Its width where the terminal is narrow; 0 is its usual one."""
    grows_to: int = 0
    right: bool = False
    gap: int = 2
    """Free cells before it."""

    @property
    def narrowest(self) -> int:
        """As narrow as it may be."""
        return self.least or self.width


COLUMNS = (
    Column("state", "state", 13, gap=0),
    Column("name", "job", 12, least=10, grows_to=40),
    Column("model", "model", 11, grows_to=28),
    Column("method", "method", 8),
    Column("progress", "progress", 16, least=11, grows_to=29),
    Column("step", "step", 9, grows_to=13, right=True),
    Column("loss", "loss", 8, least=6, grows_to=8, right=True),
    Column("speed", "tok/s", 6, right=True),
    Column("eta", "left", 6, right=True),
    Column("ends", "ends", 8, gap=1),
    Column("gpu", "gpu", 3, grows_to=5),
    Column("created", "created", 7),
)
SPARE = ("speed", "eta")
"""Stay unless there is no room even when every other column is as narrow as it may be."""
WELCOME = ("created", "method", "gpu", "ends", "model")
"""Left out first, in this order, before any other column gets narrow."""
GROWTH = ("name", "progress", "name", "model", "progress", "gpu", "step")
"""Who gets the room that is left, in turns; the loss gets its trend before that."""

Plan = tuple[tuple[Column, int], ...]
"""Columns with their widths, from left to right."""


def plan_columns(width: int) -> Plan:
    """The columns that fit into so many cells, each with its width."""
    kept = list(COLUMNS)
    for key in WELCOME:
        if _total(kept, [column.width for column in kept]) > width:
            kept = [column for column in kept if column.key != key]
    for key in SPARE:
        if _total(kept, [column.narrowest for column in kept]) > width:
            kept = [column for column in kept if column.key != key]
    narrow = _total(kept, [column.width for column in kept]) > width
    widths = {column.key: column.narrowest if narrow else column.width for column in kept}
    growing = [column for key in ("loss", *GROWTH) for column in kept if column.key == key]
    spare = width - _total(kept, widths.values())
    while growing and spare > 0:
        column = growing.pop(0)
        if widths[column.key] < max(column.width, column.grows_to):
            widths[column.key] += 1
            spare -= 1
            growing.insert(0 if column.key == "loss" else len(growing), column)
    return tuple((column, widths[column.key]) for column in kept)


def _total(columns: list[Column], widths: Iterable[int]) -> int:
    return GUTTER + sum(widths) + sum(column.gap for column in columns)


def total(plan: Plan) -> int:
    """Cells that the planned columns take, with their gaps and the gutter."""
    return _total([column for column, _ in plan], [width for _, width in plan])


def column_at(plan: Plan, x: int) -> Column | None:
    """The column at that cell, or the one before a gap."""
    found: Column | None = None
    at = GUTTER
    for column, width in plan:
        at += column.gap
        if x < at:
            return found
        found, at = column, at + width
    return found
