"""One row to type a filter into; it stays in sight as long as the filter does."""

from dataclasses import dataclass

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.widgets.canvas import Canvas


class FilterSign(Canvas):
    """The key that opened the row."""

    def __init__(self, sign: str) -> None:
        super().__init__()
        self._sign = sign

    def draw(self, width: int, height: int) -> list[Text]:
        """The sign, with a cell on either side."""
        return [Text(f" {self._sign} ", style=self.tone("key"))]


class FilterRow(Horizontal):
    """Tells every letter; while it has the focus no letter reaches the jobs."""

    @dataclass
    class Typed(Message):
        """The filter is another now."""

        typed: str

    class Kept(Message):
        """Typing is over, and the filter stays."""

    def __init__(self, sign: str) -> None:
        super().__init__()
        self._sign = sign

    def compose(self) -> ComposeResult:
        """The sign and the field."""
        yield FilterSign(self._sign)
        field = Input(
            placeholder="words of name, id, model, method, state; !not, state:failed",
            compact=True,
            select_on_focus=False,
        )
        field.cursor_blink = False
        yield field

    def on_mount(self) -> None:
        """Type at once."""
        self.begin()

    def begin(self) -> None:
        """Type on at the end of what is there."""
        self.display = True
        self.query_one(Input).focus()

    def clear(self) -> None:
        """Take the filter away."""
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = ""
        self.display = False

    @property
    def typing(self) -> bool:
        """Whether letters go here."""
        return any(field.has_focus for field in self.query(Input))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Kept())
