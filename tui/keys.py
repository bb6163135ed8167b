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
DATA = "data"
SAMPLES = "samples"
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
    DATA: "Data",
    SAMPLES: "Samples",
    NEW: "New job",
    EDIT: "Edit",
    COMPARE: "Compare",
    HELP: "Help",
}
"""The screens and tabs, as help names them."""

TABS = (CHARTS, LOG, SPEC, CHECKPOINTS, EXPORTS, EVENTS, DATA, SAMPLES)
"""The tabs of the job screen, in their order."""

SCREEN_OF = dict.fromkeys(TABS, JOB)
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
    ahead: bool = False
    """Whether it comes before what a field does with keys: of what is typed ahead over a slow link, all
    that follows belongs to the next field."""


def _on(*screens: str) -> frozenset[str]:
    return frozenset(screens)


_ROWS = (LOG, SPEC, CHECKPOINTS, EXPORTS, EVENTS, DATA, SAMPLES)
"""The tabs that are read row by row."""


KEYS: tuple[Key, ...] = (
    Key(
        keys=("n",),
        shown="n",
        action="new",
        label="New",
        says="make a job in a form, from a spec or from data",
        screens=_on(HOME),
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
        asks=True,
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
        keys=("d",),
        shown="d",
        action="duplicate",
        label="Duplicate",
        says="make a job as a copy of this one, with changes",
        screens=_on(HOME, JOB),
        acts=True,
    ),
    Key(
        keys=("E",),
        shown="E",
        action="edit",
        label="Edit",
        says="change settings of a paused job for what is still to be trained",
        screens=_on(HOME, JOB),
        verb="edit",
        acts=True,
    ),
    Key(
        keys=("X",),
        shown="X",
        action="remove",
        label="Delete",
        says="delete the job with its checkpoints and exports, after a question",
        screens=_on(HOME, JOB),
        verb="remove",
        acts=True,
        asks=True,
        footer=False,
    ),
    Key(
        keys=("c",),
        shown="c",
        action="compare",
        label="Compare",
        says="show the curves of the marked jobs in one chart",
        screens=_on(HOME),
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
        says="show the job's log",
        screens=_on(HOME, JOB),
    ),
    Key(
        keys=("slash",),
        shown="/",
        action="filter",
        label="Filter",
        says="show only the jobs with these words; !word leaves out, state:failed looks in one field",
        screens=_on(HOME),
    ),
    Key(
        keys=("space",),
        shown="space",
        action="mark",
        label="Mark",
        says="mark the job, or not; the keys for jobs then act on all that are marked",
        screens=_on(HOME),
    ),
    Key(
        keys=("s",),
        shown="s",
        action="sort",
        label="Sort",
        says="sort by the next column",
        screens=_on(HOME),
        footer=False,
    ),
    Key(
        keys=("S",),
        shown="S",
        action="turn",
        label="Reverse",
        says="turn the order round",
        screens=_on(HOME),
        footer=False,
    ),
    Key(
        keys=("right_square_bracket",),
        shown="]",
        action="next_tab",
        label="Next tab",
        says="show the next tab",
        screens=_on(JOB),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("left_square_bracket",),
        shown="[",
        action="previous_tab",
        label="Tab before",
        says="show the tab before",
        screens=_on(JOB),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("1",),
        shown="1",
        action="tab_charts",
        label="Charts",
        says="show the charts",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("2",),
        shown="2",
        action="tab_log",
        label="Log",
        says="show the log, to follow and to search",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("3",),
        shown="3",
        action="tab_spec",
        label="Spec",
        says="show the spec as given, as resolved and as edited",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("4",),
        shown="4",
        action="tab_checkpoints",
        label="Checkpoints",
        says="show the checkpoints, to resume or export from one",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("5",),
        shown="5",
        action="tab_exports",
        label="Exports",
        says="show the exports",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("6",),
        shown="6",
        action="tab_events",
        label="Events",
        says="show what happened when, and by whom",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("7",),
        shown="7",
        action="tab_data",
        label="Data",
        says="show what was found in the data, and its first rows as tokens",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("8",),
        shown="8",
        action="tab_samples",
        label="Samples",
        says="show what the model answered before and after",
        screens=_on(JOB),
        footer=False,
    ),
    Key(
        keys=("slash",),
        shown="/",
        action="search",
        label="Search",
        says="search the log; enter keeps what was found, esc forgets it",
        screens=_on(LOG),
    ),
    Key(
        keys=("n",),
        shown="n",
        action="next_match",
        label="Next",
        says="go to the next line that was found",
        screens=_on(LOG),
    ),
    Key(
        keys=("N",),
        shown="N",
        action="previous_match",
        label="Previous",
        says="go to the line that was found before",
        screens=_on(LOG),
    ),
    Key(
        keys=("f",),
        shown="f",
        action="follow",
        label="Follow",
        says="stay at the end of the log as it grows, or stop to",
        screens=_on(LOG),
    ),
    Key(
        keys=("w",),
        shown="w",
        action="wrap",
        label="Wrap",
        says="wrap long lines, or cut them",
        screens=_on(LOG),
    ),
    Key(
        keys=("v",),
        shown="v",
        action="view",
        label="View",
        says="show the spec as given, as resolved, or as edited",
        screens=_on(SPEC),
    ),
    Key(
        keys=("t",),
        shown="t",
        action="tokens",
        label="Tokens",
        says="read the first rows as the model sees them, with what is learned in them",
        screens=_on(DATA),
    ),
    Key(
        keys=("right",),
        shown="→",
        action="later",
        label="Later",
        says="show what the model answered at the next evaluation",
        screens=_on(SAMPLES),
        listed=False,
    ),
    Key(
        keys=("left",),
        shown="←",
        action="earlier",
        label="Earlier",
        says="show what the model answered at the evaluation before",
        screens=_on(SAMPLES),
        listed=False,
    ),
    Key(
        keys=("r",),
        shown="r",
        action="resume_here",
        label="Resume here",
        says="go on from the selected checkpoint; of an older one after a question",
        screens=_on(CHECKPOINTS),
        acts=True,
        asks=True,
    ),
    Key(
        keys=("e",),
        shown="e",
        action="export_here",
        label="Export this",
        says="write the adapter and the merged model of the selected checkpoint",
        screens=_on(CHECKPOINTS),
        acts=True,
    ),
    Key(
        keys=("y",),
        shown="y",
        action="copy_line",
        label="Copy line",
        says="copy the selected line to your terminal's clipboard",
        screens=_on(LOG),
    ),
    Key(
        keys=("y",),
        shown="y",
        action="copy_path",
        label="Copy path",
        says="copy the path of what is selected to your terminal's clipboard",
        screens=_on(CHECKPOINTS, EXPORTS),
    ),
    Key(
        keys=("j", "down"),
        shown="j/↓",
        action="down",
        label="Down",
        says="go down one line",
        screens=_on(HOME, *_ROWS, HELP, COMPARE),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("k", "up"),
        shown="k/↑",
        action="up",
        label="Up",
        says="go up one line",
        screens=_on(HOME, *_ROWS, HELP, COMPARE),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("pagedown",),
        shown="PgDn",
        action="page_down",
        label="Page down",
        says="go down one page",
        screens=_on(HOME, *_ROWS, NEW, EDIT, HELP, COMPARE),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("pageup",),
        shown="PgUp",
        action="page_up",
        label="Page up",
        says="go up one page",
        screens=_on(HOME, *_ROWS, NEW, EDIT, HELP, COMPARE),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("g", "home"),
        shown="g",
        action="top",
        label="Top",
        says="go to the first line",
        screens=_on(HOME, *_ROWS, HELP, COMPARE),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("G", "end"),
        shown="G",
        action="bottom",
        label="End",
        says="go to the last line",
        screens=_on(HOME, *_ROWS, HELP, COMPARE),
        footer=False,
        listed=False,
    ),
    Key(
        keys=("f10",),
        shown="F10",
        action="queue",
        label="Queue",
        says="check everything once more, and queue the job",
        screens=_on(NEW),
        acts=True,
        listed=False,
    ),
    Key(
        keys=("f10",),
        shown="F10",
        action="apply",
        label="Apply",
        says="change the settings for what is still to be trained, after a question",
        screens=_on(EDIT),
        acts=True,
        asks=True,
        listed=False,
    ),
    Key(
        keys=("f2",),
        shown="F2",
        action="save",
        label="Save",
        says="write the spec into a file, to run it again",
        screens=_on(NEW),
        acts=True,
        listed=False,
    ),
    Key(
        keys=("f3",),
        shown="F3",
        action="preview",
        label="Preview",
        says="read the rows and the spec, or go on with the form",
        screens=_on(NEW),
        listed=False,
    ),
    Key(
        keys=("f4",),
        shown="F4",
        action="recipe",
        label="Recipe",
        says="propose the next ready recipe to start from; enter fills in the form",
        screens=_on(NEW),
        listed=False,
    ),
    Key(
        keys=("tab",),
        shown="tab",
        action="next_field",
        label="Next",
        says="go to the next field, at the end to the last row",
        screens=_on(NEW, EDIT),
        ahead=True,
        listed=False,
    ),
    Key(
        keys=("shift+tab",),
        shown="shift+tab",
        action="previous_field",
        label="Before",
        says="go to the field before",
        screens=_on(NEW, EDIT),
        ahead=True,
        listed=False,
        footer=False,
    ),
    Key(
        keys=("down",),
        shown="↓",
        action="next_row",
        label="Next row",
        says="go to the next field, or into the folder tree",
        screens=_on(NEW, EDIT),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("up",),
        shown="↑",
        action="previous_row",
        label="Row before",
        says="go to the field before",
        screens=_on(NEW, EDIT),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("left",),
        shown="←",
        action="parent_folder",
        label="Folder above",
        says="in the folder tree: show the folder above",
        screens=_on(NEW),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("enter",),
        shown="enter",
        action="accept",
        label="Take",
        says="take what is typed or chosen; on the last row, do what it says",
        screens=_on(NEW, EDIT),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("L",),
        shown="L",
        action="log_scale",
        label="Log scale",
        says="draw the charts on a logarithmic scale, or on a linear one again",
        screens=_on(HOME, CHARTS, COMPARE),
        footer=False,
    ),
    Key(
        keys=("a",),
        shown="a",
        action="smoothing",
        label="Smoothing",
        says="smooth the curves less or more: off, light, normal, strong",
        screens=_on(HOME, CHARTS, COMPARE),
        footer=False,
    ),
    Key(
        keys=("t",),
        shown="t",
        action="next_axis",
        label="Axis",
        says="draw against steps, tokens or time",
        screens=_on(CHARTS, COMPARE),
    ),
    Key(
        keys=("z", "enter"),
        shown="z",
        action="enlarge",
        label="Enlarge",
        says="give the selected chart all the room, or take it back",
        screens=_on(CHARTS),
    ),
    Key(
        keys=("m",),
        shown="m",
        action="next_metric",
        label="Metric",
        says="draw the next metric that any of the jobs logged",
        screens=_on(COMPARE),
    ),
    Key(
        keys=("tab",),
        shown="tab",
        action="single_out",
        label="Single out",
        says="let one job stand out, the next at each press",
        screens=_on(COMPARE),
    ),
    Key(
        keys=("w",),
        shown="w",
        action="write",
        label="CSV",
        says="write every measurement as CSV into the folder the deck was started in",
        screens=_on(COMPARE),
    ),
    Key(
        keys=("plus", "equals_sign"),
        shown="+",
        action="zoom_in",
        label="Zoom",
        says="show half as much of the run, around the cursor or at its end",
        screens=_on(CHARTS, COMPARE),
    ),
    Key(
        keys=("minus",),
        shown="-",
        action="zoom_out",
        label="Zoom out",
        says="show twice as much of the run",
        screens=_on(CHARTS, COMPARE),
        footer=False,
    ),
    Key(
        keys=("0",),
        shown="0",
        action="whole",
        label="Whole",
        says="show the whole run",
        screens=_on(CHARTS, COMPARE),
    ),
    Key(
        keys=("right",),
        shown="→",
        action="cursor_right",
        label="Read",
        says="move the cursor that reads values to the next one",
        screens=_on(CHARTS, COMPARE),
        listed=False,
    ),
    Key(
        keys=("left",),
        shown="←",
        action="cursor_left",
        label="Read back",
        says="move the cursor that reads values to the one before",
        screens=_on(CHARTS, COMPARE),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("shift+right",),
        shown="shift+→",
        action="cursor_far_right",
        label="Read far",
        says="move the cursor ten columns further",
        screens=_on(CHARTS, COMPARE),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("shift+left",),
        shown="shift+←",
        action="cursor_far_left",
        label="Read far back",
        says="move the cursor ten columns back",
        screens=_on(CHARTS, COMPARE),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("f",),
        shown="f",
        action="follow",
        label="Follow",
        says="go to the end of the run and stay there",
        screens=_on(CHARTS, COMPARE),
    ),
    Key(
        keys=("tab",),
        shown="tab",
        action="next_chart",
        label="Next chart",
        says="select the next chart",
        screens=_on(CHARTS),
        listed=False,
    ),
    Key(
        keys=("shift+tab",),
        shown="shift+tab",
        action="previous_chart",
        label="Chart before",
        says="select the chart before",
        screens=_on(CHARTS),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("escape",),
        shown="esc",
        action="clear",
        label="Clear",
        says="take the filter away; without one, the marks",
        screens=_on(HOME),
    ),
    Key(
        keys=("escape",),
        shown="esc",
        action="back",
        label="Back",
        says="go back to the screen before",
        screens=_on(JOB, NEW, EDIT, HELP, COMPARE),
    ),
    Key(
        keys=("y",),
        shown="y",
        action="copy",
        label="Copy id",
        says="put the job's id on the clipboard, through SSH too",
        screens=_on(HOME, JOB, COMPARE),
        footer=False,
    ),
    Key(
        keys=("D",),
        shown="D",
        action="demo",
        label="Demo",
        says="fine-tune the bundled model, a few minutes on a CPU",
        screens=_on(HOME),
        acts=True,
        footer=False,
    ),
    Key(
        keys=("colon", "ctrl+p"),
        shown=":",
        action="palette",
        label="Palette",
        says="find anything by name: what can be done, a job, a theme",
        screens=_on(HOME, JOB, HELP, COMPARE),
        listed=False,
        footer=False,
    ),
    Key(
        keys=("question_mark", "f1"),
        shown="?",
        action="help",
        label="Help",
        says="show what every key does",
        screens=_on(HOME, JOB, COMPARE),
    ),
    Key(
        keys=("q",),
        shown="q",
        action="quit_deck",
        label="Quit",
        says="close the deck; the jobs go on without it",
        screens=_on(HOME, JOB, HELP, COMPARE),
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
        Binding(
            ",".join(key.keys),
            key.action,
            key.label,
            show=False,
            priority=key.ahead,
            id=f"{screen}.{key.action}",
        )
        for key in keys_of(screen)
    ]
