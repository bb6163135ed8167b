"""One row to type into: what to search for, while it is typed."""

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.widgets.sheet import Sheet


class SearchPrompt(Horizontal):
    """Tells every letter; `enter` keeps what was found, `escape` forgets it."""

    @dataclass
    class Typed(Message):
        """The words are others now."""

        words: str

    @dataclass
    class Closed(Message):
        """Typing is over."""

        kept: bool

    def compose(self) -> ComposeResult:
        """The sign, the words, what was found."""
        yield Sheet(id="search-sign")
        yield Input(compact=True, select_on_focus=False, id="search-words")
        yield Sheet(id="search-found")

    def on_mount(self) -> None:
        """The sign never changes."""
        self.query_one("#search-sign", Sheet).say("/", "key")

    def open(self) -> None:
        """Begin to type, with nothing there."""
        self.display = True
        words = self.query_one(Input)
        with words.prevent(Input.Changed):
            words.value = ""
        self.say("")
        self.screen.set_focus(words)  # at once: the next letter may be there already

    def say(self, found: str) -> None:
        """How much was found."""
        self.query_one("#search-found", Sheet).say(found, "dim")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self.post_message(self.Typed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(kept=True)

    def on_key(self, event: events.Key) -> None:
        """`escape` ends the typing, and does not leave the screen."""
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self._close(kept=False)

    def on_descendant_blur(self) -> None:
        """Looking elsewhere (a mouse click) keeps what was found."""
        if self.display:
            self._close(kept=True)

    def _close(self, *, kept: bool) -> None:
        self.display = False
        self.post_message(self.Closed(kept))
