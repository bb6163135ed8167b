"""Edit: a short form of the settings that a paused job can still change, and what each would lead to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from engine import actions
from engine.edits.editable import Editable
from engine.edits.rules import Preview
from engine.errors import Problem, SpecError, TunedeckError
from engine.watch import JobView
from tui import text
from tui.form.fields import FormField, field_of, text_of, value_of
from tui.keys import EDIT, bindings_of
from tui.screens import remarks
from tui.screens.forms import READONLY, FormScreen
from tui.widgets.about import About, wrapped
from tui.widgets.canvas import Toned
from tui.widgets.empty import TooSmall
from tui.widgets.field_row import FieldInput, FieldRow
from tui.widgets.form import Form, row_of
from tui.widgets.key_bar import KeyBar
from tui.widgets.note_line import NoteLine
from tui.widgets.sheet import Sheet
from tui.widgets.submit_row import SubmitRow

PAUSE_SECONDS = 0.3
"""How long after the last key an edit is tried."""

NOTHING = "nothing is changed yet"
DECIDED = "tunedeck decides"


class EditScreen(FormScreen):
    """Changes what is still to be trained."""

    table_name = EDIT
    BINDINGS = bindings_of(EDIT)

    @dataclass
    class Known(Message):
        """It is known what can be edited, or why nothing can."""

        fields: list[Editable]
        problem: str = ""

    @dataclass
    class Tried(Message):
        """It is known what an edit would do, or why it cannot be."""

        changes: Mapping[str, Any]
        preview: Preview | None
        problems: tuple[Problem, ...] = ()

    @dataclass
    class Applied(Message):
        """The edit is stored."""

        preview: Preview

    def __init__(self, job: JobView) -> None:
        super().__init__()
        self._job = job
        self._known: dict[str, tuple[FormField, Editable]] = {}
        self._preview: Preview | None = None
        self._pause: Timer | None = None

    # --- what is on the screen --------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The form, beside it what it leads to; the row that applies it."""
        yield TooSmall(id="too-small")
        yield Sheet(id="heading")
        with Horizontal(id="work"):
            yield Form(id="form")
            with VerticalScroll(id="found-panel", classes="panel", can_focus=False):
                yield Sheet(id="found")
        yield About(id="about")
        yield SubmitRow("Apply", id="submit")
        yield NoteLine(ascii_only=self.options.ascii_only, id="note")
        yield KeyBar(id="keys")

    def _parts(self) -> Iterator[str | FieldRow]:
        group = ""
        for key, (known, one) in self._known.items():
            if one.group != group:
                group = one.group
                yield group
            yield row_of(key, known)

    def on_mount(self) -> None:
        """Show what is in force."""
        status = self._job.status
        said = f"edit {text.short_id(self._job.id)}: {status.state} at step {text.steps(status)}"
        self.query_one("#heading", Sheet).show(lambda w, _: [Text(said, style=w.tone("title"))])
        self.query_one("#found-panel").border_title = "what it leads to"
        self.show_keys()
        self._show_outcome((), None)
        self._read()

    @work(thread=True, group="read")
    def _read(self) -> None:
        """Ask the engine what can be edited."""
        try:
            self.post_message(self.Known(actions.editable(self._job.job)))
        except TunedeckError as error:
            self.post_message(self.Known([], f"{error.message}: {error.hint}"))

    @on(Known)
    async def _fill(self, event: Known) -> None:
        """Make the form."""
        if event.problem:
            self.say(event.problem, "bad")
            return
        self._known = {one.field: (_form_field(one), one) for one in event.fields}
        await self.form.put_in(list(self._parts()))
        for row in self.form.fields():
            known, one = self._known[row.key]
            row.input.propose(known.default or DECIDED, takes=bool(known.default))
            row.input.disabled = bool(one.fixed)
        self._show_outcome((), None)
        self.action_next_field()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Say what the field is."""
        if isinstance(event.widget, FieldInput):
            known, one = self._known[event.widget.key]
            value = f"now {known.default or DECIDED}{' (the default)' if one.is_default else ''}"
            choices = f" One of: {', '.join(known.choices)}." if known.choices else ""
            back = "" if one.is_default else " null puts the default back."
            self.query_one(About).show(f"{known.key}: {one.help}; {value}.{choices}{back}")
        elif isinstance(event.widget, SubmitRow):
            self.query_one(About).show("enter applies the changes, after a question")

    # --- trying -----------------------------------------------------------------------------------

    @property
    def _changes(self) -> dict[str, Any]:
        """What is typed, as values; an empty field stays as it is."""
        typed = {row.key: row.input.value.strip() for row in self.form.fields()}
        return {key: value_of(self._known[key][0], one) for key, one in typed.items() if one}

    @property
    def unsaved(self) -> bool:
        """Whether anything was typed."""
        return bool(self._changes)

    @on(Input.Changed)
    def _typed(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE_SECONDS, self._try_now)
        self._preview = None
        self.query_one(SubmitRow).show("checking", "dim")

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.action_next_field()

    def _try_now(self) -> None:
        self._try(self._changes)

    @work(thread=True, group="try")
    def _try(self, changes: Mapping[str, Any]) -> None:
        """Ask the engine what the edit would do."""
        try:
            self.post_message(self.Tried(changes, actions.preview_edit(self._job.job, changes)))
        except SpecError as error:
            self.post_message(self.Tried(changes, None, tuple(error.problems)))
        except TunedeckError as error:
            problem = Problem("", error.message, error.hint)
            self.post_message(self.Tried(changes, None, (problem,)))

    @on(Tried)
    def _show_tried(self, event: Tried) -> None:
        if event.changes == self._changes:
            self._preview = event.preview
            self._show_outcome(event.problems, event.preview)

    def _show_outcome(self, problems: tuple[Problem, ...], preview: Preview | None) -> None:
        changed = {change.field for change in preview.changes} if preview is not None else set()
        for row in self.form.fields():
            fixed = self._known[row.key][1].fixed
            own = [one for one in problems if one.field == row.key]
            said = [words for one in own for words in remarks.told(one.message, one.hint)]
            mark = "bad" if own else "wait" if row.key in changed else ""
            row.tell(said or ([("dim", fixed)] if fixed else []), mark)
        self.query_one("#found", Sheet).show(partial(outcome_rows, preview))
        submit = self.query_one(SubmitRow)
        if problems:
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            field = f"{problems[0].field}: " if problems[0].field else ""
            submit.show(f"{field}{problems[0].message}{more}", "bad")
        elif preview is None or not preview.changes:
            submit.show(NOTHING, "dim")
        else:
            submit.show(_said(preview), "good")

    # --- applying ---------------------------------------------------------------------------------

    def submit(self) -> None:
        """Ask, and apply."""
        self.action_apply()

    def action_apply(self) -> None:
        """Ask whether to change what is typed."""
        if self.options.readonly:
            self.say(READONLY, "wait")
        elif self._preview is None or not self._preview.changes:
            self.say(f"not applied: {self.query_one(SubmitRow).said}", "wait")
        else:
            self.query_one(NoteLine).ask(f"Change {_said(self._preview)}?")
            self.show_keys()

    def answered(self, yes: bool) -> None:
        """Apply it, or go on typing."""
        if yes:
            self._apply(self._changes)
        else:
            self.say("nothing was changed")

    @work(thread=True, group="apply")
    def _apply(self, changes: Mapping[str, Any]) -> None:
        try:
            self.post_message(self.Applied(actions.edit(self._job.job, changes, by="deck")))
        except SpecError as error:
            self.post_message(self.Tried(changes, None, tuple(error.problems)))
        except TunedeckError as error:
            problem = Problem("", error.message, error.hint)
            self.post_message(self.Tried(changes, None, (problem,)))
        self.deck.feed.look_again()

    @on(Applied)
    def _applied(self, event: Applied) -> None:
        self.dismiss()
        resume = self.deck.keymap.sign("resume")
        name = text.short_id(self._job.id)
        said = f"{name}: {_said(event.preview)}; {resume} lets it go on with that"
        self.call_later(self.deck.say, said, "good")


def _form_field(one: Editable) -> FormField:
    known = field_of(one.field) or FormField(one.field, one.type)
    value = text_of(known, one.value) if one.value is not None else ""
    return replace(known, default=value, choices=tuple(map(str, one.choices)))


def _said(preview: Preview) -> str:
    """The changes in one line."""
    told = [
        f"{change.field.partition('.')[2]} {change.shown_before} -> {change.shown_after}"
        for change in preview.changes
    ]
    return f"{', '.join(told)} after step {preview.at_step}"


def outcome_rows(preview: Preview | None, widget: Toned, width: int) -> list[Text]:
    """Every change with what it was, and what follows from them."""
    if preview is None or not preview.changes:
        return [Text(NOTHING, style=widget.tone("dim"))]
    rows = []
    for change in preview.changes:
        rows.append(Text(change.field, style=widget.tone("title")))
        for line in wrapped(f"{change.shown_before} -> {change.shown_after}", width - 2, 3):
            rows.append(Text(f"  {line}", style=widget.tone("wait")))
        if change.derived:
            rows += [Text(f"  {line}") for line in wrapped(change.derived, width - 2, 3)]
    rows.append(Text())
    for words in preview.consequences:
        rows += [Text(line) for line in wrapped(words, width, 6)]
    return rows
