"""A screen that is read: a title, and rows that scroll."""

from rich.text import Text
from textual.app import ComposeResult

from tui.screens.base import DeckScreen
from tui.widgets.empty import TooSmall
from tui.widgets.key_bar import KeyBar
from tui.widgets.sheet import Rows, Scroll, Sheet


class ReadingScreen(DeckScreen):
    """A title and rows that scroll."""

    def compose(self) -> ComposeResult:
        """Title, rows, keys."""
        yield TooSmall(id="too-small")
        yield Sheet(id="heading")
        yield Scroll(id="reading")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Show the keys of this screen."""
        self.query_one(Scroll).focus()
        self.show_keys()

    def show_keys(self) -> None:
        """Put the keys that do something now into the footer."""
        keys = self.deck.keymap.of(self.table_name)
        self.query_one(KeyBar).show(
            [key for key in keys if key.footer and self.why_not(key) is None]
        )

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
        """Scroll to the end."""
        self.query_one(Scroll).to_end()
