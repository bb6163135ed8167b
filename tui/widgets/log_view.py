"""A window on the lines of a log: one is selected, found words stand out, long lines are cut or wrapped."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rich.text import Text
from textual import events
from textual.message import Message

from engine.text import cells, shortened
from tui.widgets.canvas import Canvas

MOST_REMEMBERED = 512
"""How many lines are remembered as they were cut: a few windows full."""

POINTER = "▸ "
"""The sign of the selected line."""
GUTTER = len(POINTER)


class LogView(Canvas):
    """Follows the end of the lines, or stays where the reader is while lines come and go."""

    class Moved(Message):
        """Another line is selected, or it began or ceased to follow."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[str] = ()
        self._selected = 0
        self._top = 0
        self._skipped = 0
        """Rows of the top line that are above the window, where it is wrapped."""
        self._shown: list[int] = []
        """For each row of the window its line."""
        self._follows = True
        self._wraps = False
        self._pattern: re.Pattern[str] | None = None
        self._found: list[int] = []

    @property
    def lines(self) -> Sequence[str]:
        """All of them."""
        return self._lines

    @property
    def line(self) -> str | None:
        """The selected one."""
        return self._lines[self._selected] if self._lines else None

    @property
    def position(self) -> int:
        """Its number, counted from 1; 0 where there is none."""
        return self._selected + 1 if self._lines else 0

    @property
    def follows(self) -> bool:
        """Whether it stays at the end."""
        return self._follows

    @property
    def wraps(self) -> bool:
        """Whether long lines are wrapped."""
        return self._wraps

    @property
    def found(self) -> tuple[int, int]:
        """How many lines hold what is searched for up to the selected one, and in all.

        The first is 0 where the selected line does not hold it.
        """
        if self._selected not in self._found:
            return 0, len(self._found)
        return self._found.index(self._selected) + 1, len(self._found)

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines, which are clean already; the selected one stays selected."""
        gone = 0 if self._follows else lines_gone(self._lines, lines, self._selected)
        self._lines = lines
        self._selected = max(0, self._selected - gone)
        self._top = max(0, self._top - gone)
        self._find()
        self._settle()

    def follow(self, follows: bool) -> None:
        """Stay at the end from now on, or do not."""
        self._follows = follows
        self._settle()

    def wrap(self, wraps: bool) -> None:
        """Wrap long lines from now on, or cut them."""
        self._wraps = wraps
        self._skipped = 0
        self._settle()

    def search(self, words: str, start: int | None = None) -> None:
        """Mark these words and select the nearest line from `start` on that holds them, else before it."""
        self._pattern = pattern_of(words)
        self._find()
        if start is not None:
            ahead = next((at for at in self._found if at >= start), None)
            behind = next((at for at in reversed(self._found) if at < start), None)
            self._select(ahead if ahead is not None else behind if behind is not None else start)
        else:
            self._settle()

    def next_found(self, *, backward: bool = False) -> bool:
        """Select the next line that holds the words; False when the search began anew for it."""
        if not self._found:
            return True
        if backward:
            rest = [at for at in self._found if at < self._selected]
            self._select(rest[-1] if rest else self._found[-1])
        else:
            rest = [at for at in self._found if at > self._selected]
            self._select(rest[0] if rest else self._found[0])
        return bool(rest)

    def move(self, rows: int) -> None:
        """Select the line so many lines below; above when negative."""
        self._select(self._selected + rows)

    def page(self, pages: int) -> None:
        """Go down as many lines as are seen; up when negative."""
        seen = len(set(self._shown))
        self.move(pages * max(1, seen - 1))

    def to_top(self) -> None:
        """Select the first line."""
        self._select(0)

    def to_end(self) -> None:
        """Select the last line, and stay at the end."""
        self.follow(True)

    def on_click(self, event: events.Click) -> None:
        """Select what was clicked."""
        row = event.y - self.gutter.top
        if 0 <= row < len(self._shown):
            self._select(self._shown[row])

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        self.move(-3)

    def draw(self, width: int, height: int) -> list[Text]:
        """The lines in the window."""
        if not self._lines:
            self._shown = []
            return [Text("nothing logged yet", style=self.tone("dim"))]
        width = max(1, width - GUTTER)
        self._scroll(width, height)
        rows: list[Text] = []
        self._shown = []
        for at in range(self._top, len(self._lines)):
            parts = self._parts(self._lines[at], width)
            for number, part in enumerate(parts):
                if at == self._top and number < self._skipped:
                    continue
                if len(rows) == height:
                    return rows
                rows.append(self._row(at, part, width, first=number == 0))
                self._shown.append(at)
        return rows

    # --- inside -----------------------------------------------------------------------------------

    def _find(self) -> None:
        pattern = self._pattern
        if pattern is None:
            self._found = []
        else:
            self._found = [at for at, line in enumerate(self._lines) if pattern.search(line)]

    def _select(self, at: int) -> None:
        last = len(self._lines) - 1
        at = min(max(0, at), max(0, last))
        self._follows = self._follows and at == last
        self._selected = at
        self._settle()

    def _settle(self) -> None:
        if self._follows:
            self._selected = max(0, len(self._lines) - 1)
        self._selected = min(self._selected, max(0, len(self._lines) - 1))
        self.redraw()
        self.post_message(self.Moved())

    def _scroll(self, width: int, height: int) -> None:
        """Put the window where the selected line is in it, and where it is not empty at its end."""
        last = len(self._lines) - 1
        self._top = min(self._top, last)
        if self._follows:
            self._end_at(last, width, height)
        elif self._selected <= self._top:
            self._top, self._skipped = self._selected, 0
        elif self._rows_from_top(self._selected, width, height) > height:
            self._end_at(self._selected, width, height)
        if self._rows_from_top(last, width, height) < height:
            self._end_at(last, width, height)

    def _rows_from_top(self, at: int, width: int, enough: int) -> int:
        """Rows from the window's first to the end of that line; counted a little beyond `enough`."""
        rows = -self._skipped
        for number in range(self._top, at + 1):
            rows += self._height(self._lines[number], width)
            if rows > enough:
                break
        return rows

    def _end_at(self, at: int, width: int, height: int) -> None:
        """Put the end of that line at the window's end; a line that is higher shows its beginning."""
        room, top = height, at
        room -= self._height(self._lines[top], width)
        while room > 0 and top > 0:
            top -= 1
            room -= self._height(self._lines[top], width)
        self._top = top
        self._skipped = -room if room < 0 and top < at else 0

    def _height(self, line: str, width: int) -> int:
        return len(self._parts(line, width)) if self._wraps and len(line) > width // 2 else 1

    def _parts(self, line: str, width: int) -> list[tuple[int, str]]:
        """The rows of a line: where each begins in it, and its text."""
        return wrapped(line, width) if self._wraps else [(0, cut(line, width))]

    def _row(self, at: int, part: tuple[int, str], width: int, *, first: bool) -> Text:
        begin, said = part
        row = Text(said, no_wrap=True)
        if self._pattern is not None:
            for match in self._pattern.finditer(self._lines[at]):
                start, end = match.start() - begin, match.end() - begin
                if start < len(said) and end > 0:
                    row.stylize(self.tone("match"), max(0, start), min(end, len(said)))
        if at != self._selected:
            return Text("  ", no_wrap=True).append_text(row)
        whole = Text(POINTER if first else "  ", no_wrap=True).append_text(row)
        whole.append(" " * max(0, width + GUTTER - cells(whole.plain)))
        whole.stylize_before(self.tone("cursor"))
        return whole


def pattern_of(words: str) -> re.Pattern[str] | None:
    """What to search for: as typed where it has a capital letter, else in any case."""
    if not words:
        return None
    exact = any(letter.isupper() for letter in words)
    return re.compile(re.escape(words), re.NOFLAG if exact else re.IGNORECASE)


@lru_cache(MOST_REMEMBERED)
def cut(line: str, width: int) -> str:
    """The beginning of a clean line, remembered: columns of letters beyond ASCII take their time."""
    return shortened(line, width)


@lru_cache(MOST_REMEMBERED)
def wrapped(line: str, width: int) -> list[tuple[int, str]]:
    """A clean line in rows of at most `width` columns: where each begins, and its text."""
    if line.isascii():
        return [(at, line[at : at + width]) for at in range(0, max(1, len(line)), width)]
    rows, begin, used = [], 0, 0
    for at, letter in enumerate(line):
        wide = cells(letter)
        if used + wide > width and at > begin:
            rows.append((begin, line[begin:at]))
            begin, used = at, 0
        used += wide
    return [*rows, (begin, line[begin:])]


def lines_gone(before: Sequence[str], now: Sequence[str], selected: int) -> int:
    """How many first lines of `before` are no more in `now`, judged by those around a selected line."""
    first = max(0, selected - 4)
    around = list(before[first : selected + 1])
    for gone in range(first + 1):
        if list(now[first - gone : selected + 1 - gone]) == around:
            return gone
    return 0
