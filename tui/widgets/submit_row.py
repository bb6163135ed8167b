"""The last row of a form: what would happen, or what is still missing."""

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message

from engine.text import cells
from tui.widgets.about import wrapped
from tui.widgets.canvas import Canvas


class SubmitRow(Canvas, can_focus=True):
    """A button with words beside it."""

    @dataclass
    class Pressed(Message):
        """It was clicked."""

    def __init__(self, label: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._label = f"[ {label} ]"
        self._said = ""
        self._tone = ""

    @property
    def said(self) -> str:
        """What stands beside it."""
        return self._said

    def show(self, said: str, tone: str) -> None:
        """Say these words beside the button."""
        self._said, self._tone = said, tone
        self.redraw()

    def on_focus(self) -> None:
        """A button that has the focus looks pressed."""
        self.redraw()

    def on_blur(self) -> None:
        """And one that lost it does not."""
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """A click presses it."""
        self.post_message(self.Pressed())

    def draw(self, width: int, height: int) -> list[Text]:
        """The button, and as many rows of words as there is room for."""
        button = Text(self._label, style=self.tone("key"), no_wrap=True)
        if self.has_focus:
            button.stylize("reverse")
        indent = cells(self._label) + 2
        lines = wrapped(self._said, width - indent, height) or [""]
        rows = [Text.assemble(button, "  ", (lines[0], self.tone(self._tone)), no_wrap=True)]
        rows += [Text(f"{'':<{indent}}{line}", style=self.tone(self._tone)) for line in lines[1:]]
        return rows
