"""What all screens of the deck have in common: they are fed while they are on top."""

from typing import ClassVar, cast

from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from tui.deck import Deck
from tui.keys import SCREEN_OF, Key
from tui.options import Options
from tui.widgets.canvas import TONE_CLASSES


class DeckScreen(Screen[None]):
    """A screen that shows what the feed read last, whenever it is on top."""

    COMPONENT_CLASSES = TONE_CLASSES
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (100, "-wide"), (160, "-vast")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (16, "-short"), (28, "-tall"), (38, "-high")]

    table_name: ClassVar[str]
    """Its name in the key table."""

    ready = False
    """Whether its widgets are there."""

    _had_focus: Widget | None = None
    """What had the focus last; a terminal that is too small hides it, and Textual gives it to nothing."""

    @property
    def deck(self) -> Deck:
        """The application."""
        return cast(Deck, self.app)

    @property
    def options(self) -> Options:
        """How the deck was started."""
        return self.deck.options

    @property
    def table_names(self) -> tuple[str, ...]:
        """Its names in the key table: first that of the tab in the focus, then its own."""
        found = (active.binding.id or "" for active in self.active_bindings.values())
        names = dict.fromkeys(name.partition(".")[0] for name in found)
        return (*(name for name in names if name in SCREEN_OF), self.table_name)

    def why_not(self, key: Key) -> str | None:
        """Why that key can do nothing now; None when it can."""
        return None

    def say(self, said: str, tone: str = "") -> None:
        """Show a note; a screen without room for one shows none."""

    def action_palette(self) -> None:
        """Show everything that can be done now."""
        self.deck.open_palette()

    def watch_focused(self, focused: Widget | None) -> None:
        """Keep in mind what had it."""
        self._had_focus = focused or self._had_focus

    def on_resize(self) -> None:
        """In a terminal that is large enough again, the focus is where it was."""
        self.call_after_refresh(self._focus_again)

    def _focus_again(self) -> None:
        had = self._had_focus
        if self.focused is None and self.is_current and had is not None and had.focusable:
            self.set_focus(had, scroll_visible=False)

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
