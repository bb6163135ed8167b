"""What the screens with a form have in common: going through the fields, and leaving with care."""

from textual import events, on

from tui.keys import keys_of
from tui.screens.base import DeckScreen
from tui.widgets.field_row import FieldInput
from tui.widgets.form import Form
from tui.widgets.key_bar import KeyBar
from tui.widgets.note_line import NoteLine
from tui.widgets.submit_row import SubmitRow

READONLY = "the deck was opened with --readonly: this key changes nothing"


class FormScreen(DeckScreen):
    """A form, a row that submits it, and a note that may ask."""

    _leaving = False
    """Whether the open question is whether to leave."""

    @property
    def form(self) -> Form:
        """The form."""
        return self.query_one(Form)

    @property
    def unsaved(self) -> bool:
        """Whether leaving would lose what was typed."""
        raise NotImplementedError

    def submit(self) -> None:
        """Do what the last row says."""
        raise NotImplementedError

    def answered(self, yes: bool) -> None:
        """A question of the screen itself was answered."""

    def say(self, said: str, tone: str = "") -> None:
        """Show a note above the footer."""
        self.query_one(NoteLine).say(said, tone)

    def show_keys(self) -> None:
        """Put the keys into the footer; while a question is open, none."""
        keys = () if self.query_one(NoteLine).asking else keys_of(self.table_name)
        self.query_one(KeyBar).show([key for key in keys if key.footer])

    # --- going through the fields -----------------------------------------------------------------

    @property
    def stops(self) -> str:
        """What tab stops at."""
        return "FieldInput, SubmitRow"

    def action_next_field(self) -> None:
        """Go to the next field; an open question keeps the focus."""
        if not self.query_one(NoteLine).asking:
            self.focus_next(self.stops)

    def action_previous_field(self) -> None:
        """Go to the field before; an open question keeps the focus."""
        if not self.query_one(NoteLine).asking:
            self.focus_previous(self.stops)

    def action_next_row(self) -> None:
        """Go to the next field."""
        self.action_next_field()

    def action_previous_row(self) -> None:
        """Go to the field before."""
        self.action_previous_field()

    def action_page_down(self) -> None:
        """Scroll the form down one page."""
        self.form.scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """Scroll the form up one page."""
        self.form.scroll_page_up(animate=False)

    def action_accept(self) -> None:
        """Press the last row; in a field, enter is the field's own."""
        if not isinstance(self.focused, FieldInput):
            self.submit()

    @on(events.DescendantFocus)
    def _keep_visible(self, event: events.DescendantFocus) -> None:
        """Scroll to the field once more when all has found its place, which its focus may have changed."""
        if isinstance(event.widget, FieldInput):
            self.call_after_refresh(self.form.keep_visible)

    @on(SubmitRow.Pressed)
    def _pressed(self) -> None:
        self.submit()

    # --- leaving ----------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Leave; what was typed is not lost unasked."""
        if not self.unsaved:
            self.dismiss()
            return
        back = next(key for key in self.deck.keymap.of(self.table_name) if key.action == "back")
        said = f"Leave? What was typed is lost. {back.shown} again leaves too."
        self._leaving = True
        self.query_one(NoteLine).ask(said, again=back.keys)
        self.show_keys()

    @on(NoteLine.Answered)
    def _answered(self, event: NoteLine.Answered) -> None:
        self.show_keys()
        leaving, self._leaving = self._leaving, False
        if not leaving:
            self.answered(event.yes)
        elif event.yes:
            self.dismiss()
