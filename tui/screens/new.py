"""New job: pick a spec, or a data file and a model; what is wrong is said in words below."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DirectoryTree, Input

from engine.errors import TunedeckError
from engine.text import clean_text
from tui import sources, text
from tui.keys import NEW, bindings_of, keys_of
from tui.screens.base import DeckScreen
from tui.widgets.canvas import Toned
from tui.widgets.empty import TooSmall
from tui.widgets.key_bar import KeyBar
from tui.widgets.sheet import Sheet

HINT = "a spec (.yaml, .toml, .json) is queued as it is; data (.jsonl, .json, .csv, ...) asks for a model"


class Files(DirectoryTree):
    """Folders, specs and data files."""

    ICON_NODE = "+ "
    ICON_NODE_EXPANDED = "- "
    ICON_FILE = "  "

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Only what can begin a job, or lead to it."""
        return [path for path in paths if sources.is_shown(path)]


class NewScreen(DeckScreen):
    """Makes a job."""

    table_name = NEW
    BINDINGS = bindings_of(NEW)

    @dataclass
    class Refused(Message):
        """The job was not made, and why."""

        message: str
        hint: str

    @dataclass
    class ModelProposed(Message):
        """A name for the model that most likely is meant."""

        name: str

    @dataclass
    class Made(Message):
        """The job waits in the queue."""

        job_id: str
        warnings: tuple[str, ...]

    def compose(self) -> ComposeResult:
        """Path, model, answer, tree, keys."""
        yield TooSmall(id="too-small")
        yield Sheet(id="heading")
        with Horizontal(classes="field"):
            yield Sheet(id="path-title")
            yield Input(id="path", suggester=sources.PathSuggester(), compact=True)
        with Horizontal(classes="field", id="model-field"):
            yield Sheet(id="model-title")
            yield Input(id="model", compact=True)
        yield Sheet(id="answer")
        with Vertical(id="files-panel", classes="panel"):
            yield Files(Path.cwd(), id="files")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Begin with the path."""
        self._label("#heading", "new job", "title")
        self._label("#path-title", "spec or data", "dim")
        self._label("#model-title", "base model", "dim")
        self.query_one("#files-panel").border_title = clean_text(text.home_path(Path.cwd()))
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one(Files).show_guides = False
        self.say(HINT, "dim")
        self.query_one("#path").focus()
        self.query_one(KeyBar).show(keys_of(NEW))

    @property
    def path(self) -> Path:
        """What was typed or picked."""
        return sources.expand(self.query_one("#path", Input).value)

    def say(self, said: str, tone: str = "", hint: str = "") -> None:
        """Show words below the fields, as many rows as they need."""
        self.query_one("#answer", Sheet).show(partial(_words, said, tone, hint))

    def _label(self, selector: str, said: str, tone: str) -> None:
        self.query_one(selector, Sheet).show(lambda w, _: [Text(said, style=w.tone(tone))])

    @on(DirectoryTree.FileSelected)
    def _picked(self, event: DirectoryTree.FileSelected) -> None:
        field = self.query_one("#path", Input)
        field.value = str(event.path)
        field.cursor_position = len(field.value)
        self._go_on()

    @on(Input.Changed, "#path")
    def _changed(self) -> None:
        self.remove_class("-data")

    @on(Input.Submitted, "#path")
    def _go_on(self) -> None:
        path = self.path
        if not self.query_one("#path", Input).value.strip():
            self.say("type a path, or pick a file below", "wait")
        elif not path.exists():
            self.say(f"no such file: {path}", "bad", "check the path; → takes what is proposed")
        elif path.is_file() and sources.is_spec(path):
            self._queue()
        else:
            self.add_class("-data")
            self.query_one("#model").focus()
            self.say("this is data: which model shall it fine-tune? A Hub id or a folder.", "")
            self._propose()

    @on(Input.Submitted, "#model")
    def _with_model(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._queue()
        else:
            self.say("name a model: a Hub id such as Qwen/Qwen3-0.6B, or a folder", "wait")

    def _queue(self) -> None:
        self.say(f"checking {self.path.name}", "busy")
        self._make(self.path, self.query_one("#model", Input).value.strip())

    @work(thread=True, group="new", exclusive=True)
    def _propose(self) -> None:
        """Find the model that most likely is meant."""
        self.post_message(self.ModelProposed(sources.default_model(self.deck.store)))

    @work(thread=True, group="new", exclusive=True)
    def _make(self, path: Path, model: str) -> None:
        """Check and queue."""
        try:
            queued = sources.queue(self.deck.store, path, model)
        except TunedeckError as error:
            self.post_message(self.Refused(error.message, error.hint))
        except OSError as error:
            self.post_message(self.Refused(f"{path}: {error.strerror or error}", ""))
        else:
            self.post_message(self.Made(queued.job.id, queued.warnings))

    @on(ModelProposed)
    def _proposed(self, event: ModelProposed) -> None:
        field = self.query_one("#model", Input)
        if not field.value:
            field.value = event.name
            field.cursor_position = len(event.name)

    @on(Refused)
    def _refused(self, event: Refused) -> None:
        self.say(event.message, "bad", event.hint)

    @on(Made)
    def _made(self, event: Made) -> None:
        self.deck.made(event.job_id)
        warning = f"; mind: {event.warnings[0]}" if event.warnings else ""
        self.dismiss()
        self.deck.tell_home(f"{text.short_id(event.job_id)} is queued{warning}", bool(warning))

    def action_next_field(self) -> None:
        """Go to the next field."""
        self.focus_next()

    def action_back(self) -> None:
        """Back to the screen before."""
        self.dismiss()


def _words(said: str, tone: str, hint: str, widget: Toned, width: int) -> list[Text]:
    """Words as rows of that width; lines stay lines."""
    rows = []
    for line in clean_text(said).split("\n")[:12]:
        rows += [Text(part, style=widget.tone(tone)) for part in _wrapped(line, width)]
    if hint:
        rows += [Text(part, style=widget.tone("dim")) for part in _wrapped(clean_text(hint), width)]
    return rows


def _wrapped(line: str, width: int) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, max(20, width), subsequent_indent=indent)[:6] or [""]
