"""What screens and widgets may ask of the application, so that it can import them and they not it."""

from collections.abc import Sequence
from typing import Protocol

from textual.message import Message

from engine.store import Store
from engine.watch import JobView
from tui.feed import Feed
from tui.keymap import Keymap
from tui.options import Options
from tui.visit import Visit


class Deck(Protocol):
    """The application, as `DeckScreen.deck` gives it. What `tui/app.py` offers to screens stands here too."""

    store: Store
    options: Options
    keymap: Keymap
    feed: Feed
    latest: dict[type[Message], Message]
    visit: Visit

    @property
    def problems(self) -> tuple[str, ...]:
        """What the user's settings say that means nothing, in words."""

    def say(self, said: str, tone: str = "") -> None:
        """Show a note on the screen on top."""

    def follow(self, job: JobView | None) -> None:
        """Read this job's curves, log and details from now on."""

    def open_job(self, job: JobView) -> None:
        """Show everything about a job."""

    def open_log(self, job: JobView) -> None:
        """Show the end of a job's log."""

    def open_new(self, copy_of: JobView | None = None) -> None:
        """Show the screen that makes a job, filled in as a copy where there is one to copy."""

    def open_edit(self, job: JobView) -> None:
        """Show what can still be changed of a paused job."""

    def go_home(self) -> None:
        """Close every screen above home."""

    def open_compare(self, jobs: Sequence[JobView]) -> None:
        """Show the curves of several jobs in one chart."""

    def open_help(self) -> None:
        """Show the keys, first those of the screen and tab on top."""

    def open_palette(self) -> None:
        """Show everything that can be done now."""

    def choose_theme(self, name: str) -> None:
        """Take other colours, at the next visit too."""

    def copy(self, copied: str) -> None:
        """Put something on the clipboard, and say so."""

    def run_demo(self) -> None:
        """Queue the bundled fine-tune."""

    def made(self, job_id: str) -> None:
        """Highlight a new job as soon as it is seen."""

    def tell_home(self, said: str, warning: bool) -> None:
        """Say something on the home screen."""

    def leave(self) -> None:
        """Close the deck, and say what goes on without it."""
