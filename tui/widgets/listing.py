"""A table of rows of which one is selected: as many as fit, with the selected one among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message

from engine.text import cells
from tui.widgets.canvas import Canvas, Toned

POINTER = "▸ "
"""The sign of the selected row."""


@dataclass(frozen=True)
class Table:
    """What a listing shows in some width."""

    head: Text | None
    rows: Sequence[Text]
    """One for each key."""


def no_table(widget: Toned, width: int) -> Table:
    """Nothing to show."""
    return Table(None, ())


class Listing(Canvas):
    """Rows under a head; the selection is by key, so it stays where rows come and go."""

    @dataclass
    class Selected(Message):
        """Another row is selected."""

        key: str | None

    def __init__(self, *, empty: str, id: str | None = None) -> None:
        super().__init__(id=id)
        self._empty = empty
        self._keys: Sequence[str] = ()
        self._make: Callable[[Toned, int], Table] = no_table
        self._at = 0
        self._top = 0

    @property
    def selected(self) -> str | None:
        """The key of the selected row."""
        return self._keys[self._at] if self._keys else None

    def show(
        self, keys: Sequence[str], make: Callable[[Toned, int], Table], first: str | None = None
    ) -> None:
        """Show a row for each of these keys; `make` draws them all for a width.

        `first` is selected where nothing was.
        """
        before = self.selected
        if len(keys) != len(self._keys):
            self.refresh(layout=True)
        self._make = make
        self._keys = keys
        wanted = before if before is not None else first
        last = max(0, len(keys) - 1)
        self._at = keys.index(wanted) if wanted in keys else min(self._at, last)
        self.redraw()
        if self.selected != before:
            self.post_message(self.Selected(self.selected))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as head and rows, where its style leaves that open."""
        return len(self._keys) + 1

    def draw(self, width: int, height: int) -> list[Text]:
        """Head and window."""
        if not self._keys:
            return [Text(self._empty, style=self.tone("dim"), no_wrap=True)]
        table = self._make(self, max(1, width - len(POINTER)))
        rows = []
        if table.head is not None:
            head = _plain(table.head)
            head.stylize_before(self.tone("dim"))
            rows.append(head)
        room = max(1, height - len(rows))
        self._top = min(max(self._top, self._at - room + 1), self._at, max(0, len(self._keys)))
        self._top = max(0, min(self._top, len(self._keys) - room))
        for number, row in enumerate(table.rows[self._top : self._top + room], start=self._top):
            rows.append(self._pointed(row, width) if number == self._at else _plain(row))
        return rows

    def _pointed(self, row: Text, width: int) -> Text:
        whole = Text(POINTER, no_wrap=True).append_text(row)
        whole.append(" " * max(0, width - cells(whole.plain)))
        whole.stylize_before(self.tone("cursor"))
        return whole

    def move(self, rows: int) -> None:
        """Select the row so many rows below; above when negative."""
        self._select(self._at + rows)

    def page(self, pages: int) -> None:
        """Go down so many windows; up when negative."""
        self.move(pages * max(1, self.size.height - 2))

    def to_top(self) -> None:
        """Select the first row."""
        self._select(0)

    def to_end(self) -> None:
        """Select the last row."""
        self._select(len(self._keys) - 1)

    def on_click(self, event: events.Click) -> None:
        """Select what was clicked."""
        head = self._make(self, self.size.width).head is not None
        row = event.y - self.gutter.top - head
        if row >= 0 and self._top + row < len(self._keys):
            self._select(self._top + row)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down."""
        self.move(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up."""
        self.move(-3)

    def _select(self, at: int) -> None:
        before = self.selected
        self._at = min(max(0, at), max(0, len(self._keys) - 1))
        self.redraw()
        if self.selected != before:
            self.post_message(self.Selected(self.selected))


def _plain(row: Text) -> Text:
    return Text("  ", no_wrap=True).append_text(row)
