"""Help: what a job is, what every key does where one is, what the signs mean, and where things lie."""

import textwrap
from collections.abc import Iterator, Sequence
from functools import partial

from rich.text import Text

from engine.status import JobState
from engine.text import one_line
from tui import text
from tui.deck import Deck
from tui.keys import HELP, SCREEN_OF, TITLES, Key, bindings_of
from tui.screens.reading import ReadingScreen
from tui.widgets.canvas import Toned

EVERYWHERE = frozenset(
    {
        *("down", "up", "page_down", "page_up", "top", "bottom"),
        *("help", "palette", "quit_deck", "back"),
    }
)
"""Actions that mean the same wherever they are possible: they stand together."""

STATES = {
    JobState.QUEUED: "waits for its turn",
    JobState.STARTING: "imports, loads the model, tokenizes",
    JobState.RUNNING: "trains",
    JobState.PAUSING: "saves a checkpoint, then its process ends",
    JobState.PAUSED: "holds nothing; resumed, it goes on exactly where it was",
    JobState.CANCELLING: "is being stopped",
    JobState.CANCELLED: "was stopped; its checkpoints are there",
    JobState.COMPLETED: "reached its end",
    JobState.FAILED: "ended with an error, which is shown with what to do",
    JobState.INTERRUPTED: "lost its process; resumed, it goes on from the newest good checkpoint",
}

SIGN_WIDTH = 10
LABEL_WIDTH = 12
INDENT = "  "


class HelpScreen(ReadingScreen):
    """Everything that one has to know, what is needed here first."""

    table_name = HELP
    BINDINGS = bindings_of(HELP)

    def __init__(self, tables: Sequence[str]) -> None:
        """`tables`: the screen it was asked from, in the key table, its tab first."""
        super().__init__()
        self._tables = tuple(tables)

    def on_mount(self) -> None:
        """What it says stands in the key table, in the states, and in the store."""
        keymap = self.deck.keymap
        moves = " ".join(keymap.sign(action) for action in ("down", "up", "page_down", "page_up"))
        heading = f"Help   {moves} scroll, {keymap.sign('back')} goes back"
        self.show_rows(heading, partial(help_rows, self._tables, self.deck))


def help_rows(tables: Sequence[str], deck: Deck, widget: Toned, width: int) -> list[Text]:
    """Introduction, keys, states, places."""
    rows: list[Text] = []
    for paragraph in introduction(deck):
        rows += _wrapped(paragraph, width)
    for title, keys in _sections(tables, deck):
        rows += [Text(), Text(title, style=widget.tone("title"))]
        for key in keys:
            rows += _key_rows(key, widget, width)
    rows += [Text(), Text("States", style=widget.tone("title"))]
    for state, meaning in STATES.items():
        sign = text.glyph(state, ascii_only=deck.options.ascii_only)
        head = Text(f"{INDENT}{sign} {state:<13}", style=widget.tone(text.TONES[state]))
        rows += _hanging(head, meaning, widget, width)
    rows += [Text(), Text("Where things are", style=widget.tone("title"))]
    for what, where in _places(deck):
        rows += _hanging(Text(f"{INDENT}{what:<15}"), where, widget, width)
    if deck.problems:
        rows += [Text(), Text("What config.toml says wrongly", style=widget.tone("title"))]
        for problem in deck.problems:
            lines = _wrapped(one_line(problem), width - len(INDENT))
            rows += [Text.assemble(INDENT, (line.plain, widget.tone("wait"))) for line in lines]
    return rows


def introduction(deck: Deck) -> tuple[str, str]:
    """What somebody has to know who sees the deck for the first time."""
    return (
        "A job is one fine-tune, a process of its own: it goes on when the deck is closed, and tunedeck"
        " shows it again.",
        f"Its files lie in a folder below {text.home_path(deck.store.jobs_folder)}. Every key that acts has"
        " a twin: `tunedeck --help`.",
    )


def _sections(tables: Sequence[str], deck: Deck) -> Iterator[tuple[str, list[Key]]]:
    """Titles and keys: those of the place, those that work everywhere, then those of other places."""
    common = {key.action: key for name in TITLES for key in deck.keymap.of(name)}
    told: list[Key] = []
    for name in (*tables, "", *(other for other in TITLES if other not in tables)):
        if not name:
            yield "Keys everywhere", [common[action] for action in common if action in EVERYWHERE]
            continue
        own = [key for key in _own(name, deck) if key not in told]
        told += own
        if own:
            yield f"Keys on {_place(name)}", own


def _place(name: str) -> str:
    screen = SCREEN_OF.get(name)
    return f"{TITLES[screen]}, {TITLES[name]}" if screen else TITLES[name]


def _own(name: str, deck: Deck) -> list[Key]:
    return [key for key in deck.keymap.of(name) if key.action not in EVERYWHERE]


def _places(deck: Deck) -> Iterator[tuple[str, str]]:
    store = deck.store
    yield "a job's log", "log.txt in the job's folder; `tunedeck logs ID` prints it"
    yield "settings", f"{text.home_path(store.config_file)}: the tables [deck] and [keys]"
    yield "other keys", '[keys] with lines such as  pause = "P"  ; the README has the names'
    yield "other colours", f"{deck.keymap.sign('palette')} and then `theme`"
    yield "queue's log", text.home_path(store.supervisor_log)


def _key_rows(key: Key, widget: Toned, width: int) -> list[Text]:
    head = Text.assemble(
        INDENT,
        (f"{key.shown:<{SIGN_WIDTH}}", widget.tone("key")),
        f"{key.label:<{LABEL_WIDTH}}",
    )
    return _hanging(head, key.says, widget, width)


def _hanging(head: Text, said: str, widget: Toned, width: int) -> list[Text]:
    """Words beside a head; what does not fit goes on below them."""
    indent = len(head.plain)
    lines = textwrap.wrap(said, max(20, width - indent), break_on_hyphens=False) or [""]
    rows = [head.append(lines[0], style=widget.tone("dim"))]
    return rows + [Text(" " * indent + line, style=widget.tone("dim")) for line in lines[1:]]


def _wrapped(said: str, width: int) -> list[Text]:
    return [Text(line) for line in textwrap.wrap(said, max(20, width), break_on_hyphens=False)]
