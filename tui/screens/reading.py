"""Screens that are read: a title, and rows that scroll; the log of a job is one."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message

from engine.watch import JobView
from tui import text
from tui.keys import LOG, bindings_of
from tui.messages import LogGrew
from tui.screens.base import DeckScreen
from tui.widgets.canvas import Toned
from tui.widgets.empty import TooSmall
from tui.widgets.key_bar import KeyBar
from tui.widgets.sheet import Rows, Scroll, Sheet

LOG_BYTES = 1024 * 1024
"""How much of the end of a log is shown."""
LOG_LINES = 5000


class ReadingScreen(DeckScreen):
    """A title and rows that scroll."""

    follows: ClassVar[bool] = False

    def compose(self) -> ComposeResult:
        """Title, rows, keys."""
        yield TooSmall(id="too-small")
        yield Sheet(id="heading")
        yield Scroll(follows=self.follows, id="reading")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Show the keys of this screen."""
        self.query_one(Scroll).focus()
        keys = self.deck.keymap.of(self.table_name)
        self.query_one(KeyBar).show([key for key in keys if key.footer])

    def show_rows(self, heading: str, rows: Rows) -> None:
        """Show these rows under that heading."""
        self.query_one(Sheet).show(lambda w, _: [Text(heading, style=w.tone("title"))])
        self.query_one(Scroll).show(rows)

    def action_back(self) -> None:
        """Back to the screen before."""
        self.dismiss()

    def action_help(self) -> None:
        """Show the keys."""
        self.deck.open_help()

    def action_quit_deck(self) -> None:
        """Close the deck; the jobs go on."""
        self.deck.leave()

    def action_down(self) -> None:
        """Scroll down one row."""
        self.query_one(Scroll).move(1)

    def action_up(self) -> None:
        """Scroll up one row."""
        self.query_one(Scroll).move(-1)

    def action_page_down(self) -> None:
        """Scroll down one page."""
        self.query_one(Scroll).page(1)

    def action_page_up(self) -> None:
        """Scroll up one page."""
        self.query_one(Scroll).page(-1)

    def action_top(self) -> None:
        """Scroll to the beginning."""
        self.query_one(Scroll).to_top()

    def action_bottom(self) -> None:
        """Scroll to the end, and stay there."""
        self.query_one(Scroll).to_end()


class LogScreen(ReadingScreen):
    """The end of a job's log, which grows."""

    table_name = LOG
    BINDINGS = bindings_of(LOG)
    follows = True

    def __init__(self, job: JobView) -> None:
        super().__init__()
        self._job = job

    def on_mount(self) -> None:
        """Ask for more of the log than the tail of home."""
        self.deck.feed.lengthen_log(LOG_BYTES)

    def take(self, message: Message) -> None:
        """Show the log as it is now."""
        if isinstance(message, LogGrew) and message.job_id == self._job.id:
            lines = message.lines[-LOG_LINES:]
            heading = f"log of {text.short_id(self._job.id)}  {self._job.job.log_file}"
            self.show_rows(heading, partial(log_rows, lines))


def log_rows(lines: Sequence[str], widget: Toned, width: int) -> list[Text]:
    """The lines as they are."""
    if not lines:
        return [Text("nothing logged yet", style=widget.tone("dim"))]
    return [Text(line, no_wrap=True) for line in lines]
