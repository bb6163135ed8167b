"""The line above the footer: what a key did, why it did not, or a question that waits for `y`."""

import textwrap
from collections.abc import Collection
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from engine.text import cells, one_line, shortened
from tui.keys import NO, YES
from tui.widgets.canvas import Canvas

SHOWN_SECONDS = 12.0
"""How long a note stays."""

MOST_ROWS = 3
"""A note that does not fit into one row gets more of them: what to do stands at its end."""

ANSWERS = "  y yes  n no"


class NoteLine(Canvas, can_focus=True):
    """Says one thing at a time; while it asks it has the focus, so that no other key acts."""

    @dataclass
    class Answered(Message):
        """The question was answered."""

        yes: bool

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._said = ""
        self._tone = ""
        self._asking = False
        self._again: Collection[str] = ()
        self._focused_before: Widget | None = None
        self._clearing: Timer | None = None
        self.can_focus = False

    @property
    def asking(self) -> bool:
        """Whether a question is open."""
        return self._asking

    @property
    def said(self) -> str:
        """What stands there now."""
        return self._said

    def say(self, said: str, tone: str = "", *, seconds: float = SHOWN_SECONDS) -> None:
        """Say it, for a while."""
        if self._asking:
            return
        self._set(said, tone)
        if self._clearing is not None:
            self._clearing.stop()
            self._clearing = None
        if said:
            self._clearing = self.set_timer(seconds, self.clear)

    def clear(self) -> None:
        """Say nothing."""
        if not self._asking:
            self._clearing = None
            self._set("", "")

    def ask(self, question: str, *, again: Collection[str] = ()) -> None:
        """Ask; `Answered` follows. Keys in `again` mean yes too: only where nothing but typing is lost."""
        self._again = again
        if self._clearing is not None:
            self._clearing.stop()
            self._clearing = None
        self._focused_before = self.screen.focused
        self._asking = True
        self.can_focus = True
        self.screen.set_focus(self)  # at once: the next key may be there already
        self._set(question, "wait")

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """While it asks, every key is its own."""
        return self._asking

    def on_resize(self) -> None:
        """Another width may need another height."""
        self._fit()

    def on_key(self, event: events.Key) -> None:
        """Only `y` means yes; the key that asked does only where the question says so."""
        if not self._asking:
            return
        event.stop()
        event.prevent_default()
        yes = event.key == YES or event.key in self._again
        if yes or event.key in NO:
            self._answer(yes=yes)

    def on_blur(self) -> None:
        """Looking elsewhere (a mouse click) means no."""
        if self._asking:
            self._answer(yes=False)

    def _answer(self, *, yes: bool) -> None:
        self._asking = False
        self.can_focus = False
        self._set("", "")
        self.screen.set_focus(self._focused_before)
        self.post_message(self.Answered(yes))

    def _set(self, said: str, tone: str) -> None:
        self._said, self._tone = one_line(said), tone
        self._fit()
        self.redraw()

    def _fit(self) -> None:
        rows = len(self._lines(self.size.width)) if self.size.width else 1
        if self.styles.height is None or self.styles.height.value != rows:
            self.styles.height = rows

    def _lines(self, width: int) -> list[str]:
        """What is said, in rows that fit; a question leaves room for its answers."""
        if cells(self._said) + self._room_for_answers <= width:
            return [self._said]
        narrow = max(10, width - self._room_for_answers)
        return textwrap.wrap(
            self._said, narrow, max_lines=MOST_ROWS, placeholder=" …", break_on_hyphens=False
        )

    @property
    def _room_for_answers(self) -> int:
        return len(ANSWERS) if self._asking else 0

    def draw(self, width: int, height: int) -> list[Text]:
        """The note; the answers stand behind the last row of a question."""
        style = self.tone(self._tone)
        rows = [
            Text(shortened(line, width), style=style, no_wrap=True) for line in self._lines(width)
        ]
        if self._asking:
            key = self.tone("key")
            rows[-1] = Text.assemble(rows[-1], ("  y", key), " yes  ", ("n", key), " no")
        return rows
