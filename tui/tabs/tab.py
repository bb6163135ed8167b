"""What all tabs have in common: they are told what is new while they are the one that is seen."""

from dataclasses import dataclass
from typing import ClassVar, Protocol

from textual.message import Message
from textual.widget import Widget

from engine.watch import JobView
from tui.keys import Key


@dataclass
class Noted(Message):
    """A tab has something to say above the footer."""

    said: str
    tone: str = ""


@dataclass
class KeysChanged(Message):
    """Other keys of a tab do something now."""


class Tab(Widget, can_focus=True):
    """One side of a job; knows nothing of the screen around it."""

    table_name: ClassVar[str]
    """Its name in the key table."""

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ascii_only = ascii_only

    def show_job(self, job: JobView) -> None:
        """Show what the job's list entry says."""

    def take(self, message: Message) -> None:
        """Show what a message of the feed says of the job; of a kind that is none of its own, nothing."""

    def show_second(self) -> None:
        """Bring ages up to date."""

    def useful(self, key: Key) -> bool:
        """Whether that key of its table does something now."""
        return True

    def why_not(self, key: Key) -> str | None:
        """Why that key of its table can do nothing now; None when it can."""
        return None if self.useful(key) else "there is nothing to do for that key now"

    def leave(self) -> bool:
        """Step back inside the tab, as `esc` asks; False when there is nothing to step back from."""
        return False


class Movable(Protocol):
    """Rows that one can go through."""

    def move(self, rows: int) -> None:
        """Go down so many rows; up when negative."""

    def page(self, pages: int) -> None:
        """Go down so many pages; up when negative."""

    def to_top(self) -> None:
        """Go to the first row."""

    def to_end(self) -> None:
        """Go to the last row."""


class RowsTab(Tab):
    """A tab that is read row by row."""

    @property
    def rows(self) -> Movable:
        """What its keys move through."""
        raise NotImplementedError

    def action_down(self) -> None:
        """Go down one row."""
        self.rows.move(1)

    def action_up(self) -> None:
        """Go up one row."""
        self.rows.move(-1)

    def action_page_down(self) -> None:
        """Go down one page."""
        self.rows.page(1)

    def action_page_up(self) -> None:
        """Go up one page."""
        self.rows.page(-1)

    def action_top(self) -> None:
        """Go to the first row."""
        self.rows.to_top()

    def action_bottom(self) -> None:
        """Go to the last row."""
        self.rows.to_end()
