"""Events: what happened to the job and when, by whom and why; the newest stands last."""

import textwrap
from collections.abc import Mapping, Sequence
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message

from engine.history import Event, words
from engine.status import utc_now
from engine.text import cells, one_line
from engine.watch import Details, ExportView
from tui import moments, text
from tui.keys import EVENTS, bindings_of
from tui.messages import DetailsChanged
from tui.tabs.tab import RowsTab
from tui.widgets.canvas import Toned
from tui.widgets.sheet import Scroll

EXPORT, EDIT = "export", "edit"
"""Events that other files tell of."""

SIGNS: Mapping[str, tuple[str, str]] = {
    "checkpoint": ("•", "good"),
    "resume": ("▸", "busy"),
    "rewind": ("←", "rest"),
    "warning": ("!", "wait"),
    EXPORT: ("→", "key"),
    EDIT: ("~", "rest"),
}
"""Kind of an event -> its sign and its tone; the words beside it say the same."""

OTHER = ("·", "dim")
MOST_ROWS = 3
"""Rows that one event may take."""


class EventsTab(RowsTab):
    """A line of time that scrolls."""

    table_name = EVENTS
    BINDINGS = bindings_of(EVENTS)

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self._events: Sequence[Event] = ()

    def compose(self) -> ComposeResult:
        """Rows that scroll, and stay at their end."""
        yield Scroll(follows=True, id="event-rows")

    @property
    def rows(self) -> Scroll:
        """What is shown."""
        return self.query_one(Scroll)

    def take(self, message: Message) -> None:
        """Show what happened."""
        if isinstance(message, DetailsChanged):
            self._events = timeline(message.details)
            self.show_second()

    def show_second(self) -> None:
        """Bring ages up to date."""
        self.rows.show(partial(event_rows, self._events, utc_now()))


def timeline(details: Details) -> list[Event]:
    """Everything that is known to have happened, oldest first."""
    exports = [event for export in details.exports for event in _of_export(export)]
    return sorted([*details.events, *exports], key=lambda event: event.time)


def _of_export(export: ExportView) -> list[Event]:
    """Begin and end of an export, as far as it tells."""
    facts = export.facts
    step = facts.get("checkpoint_step")
    found = []
    if begun := facts.get("started_at"):
        of = f" of checkpoint {step}" if step is not None else ""
        found.append(Event(str(begun), EXPORT, {"said": f"export to {export.kind}{of} began"}))
    ended = facts.get("ended_at") or facts.get("updated_at")
    if ended and not export.running:
        error = facts.get("error")
        why = f": {error.get('message')}" if isinstance(error, Mapping) else ""
        found.append(
            Event(str(ended), EXPORT, {"said": f"export to {export.kind} {export.state}{why}"})
        )
    return found


def event_rows(events: Sequence[Event], now: str, widget: Toned, width: int) -> list[Text]:
    """Every event with its time and its age, under the day on which it was."""
    if not events:
        return [Text("nothing has happened yet", style=widget.tone("dim"))]
    rows: list[Text] = []
    day = ""
    for event in events:
        at = moments.moment(event.time)
        of_day = f"{at:%A, %Y-%m-%d}" if at is not None else day
        if of_day != day:
            rows += [*([Text()] if rows else ()), Text(of_day, style=widget.tone("title"))]
            day = of_day
        clock = f"{at:%H:%M:%S}" if at is not None else "--:--:--"
        rows += _rows(event, clock, moments.age(event.time, now), widget, width)
    return rows


def _rows(event: Event, clock: str, age: str, widget: Toned, width: int) -> list[Text]:
    sign, tone = _sign(event)
    head = Text.assemble(
        f"{clock} ", (f"{age:>4} ago  ", widget.tone("dim")), (f"{sign} ", widget.tone(tone))
    )
    indent = cells(head.plain)
    said = one_line(str(event.facts["said"])) if event.kind == EXPORT else words(event)
    room = max(16, width - indent)
    parts = textwrap.wrap(said, room, max_lines=MOST_ROWS, placeholder=" …") or [""]
    style = widget.tone(tone if event.kind in {"state", "warning"} else "")
    first = head.append(parts[0], style=style)
    return [first, *(Text(" " * indent).append(part, style=style) for part in parts[1:])]


def _sign(event: Event) -> tuple[str, str]:
    state = event.state
    if state is not None:
        return text.glyph(state, ascii_only=False), text.TONES[state]
    return SIGNS.get(event.kind, OTHER)
