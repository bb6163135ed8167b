"""One field of a form: its own name, what is typed, and below it what is to be said about it."""

from collections.abc import Callable, Sequence
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input

from engine.text import clean_text, one_line, shortened
from tui.paths import Completion
from tui.widgets.about import wrapped
from tui.widgets.canvas import Canvas, Toned
from tui.widgets.sheet import Sheet

LABEL_WIDTH = 30
MOST_ROWS = 4

Said = tuple[str, str]
"""A tone, and words in it."""


class FieldInput(Input):
    """A line of text that completes itself; `→` in an empty field takes what is proposed."""

    def __init__(self, key: str, complete: Callable[[str], str | None] | None) -> None:
        suggester = Completion(complete) if complete is not None else None
        super().__init__(suggester=suggester, compact=True, select_on_focus=False)
        self.key = key
        self.cursor_blink = False

    def validate_value(self, value: str) -> str:
        """One line without control characters, whatever was pasted."""
        return clean_text(value).replace("\n", " ").replace("\t", " ")

    def propose(self, text: str, *, takes: bool = True) -> None:
        """Show what holds, or would do, while nothing is typed; `→` takes it where it is a value."""
        self._proposal = text if takes else ""
        self.placeholder = shortened(one_line(text), max(8, (self.size.width or 24) - 2))

    _proposal = ""

    def action_cursor_right(self, select: bool = False) -> None:
        """Take what is proposed, or go right."""
        if self.value or not self._proposal:
            super().action_cursor_right(select)
        else:
            self.value = self._proposal
            self.cursor_position = len(self.value)


class FieldLabel(Canvas):
    """The name of a field, marked where it is wrong or was changed."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._title = name
        self._tone = ""

    def mark(self, tone: str) -> None:
        """Mark it: `bad` is wrong, `wait` is changed."""
        if tone != self._tone:
            self._tone = tone
            self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        """One row."""
        sign = {"bad": "✗", "wait": "*"}.get(self._tone, " ")
        name = shortened(one_line(self._title), width - 3)
        return [Text(f"{sign} {name}", style=self.tone(self._tone), no_wrap=True)]


class FieldRow(Horizontal):
    """A label and an input; what is said about them appears below."""

    def __init__(
        self,
        key: str,
        label: str,
        complete: Callable[[str], str | None] | None = None,
        *,
        known: bool = True,
    ) -> None:
        super().__init__(classes="field")
        self.key = key
        self.known = known
        """Whether it is a field of the spec, and no row of the form's own."""
        self.label = FieldLabel(label)
        self.input = FieldInput(key, complete)
        self._said: Sequence[Said] = ()
        self._sheet: Sheet | None = None

    def compose(self) -> ComposeResult:
        """Label and input."""
        yield self.label
        yield self.input

    def fill(self, text: str) -> None:
        """Put a text in, as if it had been there."""
        with self.prevent(Input.Changed):
            self.input.value = text
            self.input.cursor_position = len(self.input.value)

    def tell(self, said: Sequence[Said], mark: str = "") -> None:
        """Say these things about the field."""
        self.label.mark(mark)
        if said == self._said:
            return
        self._said = said
        if self._sheet is None:
            self._sheet = Sheet()
            self._sheet.add_class("said")
            self.screen.mount(self._sheet, after=self)
        self._sheet.display = bool(said)
        self._sheet.show(partial(_said_rows, said))


def _said_rows(said: Sequence[Said], widget: Toned, width: int) -> list[Text]:
    rows = []
    for tone, words in said:
        rows += [Text(line, style=widget.tone(tone)) for line in wrapped(words, width, MOST_ROWS)]
    return rows
