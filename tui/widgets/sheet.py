"""Rows of text: as high as they are, or in a window that scrolls."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events

from tui.widgets.canvas import Canvas, Toned

Rows = Callable[[Toned, int], Sequence[Text]]
"""Makes the rows for a width, styled by the widget that shows them."""


def no_rows(widget: Toned, width: int) -> Sequence[Text]:
    """Nothing to show."""
    return ()


class Sheet(Canvas):
    """As high as its rows."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make: Rows = no_rows

    def show(self, make: Rows) -> None:
        """Show these rows."""
        self._make = make
        self._fit()
        self.redraw()

    def say(self, said: str, tone: str = "") -> None:
        """Show one row."""
        self.show(lambda widget, width: [Text(said, style=widget.tone(tone), no_wrap=True)])

    def on_resize(self) -> None:
        """Another width may need another height."""
        self._fit()

    def draw(self, width: int, height: int) -> Sequence[Text]:
        """All of them."""
        return self._make(self, width)

    def _fit(self) -> None:
        rows = max(1, len(self._make(self, self.size.width or 80)))
        if self.styles.height is None or self.styles.height.value != rows:
            self.styles.height = rows


class Scroll(Canvas, can_focus=True):
    """A window on many rows, which may stay at their end."""

    def __init__(self, *, follows: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._make: Rows = no_rows
        self._all: Sequence[Text] = ()
        self._top = 0
        self._follows = follows
        self._at_end = follows

    @property
    def position(self) -> tuple[int, int, int]:
        """First and last row shown, counted from 1, and the number of rows."""
        last = min(len(self._all), self._top + self.size.height)
        return min(self._top + 1, last), last, len(self._all)

    def show(self, make: Rows) -> None:
        """Show these rows."""
        self._make = make
        self._lay_out()
        self.redraw()

    def on_resize(self) -> None:
        """Another width may need other rows."""
        self._lay_out()

    def draw(self, width: int, height: int) -> Sequence[Text]:
        """Those in the window."""
        return self._all[self._top : self._top + height]

    def move(self, rows: int) -> None:
        """Go down so many rows; up when negative."""
        self._go(self._top + rows)

    def page(self, pages: int) -> None:
        """Go down so many windows; up when negative."""
        self.move(pages * max(1, self.size.height - 1))

    def to_top(self) -> None:
        """Go to the first row."""
        self._go(0)

    def to_end(self) -> None:
        """Go to the last row, and stay there when rows come."""
        self._go(len(self._all))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up."""
        self.move(-3)

    def _lay_out(self) -> None:
        self._all = self._make(self, self.size.width or 80)
        end = self._end()
        self._top = end if self._at_end else min(self._top, end)

    def _end(self) -> int:
        return max(0, len(self._all) - self.size.height)

    def _go(self, top: int) -> None:
        end = self._end()
        self._top = min(max(0, top), end)
        self._at_end = self._follows and self._top == end
        self.redraw()
