"""New job: a form over the fields of a spec, checked while it is typed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widgets import DirectoryTree, Input

from engine import actions
from engine.errors import Problem, TunedeckError
from engine.gpu import GPU
from engine.store import slug
from engine.text import one_line
from engine.watch import JobView
from tui import paths, text
from tui.form import beginnings, starting
from tui.form.data_look import DataLook
from tui.form.draft import Draft, save
from tui.form.fields import GROUPS, complete_setting, field_of, setting
from tui.form.findings import Findings, check, sentence
from tui.keys import NEW, bindings_of
from tui.messages import JobsChanged, TelemetryRead
from tui.paths import Wanted
from tui.screens import remarks
from tui.screens.forecast import found_rows, spec_rows
from tui.screens.forms import READONLY, FormScreen
from tui.widgets.about import About
from tui.widgets.empty import TooSmall
from tui.widgets.field_row import FieldInput, FieldRow
from tui.widgets.form import Form, row_of
from tui.widgets.key_bar import KeyBar
from tui.widgets.note_line import NoteLine
from tui.widgets.path_tree import PathTree
from tui.widgets.sheet import Sheet
from tui.widgets.submit_row import SubmitRow

PAUSE_SECONDS = 0.3
"""How long after the last key the checks begin."""

START, ADD = "start from", "add a setting"
"""The two rows that are no field of the spec."""


class NewScreen(FormScreen):
    """Makes a job: from nothing, from a spec, from data, or as a copy of a job."""

    table_name = NEW
    BINDINGS = bindings_of(NEW)

    @dataclass
    class Drafted(Message):
        """There is something to begin with."""

        draft: Draft
        said: str = ""

    @dataclass
    class NotDrafted(Message):
        """What was to begin with cannot be read."""

        message: str
        hint: str

    @dataclass
    class Checked(Message):
        """A draft was checked."""

        draft: Draft
        found: Findings
        to_queue: bool

    @dataclass
    class Made(Message):
        """The job waits in the queue."""

        job_id: str
        notice: str

    @dataclass
    class Saved(Message):
        """The spec was written, or not."""

        said: str
        tone: str

    def __init__(self, copy_of: JobView | None = None) -> None:
        super().__init__()
        self._copy_of = copy_of
        self._draft = Draft()
        self._loaded: Mapping[str, str] = {}
        """The texts as they were filled in, to know whether anything was typed."""
        self._found: Findings | None = None
        self._look = DataLook()
        self._pause: Timer | None = None
        self._checking = self._queueing = False
        self._started_from = ""
        self._at = START
        """The field that had the focus last."""

    # --- what is on the screen --------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """The form; beside it, or instead of it, what was found; then what would happen."""
        yield TooSmall(id="too-small")
        yield Sheet(id="heading")
        with Horizontal(id="work"):
            yield Form(list(self._parts()), id="form")
            with Vertical(id="side"):
                with Vertical(id="files-panel", classes="panel"):
                    yield PathTree(Path.cwd(), id="files")
                with VerticalScroll(id="found-panel", classes="panel"):
                    yield Sheet(id="found")
                with VerticalScroll(id="spec-panel", classes="panel"):
                    yield Sheet(id="spec")
        yield About(id="about")
        yield SubmitRow("Queue it", id="submit")
        yield NoteLine(ascii_only=self.options.ascii_only, id="note")
        yield KeyBar(id="keys")

    def _parts(self) -> Iterator[str | FieldRow]:
        if self._copy_of is None:
            yield FieldRow(START, START, starting.complete, known=False)
        for group, keys in GROUPS.items():
            if group:
                yield group
            yield from (row_of(key, field_of(key)) for key in keys)
        yield "more settings"
        yield FieldRow(ADD, ADD, self._complete_setting, known=False)

    def _complete_setting(self, typed: str) -> str | None:
        return complete_setting(typed, self._draft.method)

    def on_mount(self) -> None:
        """Begin with the first field."""
        job = self._copy_of
        said = f"new job: a copy of {text.short_id(job.id)}" if job is not None else "new job"
        self.query_one("#heading", Sheet).show(lambda w, _: [Text(said, style=w.tone("title"))])
        self.query_one("#found-panel").border_title = "rows as they will be read"
        self.query_one("#spec-panel").border_title = "spec: what differs from the defaults"
        self.show_keys()
        self._show_draft()
        self.form.focus_on(START if job is None else "name")
        self._begin()

    @property
    def _side(self) -> Vertical:
        """What stands beside the form, or below it."""
        return self.query_one("#side", Vertical)

    # --- what it begins with ----------------------------------------------------------------------

    @work(thread=True, group="begin")
    def _begin(self) -> None:
        """Read the job to copy, or find the model that most likely is meant."""
        job = self._copy_of
        changed = self.deck.latest.get(JobsChanged)
        names = {one.name for one in changed.jobs} if isinstance(changed, JobsChanged) else set()
        try:
            store = self.deck.store
            draft = beginnings.first(store) if job is None else beginnings.copy_of(job.job, names)
        except TunedeckError as error:
            self.post_message(self.NotDrafted(error.message, error.hint))
        else:
            self.post_message(self.Drafted(draft))

    @work(thread=True, group="begin")
    def _start_from(self, typed: str, draft: Draft) -> None:
        """Read a recipe or a spec, or look at data."""
        try:
            self.post_message(self.Drafted(*beginnings.from_typed(draft, typed)))
        except TunedeckError as error:
            self.post_message(self.NotDrafted(error.message, error.hint))
        except (OSError, ValueError) as error:
            self.post_message(self.NotDrafted(f"{paths.expand(typed)}: {error}", ""))

    @on(Drafted)
    async def _fill(self, event: Drafted) -> None:
        """Put the draft into the form."""
        draft = event.draft
        if not event.said:  # what was typed before it was read stays
            draft = Draft({**draft.texts, **self._draft.texts}, draft.before)
        self._draft = draft
        self._loaded = event.draft.texts
        for key in draft.extras:
            await self._add(key)
        self.form.fill(draft.texts)
        if event.said:
            self.form.rows[START].tell(())
            self.say(event.said, "good")
            self.form.focus_on("name" if draft.text("data.train") else "data.train")
        self._show_draft()
        self._check_soon()

    @on(NotDrafted)
    def _not_filled(self, event: NotDrafted) -> None:
        if self._copy_of is None:
            self._started_from = ""
            self.form.rows[START].tell(remarks.told(event.message, event.hint), "bad")
        else:
            self.say(f"{event.message}: {event.hint}", "bad")

    async def _add(self, key: str) -> None:
        """Add the row of a setting, before the one that adds them."""
        form = self.form
        if key not in form.rows:
            row = row_of(key, field_of(key, self._draft.method), whole_name=True)
            await form.add(row, before=form.rows[ADD])
            row.input.propose(self._draft.default(key))

    # --- typing -----------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        assert isinstance(event.input, FieldInput)
        key = event.input.key
        if key in (START, ADD):
            self.form.rows[key].tell(())
        else:
            self._draft = self._draft.typed(key, event.value)
            self._check_soon()
        if event.input.has_focus:
            self._show_about(key)
            self._show_tree(key)

    @on(Input.Submitted)
    async def _entered(self, event: Input.Submitted) -> None:
        assert isinstance(event.input, FieldInput)
        if event.input.key == ADD and event.value.strip():
            await self._add_setting(event.value)
        elif event.input.key == START and event.value.strip() != self._started_from:
            self._read_start()
        else:
            self.action_next_field()

    @on(Input.Blurred)
    def _left(self, event: Input.Blurred) -> None:
        assert isinstance(event.input, FieldInput)
        if event.input.key == START and not isinstance(self.focused, PathTree):
            self._read_start()

    def _read_start(self) -> None:
        """Fill in the form from the file of the first row, once."""
        row = self.form.rows[START]
        typed = row.input.value.strip()
        if not typed or typed == self._started_from:
            return
        if starting.is_recipe(typed) or paths.exists(paths.expand(typed)):
            self._started_from = typed
            self._start_from(typed, self._draft)
        else:
            row.tell([("bad", f"no such file: {paths.expand(typed)}")], "bad")

    async def _add_setting(self, typed: str) -> None:
        """Add the row of a setting by its name, with its value where that is typed too."""
        name, value = remarks.name_and_value(typed)
        found = setting(name, self._draft.method)
        row = self.form.rows[ADD]
        if isinstance(found, Problem):
            row.tell(remarks.told(f"{found.field}: {found.message}", found.hint), "bad")
            return
        await self._add(found)
        row.fill("")
        row.tell(())
        if value:
            self.form.rows[found].input.value = value
        self.form.focus_on(found)

    # --- checks -----------------------------------------------------------------------------------

    def _check_soon(self) -> None:
        """Check when nothing was typed for a moment."""
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE_SECONDS, self._check_now)
        if not self._queueing:
            self.query_one(SubmitRow).show("checking", "dim")

    def _check_now(self) -> None:
        self._show_draft()
        self._show_line(self._at)
        if not self._checking:  # when that check ends, it sees that the draft is another
            self._checking = True
            self._check(self._draft, self._look, to_queue=False)

    @work(thread=True, group="check")
    def _check(self, draft: Draft, look: DataLook, *, to_queue: bool) -> None:
        """Check a draft, and queue it where that is wanted and nothing is wrong."""
        try:
            found = check(draft, look)
            if to_queue and found.spec is not None:
                store = self.deck.store
                job = actions.submit(store, found.spec, by="deck")
                notice = actions.token_notice(store) or next(iter(found.warnings), "")
                self.post_message(self.Made(job.id, notice))
                return
        except TunedeckError as error:
            found = Findings({"": (Problem("", error.message, error.hint),)})
        except (OSError, ValueError) as error:
            found = Findings({"": (Problem("", f"it cannot be checked: {error}"),)})
        self.post_message(self.Checked(draft, found, to_queue))

    @on(Checked)
    def _show_findings(self, event: Checked) -> None:
        if event.to_queue:
            self._queueing = False
        else:
            self._checking = False
        if event.draft != self._draft:
            self._check_soon()
            return
        self._found = found = event.found
        self._show_draft()
        self.query_one("#found", Sheet).show(partial(found_rows, found))
        submit = self.query_one(SubmitRow)
        if found.spec is not None:
            submit.show(sentence(found.spec, found), "good")
            return
        missing = remarks.missing(found)
        submit.show(missing, "bad")
        if event.to_queue:
            self.say(f"not queued: {missing}", "bad")
            self._focus_on_first(found)

    def _focus_on_first(self, found: Findings) -> None:
        key = next((key for key, _ in found.first if key in self.form.rows), None)
        if key is not None:
            self.form.focus_on(key)

    # --- what is shown ----------------------------------------------------------------------------

    def _show_draft(self) -> None:
        """Show the spec, the marks of the fields, and what holds where nothing is typed."""
        draft, found = self._draft, self._found
        self.query_one("#spec", Sheet).show(partial(spec_rows, draft, Path.cwd()))
        for row in self.form.fields():
            said, mark = remarks.of_field(row.key, draft, found)
            row.tell(said, mark)
            guessed = found.columns if found is not None and row.key == "data.columns" else ""
            row.input.propose(draft.default(row.key) or guessed)

    def _show_line(self, key: str) -> None:
        """Scroll the spec to the line of a field."""
        lines = [line.key for line in self._draft.lines(Path.cwd())]
        if key in lines:
            panel = self.query_one("#spec-panel")
            panel.scroll_to(y=lines.index(key) - panel.size.height // 2, animate=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Show what belongs to the field that has the focus."""
        if isinstance(event.widget, FieldInput):
            self._at = event.widget.key
            self._show_about(event.widget.key)
            self._show_tree(event.widget.key)
        elif isinstance(event.widget, SubmitRow):
            self.query_one(About).show("enter queues the job")
            self._side.remove_class("-picking")

    def _show_about(self, key: str) -> None:
        method = self._draft.method
        if key == ADD:
            said = remarks.about_settings(self.form.rows[ADD].input.value, method)
        elif key == START:
            sign = self.deck.keymap.sign("recipe")
            said = starting.about(self.form.rows[START].input.value, self._gpus, sign)
        else:
            said = remarks.about(key, method)
        self.query_one(About).show(said)

    def _show_tree(self, key: str) -> None:
        """Show the folder tree for a field that takes a path."""
        known = field_of(key, self._draft.method)
        wanted = Wanted.ANY if key == START else known.wanted if known is not None else None
        self._side.set_class(wanted is not None, "-picking")
        if wanted is not None:
            folder = paths.folder_of(self.form.rows[key].input.value)
            inside = wanted is Wanted.MODEL and paths.is_model(folder)
            self._show_folder(folder.parent if inside else folder, wanted)

    def _show_folder(self, folder: Path, wanted: Wanted) -> None:
        title = one_line(f"{wanted}: {text.home_path(folder)}", 60)
        self.query_one("#files-panel").border_title = Text(title)
        self.query_one(PathTree).show_folder(folder, wanted)

    @on(DirectoryTree.FileSelected)
    def _picked(self, event: DirectoryTree.FileSelected) -> None:
        self._take(event.path)

    @on(DirectoryTree.DirectorySelected)
    def _folder_picked(self, event: DirectoryTree.DirectorySelected) -> None:
        if self.query_one(PathTree).wanted is Wanted.MODEL and paths.is_model(event.path):
            self._take(event.path)

    def _take(self, path: Path) -> None:
        """Put a path from the tree into its field."""
        row = self.form.rows[self._at]
        model = self.query_one(PathTree).wanted is Wanted.MODEL
        row.input.value = paths.shown(path, paths.MARK if model else "")
        row.input.cursor_position = len(row.input.value)
        self.form.focus_on(self._at)
        if self._at == START:
            self._read_start()

    # --- keys -------------------------------------------------------------------------------------

    @property
    def stops(self) -> str:
        """What tab stops at."""
        return "#found-panel, #spec-panel" if self.has_class("-preview") else super().stops

    def action_next_row(self) -> None:
        """Go to the next field, or into the folder tree."""
        if self._side.has_class("-picking") and isinstance(self.focused, FieldInput):
            self.set_focus(self.query_one(PathTree))
        else:
            self.action_next_field()

    def action_parent_folder(self) -> None:
        """Show the folder above, when the tree has the focus."""
        tree = self.query_one(PathTree)
        if tree.has_focus:
            self._show_folder(Path(tree.path).parent, tree.wanted)

    @property
    def _gpus(self) -> Sequence[GPU]:
        """As they were read last."""
        read = self.deck.latest.get(TelemetryRead)
        return read.snapshot.gpus if isinstance(read, TelemetryRead) else ()

    def action_recipe(self) -> None:
        """Propose the next recipe to start from; enter fills in the form."""
        if self._copy_of is not None:
            self.say("a copy starts from its job; a new job can start from a recipe", "wait")
            return
        row = self.form.rows[START].input
        row.value = starting.next_recipe(row.value.strip(), self._gpus)
        row.cursor_position = len(row.value)
        self.form.focus_on(START)

    def action_preview(self) -> None:
        """Read what was found, or go on with the form."""
        if self.has_class("-preview"):
            self.remove_class("-preview")
            self.form.focus_on(self._at)
        else:
            self._side.remove_class("-picking")
            self.add_class("-preview")
            self.set_focus(self.query_one("#found-panel"))

    def submit(self) -> None:
        """Queue it."""
        self.action_queue()

    def action_queue(self) -> None:
        """Check everything once more, and queue the job."""
        if self.options.readonly:
            self.say(READONLY, "wait")
        elif not self._queueing:
            self._queueing = True
            self.query_one(SubmitRow).show("checking all of it; then it is queued", "busy")
            self._check(self._draft, DataLook(thorough=True), to_queue=True)

    @on(Made)
    def _made(self, event: Made) -> None:
        self.deck.made(event.job_id)
        self.deck.go_home()
        notice = f"; mind: {event.notice}" if event.notice else ""
        self.deck.tell_home(f"{text.short_id(event.job_id)} is queued{notice}", bool(notice))

    def action_save(self) -> None:
        """Write the spec into a file."""
        if self.options.readonly:
            self.say(READONLY, "wait")
        elif not self._draft.document():
            self.say("there is nothing to save yet", "wait")
        else:
            self._save(self._draft)

    @work(thread=True, group="save")
    def _save(self, draft: Draft) -> None:
        try:
            path = save(draft, slug(draft.text("name") or draft.default("name")))
        except OSError as error:
            self.post_message(self.Saved(f"not saved: {error}", "bad"))
        else:
            self.post_message(self.Saved(f"saved as {path}", "good"))

    @on(Saved)
    def _tell_saved(self, event: Saved) -> None:
        self.say(event.said, event.tone)

    def action_back(self) -> None:
        """Leave the tree, the preview, or the screen; what was typed is not lost unasked."""
        if self.query_one(PathTree).has_focus:
            self.form.focus_on(self._at)
        elif self.has_class("-preview"):
            self.action_preview()
        else:
            super().action_back()

    @property
    def unsaved(self) -> bool:
        """Whether anything was typed."""
        return self._draft.differs(self._loaded)
