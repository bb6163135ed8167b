"""Screens that are read: the log of a job, and help."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message

from engine.status import JobState
from engine.watch import JobView
from tui import text
from tui.keys import HELP, KEYS, LOG, TITLES, Key, bindings_of, keys_of
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
        self.query_one(KeyBar).show([key for key in keys_of(self.table_name) if key.footer])

    def show_rows(self, heading: str, rows: Rows) -> None:
        """Show these rows under that heading."""
        self.query_one(Sheet).show(lambda w, _: [Text(heading, style=w.tone("title"))])
        self.query_one(Scroll).show(rows)

    def action_back(self) -> None:
        """Back to the screen before."""
        self.dismiss()

    def action_help(self) -> None:
        """Show the keys."""
        self.deck.open_help(self.table_name)

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


class HelpScreen(ReadingScreen):
    """What every key does, and what the signs mean."""

    table_name = HELP
    BINDINGS = bindings_of(HELP)

    def __init__(self, screen: str) -> None:
        super().__init__()
        self._about = screen

    def on_mount(self) -> None:
        """Everything stands in the key table."""
        rows = partial(help_rows, self._about, self.options.ascii_only)
        self.show_rows("Help", rows)


def help_rows(screen: str, ascii_only: bool, widget: Toned, width: int) -> list[Text]:
    """The keys of that screen first, then those of the others, then the states."""
    rows: list[Text] = []
    shown: set[str] = set()
    for name in (screen, *(other for other in TITLES if other not in (screen, HELP))):
        keys = [key for key in KEYS if name in key.screens and key.action not in shown]
        if not keys:
            continue
        rows += [Text(TITLES[name], style=widget.tone("title"))]
        rows += [_key_row(key, widget) for key in keys]
        rows.append(Text())
        shown |= {key.action for key in keys}
    rows.append(Text("States", style=widget.tone("title")))
    for state, meaning in STATES.items():
        sign = text.glyph(state, ascii_only=ascii_only)
        row = Text.assemble(
            "  ", (f"{sign} {state:<12}", widget.tone(text.TONES[state])), meaning, no_wrap=True
        )
        rows.append(row)
    return rows


def _key_row(key: Key, widget: Toned) -> Text:
    return Text.assemble(
        "  ",
        (f"{key.shown:<7}", widget.tone("key")),
        f"{key.label:<11}",
        (key.says, widget.tone("dim")),
        no_wrap=True,
    )


STATES = {
    JobState.QUEUED: "waits for its turn",
    JobState.STARTING: "imports, loads the model, tokenizes",
    JobState.RUNNING: "trains",
    JobState.PAUSING: "saves a checkpoint, then its process ends",
    JobState.PAUSED: "holds nothing; r lets it go on exactly where it was",
    JobState.CANCELLING: "is being stopped",
    JobState.CANCELLED: "was stopped; its checkpoints are there",
    JobState.COMPLETED: "reached its end",
    JobState.FAILED: "ended with an error, which is shown with what to do",
    JobState.INTERRUPTED: "lost its process; r goes on from the newest good checkpoint",
}
