"""The key table: what every key does, on which screens, and how footer and help name it.

It feeds dispatch, footer, help and palette; nothing else in the deck names a key. `tui/keymap.py` lays the
user's own keys over it.
"""

from dataclasses import dataclass

from textual.binding import Binding, BindingType

HOME = "home"
JOB = "job"
CHARTS = "charts"
LOG = "log"
SPEC = "spec"
CHECKPOINTS = "checkpoints"
EXPORTS = "exports"
EVENTS = "events"
NEW = "new"
EDIT = "edit"
COMPARE = "compare"
HELP = "help"

TITLES = {
    HOME: "Home",
    JOB: "Job",
    CHARTS: "Charts",
    LOG: "Log",
    SPEC: "Spec",
    CHECKPOINTS: "Checkpoints",
    EXPORTS: "Exports",
    EVENTS: "Events",
    NEW: "New job",
    EDIT: "Edit",
    COMPARE: "Compare",
    HELP: "Help",
}
"""The screens and tabs, as help names them."""

SCREEN_OF = dict.fromkeys((CHARTS, LOG, SPEC, CHECKPOINTS, EXPORTS, EVENTS), JOB)
"""Tab -> the screen that it is a part of; the tab's keys come before the screen's."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key and its action."""

    keys: tuple[str, ...]
    """Textual's names of the keys that do it; the first is the one that is shown."""
    shown: str
    """How the key is written on the screen."""
    action: str
    """The action method, without `action_`."""
    label: str
    """One or two words for the footer."""
    says: str
    """One sentence for help."""
    screens: frozenset[str]
    verb: str | None = None
    """The verb of `engine.actions` that it stands for; says when the key is possible."""
    acts: bool = False
    """Whether it changes anything; refused with `--readonly`."""
    asks: bool = False
    """Whether a question comes first, which `y` answers: it cannot be `y` itself."""
    listed: bool = True
    """Whether the palette offers it: moving around is not worth a line there."""
    footer: bool = True
    """Whether the footer has room for it."""


def _on(*screens: str) -> frozenset[str]:
    return frozenset(screens)


KEYS: tuple[Key, ...] = (
    Key(
        keys=("n",),
        shown="n",
        action="new",
        label="New",
        says="start a job from a spec or a data file",
        screens=_on(HOME, JOB),
        acts=True,
    ),
    Key(
        keys=("p",),
        shown="p",
        action="pause",
        label="Pause",
        says="save a checkpoint, end the process and give its memory back",
        screens=_on(HOME, JOB),
        verb="pause",
        acts=True,
    ),
    Key(
        keys=("r",),
        shown="r",
        action="resume",
        label="Resume",
        says="go on from the newest good checkpoint, at the head of the queue",
        screens=_on(HOME, JOB),
        verb="resume",
        acts=True,
    ),
    Key(
        keys=("x",),
        shown="x",
        action="cancel",
        label="Cancel",
        says="end the job without saving, after a question; its checkpoints stay",
        screens=_on(HOME, JOB),
        verb="cancel",
        acts=True,
    ),
    Key(
        keys=("e",),
        shown="e",
        action="export",
        label="Export",
        says="write the adapter and the merged model of the newest checkpoint",
        screens=_on(HOME, JOB),
        verb="export",
        acts=True,
    ),
    Key(
        keys=("enter",),
        shown="enter",
        action="open",
        label="Open",
        says="show everything about the highlighted job",
        screens=_on(HOME),
    ),
    Key(
        keys=("l",),
        shown="l",
        action="log",
        label="Log",
        says="show the end of the job's log on the whole screen",
        screens=_on(HOME, JOB),
    ),
    Key(
        keys=("j", "down"),
        shown="j/↓",
        action="down",
        label="Down",
        says="go down one line",
        screens=_on(HOME, JOB, LOG, HELP),
        footer=False,
    ),
    Key(
        keys=("k", "up"),
        shown="k/↑",
        action="up",
        label="Up",
        says="go up one line",
        screens=_on(HOME, JOB, LOG, HELP),
        footer=False,
    ),
    Key(
        keys=("pagedown",),
        shown="PgDn",
        action="page_down",
        label="Page down",
        says="go down one page",
        screens=_on(HOME, JOB, LOG, HELP),
        footer=False,
    ),
    Key(
        keys=("pageup",),
        shown="PgUp",
        action="page_up",
        label="Page up",
        says="go up one page",
        screens=_on(HOME, JOB, LOG, HELP),
        footer=False,
    ),
    Key(
        keys=("g", "home"),
        shown="g",
        action="top",
        label="Top",
        says="go to the first line",
        screens=_on(HOME, JOB, LOG, HELP),
        footer=False,
    ),
    Key(
        keys=("G", "end"),
        shown="G",
        action="bottom",
        label="End",
        says="go to the last line",
        screens=_on(HOME, JOB, LOG, HELP),
        footer=False,
    ),
    Key(
        keys=("tab",),
        shown="tab",
        action="next_field",
        label="Next",
        says="go to the next field, or to the folder tree",
        screens=_on(NEW),
    ),
    Key(
        keys=("escape",),
        shown="esc",
        action="back",
        label="Back",
        says="go back to the screen before",
        screens=_on(JOB, LOG, NEW, HELP),
    ),
    Key(
        keys=("question_mark", "f1"),
        shown="?",
        action="help",
        label="Help",
        says="show what every key does",
        screens=_on(HOME, JOB, LOG),
    ),
    Key(
        keys=("q",),
        shown="q",
        action="quit_deck",
        label="Quit",
        says="close the deck; the jobs go on without it",
        screens=_on(HOME, JOB, LOG, HELP),
    ),
)
"""Every key, in the order in which footer and help show them."""

YES = "y"
"""The only key that says yes to a question; it is never the key that asked."""

NO = ("n", "escape", "enter", "x")
"""Keys that say no; every other key is left alone while a question is open."""


def keys_of(screen: str) -> tuple[Key, ...]:
    """The keys that do something on that screen."""
    return tuple(key for key in KEYS if screen in key.screens)


def bindings_of(screen: str) -> list[BindingType]:
    """The same, as Textual wants them."""
    return [
        Binding(",".join(key.keys), key.action, key.label, show=False, id=f"{screen}.{key.action}")
        for key in keys_of(screen)
    ]
