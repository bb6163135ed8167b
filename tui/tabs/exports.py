"""Exports: what was written of the job, how far it is, and whether it was verified."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.message import Message

from engine.series import format_bytes
from engine.status import utc_now
from engine.text import one_line
from engine.watch import ExportView
from tui import moments, text
from tui.keys import EXPORTS, Key, bindings_of
from tui.messages import DetailsChanged
from tui.tabs.facts import fact
from tui.tabs.tab import KeysChanged, Noted, RowsTab
from tui.widgets.canvas import Toned
from tui.widgets.listing import Listing, Table
from tui.widgets.sheet import Sheet

NONE = "no exports yet"
NARROW = 60
"""Columns below which the bar of a running export is shorter."""
TONES = {"completed": "good", "failed": "bad"}


@dataclass(frozen=True)
class Weight:
    """What an export takes on the disk."""

    files: int
    size_bytes: int


@dataclass
class Weighed(Message):
    """The exports' folders were looked at."""

    weights: Mapping[Path, Weight]


class ExportsTab(RowsTab):
    """One row for each kind, and below them what is known of the selected one."""

    table_name = EXPORTS
    BINDINGS = bindings_of(EXPORTS)

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self._exports: tuple[ExportView, ...] = ()
        self._weights: Mapping[Path, Weight] = {}

    def compose(self) -> ComposeResult:
        """Table and facts."""
        yield Listing(empty=f"{NONE}: e writes adapter and merged model", id="export-rows")
        yield Sheet(id="export-facts")

    @property
    def rows(self) -> Listing:
        """The table."""
        return self.query_one(Listing)

    @property
    def selected(self) -> ExportView | None:
        """The selected export."""
        kind = self.rows.selected
        return next((export for export in self._exports if export.kind == kind), None)

    def take(self, message: Message) -> None:
        """Show what was written."""
        if isinstance(message, DetailsChanged):
            self._exports = message.details.exports
            self._weigh([export.folder for export in self._exports])
            self.show_second()
            self.post_message(KeysChanged())

    def show_second(self) -> None:
        """Bring ages up to date."""
        exports = self._exports
        table = partial(export_table, exports, utc_now(), self.ascii_only)
        self.rows.show([export.kind for export in exports], table)
        self._show_facts()

    @work(thread=True, exclusive=True, group="weigh")
    def _weigh(self, folders: Sequence[Path]) -> None:
        """Look how large they are, which may take a while on another machine's disk."""
        self.post_message(Weighed({folder: weight(folder) for folder in folders}))

    @on(Weighed)
    def _weighed(self, event: Weighed) -> None:
        event.stop()
        self._weights = event.weights
        self._show_facts()

    @on(Listing.Selected)
    def _selected(self, event: Listing.Selected) -> None:
        event.stop()
        self._show_facts()

    def _show_facts(self) -> None:
        export = self.selected
        weighed = self._weights.get(export.folder) if export is not None else None
        self.query_one("#export-facts", Sheet).show(partial(export_facts, export, weighed))

    def why_not(self, key: Key) -> str | None:
        """Its keys need an export."""
        return NONE if key.action == "copy_path" and self.selected is None else None

    def action_copy_path(self) -> None:
        """Copy where the selected export lies."""
        export = self.selected
        if export is None:
            self.post_message(Noted(NONE, "wait"))
            return
        self.app.copy_to_clipboard(str(export.folder))
        self.post_message(Noted(f"copied {export.folder}", "good"))


def export_table(
    exports: Sequence[ExportView], now: str, ascii_only: bool, widget: Toned, width: int
) -> Table:
    """Kind, state, where from, and when."""
    room = 24 if width >= NARROW else 20
    head = Text(f"{'kind':<10}{'state':<{room}}{'of step':>8}{'age':>6}  verified")
    return Table(head, [_row(export, now, ascii_only, widget, room) for export in exports])


def _row(export: ExportView, now: str, ascii_only: bool, widget: Toned, room: int) -> Text:
    facts = export.facts
    tone = TONES.get(export.state, "busy" if export.running else "dim")
    row = Text.assemble(f"{one_line(export.kind, 9):<10}", no_wrap=True)
    if export.running:
        share = min(1.0, max(0.0, export.progress or 0.0))
        full, empty = text.bar(share, room - 14, ascii_only=ascii_only)
        row.append("running ", style=widget.tone(tone))
        row.append(full, style=widget.tone("bar")).append(empty, style=widget.tone("track"))
        row.append(f" {share:>4.0%} ")
    else:
        row.append(f"{one_line(export.state, room - 2):<{room}}", style=widget.tone(tone))
    step = facts.get("checkpoint_step")
    row.append(f"{step if isinstance(step, int) else text.UNKNOWN:>8}")
    row.append(f"{moments.age(_when(export), now):>6}", style=widget.tone("dim"))
    verified = "yes" if facts.get("verified") is True else "not yet" if export.running else "no"
    return row.append(f"  {verified}", style=widget.tone("good" if verified == "yes" else "dim"))


def _when(export: ExportView) -> str | None:
    found = export.facts.get("updated_at") or export.facts.get("started_at")
    return str(found) if found else None


def weight(folder: Path) -> Weight:
    """What lies in it; what vanishes meanwhile weighs nothing."""
    sizes = []
    for path in folder.rglob("*"):
        with suppress(OSError):
            if path.is_file():
                sizes.append(path.stat().st_size)
    return Weight(len(sizes), sum(sizes))


def export_facts(
    export: ExportView | None, weighed: Weight | None, widget: Toned, width: int
) -> list[Text]:
    """Path, phase, size, and what went wrong."""
    if export is None:
        return []
    facts = export.facts
    difference = facts.get("logits_difference")
    size = (
        f"{format_bytes(weighed.size_bytes)} in {weighed.files} file{'s' * (weighed.files != 1)}"
        if weighed
        else ""
    )
    said = [
        ("path", str(export.folder), ""),
        ("phase", str(facts.get("phase") or "") if export.running else "", ""),
        ("size", size, ""),
        ("ended", moments.local(_when(export)) if not export.running else "", ""),
        ("verified", _verified(difference) if facts.get("verified") is True else "", "good"),
    ]
    error = facts.get("error")
    if isinstance(error, Mapping):
        said += [
            ("error", str(error.get("message") or ""), "bad"),
            ("to do", str(error.get("hint") or ""), ""),
        ]
    return [fact(widget, width, title, value, tone) for title, value, tone in said if value]


def _verified(difference: object) -> str:
    if isinstance(difference, int | float):
        return f"loaded again; logits within {difference:.1g} of base plus adapter"
    return "loaded again from where it lies"
