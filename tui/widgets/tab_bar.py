"""The row that names the tabs of a screen, with the one that is seen in brackets."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message

from engine.text import cells
from tui.widgets.canvas import Canvas


class TabBar(Canvas):
    """`1 Charts  [2 Log]  3 Spec`; in less room closer together, in little room numbers alone stand for those
    that are not seen.
    """

    @dataclass
    class Chosen(Message):
        """A tab's name was clicked."""

        name: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names: Sequence[tuple[str, str]] = ()
        self._current = ""
        self._spans: list[tuple[int, int, str]] = []

    def show(self, names: Sequence[tuple[str, str]], current: str) -> None:
        """Show these tabs, each with its name and its title."""
        self._names, self._current = names, current
        self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        """One row."""
        for titles, close in ((True, False), (True, True)):
            row = self._row(titles=titles, close=close)
            if cells(row.plain) <= width:
                return [row]
        return [self._row(titles=False, close=False)]

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        x = event.x - self.gutter.left
        chosen = next((name for start, end, name in self._spans if start <= x < end), None)
        if chosen is not None:
            self.post_message(self.Chosen(chosen))

    def _row(self, *, titles: bool, close: bool) -> Text:
        """With `close`, one space or bracket stands between two of them."""
        row = Text(no_wrap=True)
        self._spans = []
        for number, (name, title) in enumerate(self._names, start=1):
            seen, start = name == self._current, cells(row.plain)
            if not close or not row.plain:
                row.append("[" if seen else " ", style=self.tone("title"))
            elif seen:
                row.right_crop(1)
                start -= 1
                row.append("[", style=self.tone("title"))
            row.append(str(number), style=self.tone("title" if seen else "key"))
            if titles or seen:
                row.append(f" {title}", style=self.tone("title" if seen else "dim"))
            row.append("]" if seen else " ", style=self.tone("title"))
            self._spans.append((start, cells(row.plain), name))
        return row
