"""The log: its end as it grows, to search and to copy from."""

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from tui.keys import LOG, Key, bindings_of
from tui.messages import LogGrew
from tui.tabs.tab import KeysChanged, Noted, RowsTab
from tui.widgets.log_view import LogView
from tui.widgets.search_prompt import SearchPrompt
from tui.widgets.sheet import Sheet

LOG_BYTES = 1024 * 1024
"""How much of the end of a log is read."""

LOG_LINES = 5000
"""How many of its last lines are shown."""

NOTHING_SEARCHED = "nothing is searched for yet"
NO_LINE = "there is no line to copy yet"


class LogTab(RowsTab):
    """Lines above, and below them what is followed, found and selected."""

    table_name = LOG
    BINDINGS = bindings_of(LOG)

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self._words = ""
        self._start = 0
        """The line from which the search that is typed began."""
        self._followed = False
        """Whether it was at the end then, and stayed there."""
        self._more = False

    def compose(self) -> ComposeResult:
        """The lines, and one row that says how they are shown or takes what to search for."""
        yield LogView(id="log-view")
        yield Sheet(id="log-state")
        yield SearchPrompt(id="log-search")

    def on_mount(self) -> None:
        """Nothing is typed yet."""
        self.query_one(SearchPrompt).display = False
        self._say_state()

    @property
    def rows(self) -> LogView:
        """The lines."""
        return self.query_one(LogView)

    def take(self, message: Message) -> None:
        """Show the log as it is now."""
        if isinstance(message, LogGrew):
            self._more = len(message.lines) > LOG_LINES
            self.rows.show(message.lines[-LOG_LINES:])

    @property
    def typing(self) -> bool:
        """Whether every key is a letter of what is searched for."""
        return bool(self.query_one(SearchPrompt).display)

    def why_not(self, key: Key) -> str | None:
        """Going through what was found needs something to be searched for."""
        if key.action in {"next_match", "previous_match"} and not self._words:
            return NOTHING_SEARCHED
        if key.action == "copy_line" and self.rows.line is None:
            return NO_LINE
        return None

    def leave(self) -> bool:
        """Forget what was searched for."""
        if not self._words:
            return False
        self._search("", None)
        return True

    def action_search(self) -> None:
        """Type what to search for."""
        self._start, self._followed = max(0, self.rows.position - 1), self.rows.follows
        self.query_one("#log-state").display = False
        self.query_one(SearchPrompt).open()
        self.post_message(KeysChanged())

    @on(SearchPrompt.Typed)
    def _typed(self, event: SearchPrompt.Typed) -> None:
        event.stop()
        self._search(event.words, self._start)
        prompt = self.query_one(SearchPrompt)
        prompt.say(self._found_words() if event.words else "")

    @on(SearchPrompt.Closed)
    def _end_typing(self, event: SearchPrompt.Closed) -> None:
        event.stop()
        self.query_one("#log-state").display = True
        self.screen.set_focus(self)
        if not event.kept:
            self._search("", self._start)
            self.rows.follow(self._followed)
        elif self._words and not self.rows.found[1]:
            self.post_message(Noted(f"{self._words!r} is not in these lines", "wait"))
        self._say_state()
        self.post_message(KeysChanged())

    def _search(self, words: str, start: int | None) -> None:
        self._words = words
        self.rows.search(words, start)
        self.post_message(KeysChanged())

    def action_next_match(self) -> None:
        """Go to the next line that was found."""
        self._go(backward=False)

    def action_previous_match(self) -> None:
        """Go to the line that was found before."""
        self._go(backward=True)

    def _go(self, *, backward: bool) -> None:
        if not self._words:
            self.post_message(Noted(NOTHING_SEARCHED, "wait"))
        elif not self.rows.found[1]:
            self.post_message(Noted(f"{self._words!r} is not in these lines", "wait"))
        elif not self.rows.next_found(backward=backward):
            end = "last" if backward else "first"
            self.post_message(Noted(f"went on from the {end} one"))

    def action_follow(self) -> None:
        """Stay at the end, or cease to."""
        self.rows.follow(not self.rows.follows)

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.rows.wrap(not self.rows.wraps)

    def action_copy_line(self) -> None:
        """Copy the selected line."""
        line = self.rows.line
        if line is None:
            self.post_message(Noted(NO_LINE, "wait"))
        else:
            self.app.copy_to_clipboard(line)
            self.post_message(Noted(f"copied line {self.rows.position} to the clipboard", "good"))

    @on(LogView.Moved)
    def _moved(self, event: LogView.Moved) -> None:
        event.stop()
        self._say_state()

    def _found_words(self) -> str:
        at, of = self.rows.found
        return f"{at or '-'}/{of} lines" if of else "not found"

    def _say_state(self) -> None:
        """How the lines are shown."""
        rows = self.rows
        all_lines = f"{len(rows.lines)}{'+' if self._more else ''}"
        said = [
            "follows the end" if rows.follows else "does not follow (f does)",
            f"line {rows.position} of {all_lines}",
            "long lines wrapped" if rows.wraps else "long lines cut",
        ]
        if self._words:
            said.insert(0, f"/{self._words}  {self._found_words()}")
        self.query_one("#log-state", Sheet).say("  ·  ".join(said), "dim")
