"""The last lines of a job's log: a fixed height, since a growing one makes Textual lay out again."""

from collections.abc import Sequence

from rich.text import Text

from tui.widgets.canvas import Canvas


class LogTail(Canvas):
    """As many last lines as there is room for."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[str] = ()

    def show(self, lines: Sequence[str]) -> None:
        """Show the end of these lines; they are clean already."""
        self._lines = lines
        self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        """The end of the log."""
        if not self._lines:
            return [Text("nothing logged yet", style=self.tone("dim"))]
        return [Text(line, no_wrap=True) for line in self._lines[-height:]]
