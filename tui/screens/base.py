"""What all screens of the deck have in common: they are fed while they are on top."""

from typing import TYPE_CHECKING, ClassVar

from textual.message import Message
from textual.screen import Screen

from tui.options import Options
from tui.widgets.canvas import TONE_CLASSES

if TYPE_CHECKING:
    from tui.app import DeckApp


class DeckScreen(Screen[None]):
    """A screen that shows what the feed read last, whenever it is on top."""

    COMPONENT_CLASSES = TONE_CLASSES
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-wide"), (160, "-vast")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-short"), (28, "-tall"), (38, "-high")]

    table_name: ClassVar[str]
    """Its name in the key table."""

    ready = False
    """Whether its widgets are there."""

    @property
    def deck(self) -> "DeckApp":
        """The application."""
        return self.app  # type: ignore[return-value]  # there is no other

    @property
    def options(self) -> Options:
        """How the deck was started."""
        return self.deck.options

    def take(self, message: Message) -> None:
        """Show what a message of the feed says."""

    def on_mount(self) -> None:
        """Show what was read before this screen was there; runs after the screen's own."""
        self.set_class(self.options.ascii_only, "-ascii")
        self.ready = True
        self._catch_up()

    def on_screen_resume(self) -> None:
        """Catch up with what was read while another screen was on top."""
        if self.ready:
            self._catch_up()

    def _catch_up(self) -> None:
        for message in list(self.deck.latest.values()):
            self.take(message)
