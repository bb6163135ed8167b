"""Words in as many rows as their place has."""

import textwrap

from rich.text import Text

from engine.text import clean_text, shortened
from tui.widgets.canvas import Canvas


class About(Canvas):
    """Words of a fixed height, so that nothing moves when they change."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said = ""

    def show(self, said: str) -> None:
        """Say it."""
        if said != self._said:
            self._said = said
            self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        """As much of it as there is room for."""
        return [Text(line, style=self.tone("dim")) for line in wrapped(self._said, width, height)]


def wrapped(words: str, width: int, most: int) -> list[str]:
    """Words in at most so many rows; lines stay lines, and what is cut off says so."""
    rows: list[str] = []
    for line in clean_text(words).expandtabs(2).split("\n"):
        rows += textwrap.wrap(line, max(8, width), break_on_hyphens=False) or [""]
    if len(rows) > most:
        rows = [*rows[: most - 1], f"{rows[most - 1]} …"]
    return [shortened(row, max(8, width)) for row in rows]
