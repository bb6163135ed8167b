"""The table of all jobs: rows keep their place by job id, and only changed cells are repainted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from rich.text import Text
from textual import events
from textual.coordinate import Coordinate
from textual.geometry import Region
from textual.message import Message
from textual.widgets import DataTable

from engine.status import JobState
from engine.text import one_line, shortened
from engine.watch import JobView
from tui import text
from tui.widgets.canvas import Toned

PADDING = 1
SCROLLBAR = 1
"""Cells kept free for it, so that the columns stay where they are when it comes."""


@dataclass(frozen=True)
class Column:
    """One column: how wide it is, how narrow it may be, and how far it likes to grow."""

    key: str
    title: str
    width: int
    least: int = 0
    """Its width where the terminal is narrow; 0 is its usual one."""
    grows_to: int = 0
    right: bool = False

    @property
    def narrowest(self) -> int:
        """As narrow as it may be."""
        return self.least or self.width


COLUMNS = (
    Column("state", "state", 13),
    Column("name", "job", 14, least=10, grows_to=30),
    Column("model", "model", 12, grows_to=22),
    Column("method", "method", 8),
    Column("progress", "progress", 18, least=10, grows_to=80),
    Column("step", "step", 9, grows_to=13, right=True),
    Column("loss", "loss", 6, right=True),
    Column("speed", "tok/s", 6, right=True),
    Column("eta", "left", 6, right=True),
)
WELCOME = ("method", "model")
"""Left out first, in this order, before any other column gets narrow."""
SPARE = ("speed", "eta")
"""Left out when the others are as narrow as they may be."""
GROWTH = ("progress", "name", "step", "model", "progress")
"""Who gets the room that is left, in turns."""


def plan_columns(width: int) -> list[tuple[Column, int]]:
    """The columns that fit into so many cells, each with its width."""
    kept = list(COLUMNS)
    for key in WELCOME:
        if _total([column.width for column in kept]) > width:
            kept = [column for column in kept if column.key != key]
    for key in SPARE:
        if _total([column.narrowest for column in kept]) > width:
            kept = [column for column in kept if column.key != key]
    widths = {column.key: column.narrowest for column in kept}
    growing = [column for key in GROWTH for column in kept if column.key == key]
    while growing and _total(list(widths.values())) < width:
        column = growing.pop(0)
        if widths[column.key] < column.grows_to:
            widths[column.key] += 1
            growing.append(column)
    return [(column, widths[column.key]) for column in kept]


def _total(widths: list[int]) -> int:
    return sum(widths) + 2 * PADDING * len(widths)


class StateCell(Text):
    """A state's glyph and word; knows where its row belongs."""

    rank: int = 0


class JobTable(DataTable[Text], Toned, inherit_bindings=False):
    """All jobs, one row each; its keys are those of the key table."""

    class Opened(Message):
        """A row was clicked twice."""

    _quiet = False

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(
            id=id,
            cursor_type="row",
            cell_padding=PADDING,
            cursor_foreground_priority="renderable",
        )
        self._ascii = ascii_only
        self._jobs: list[JobView] = []
        self._waits: Mapping[str, str] = {}
        self._now = ""
        self._plan: list[tuple[Column, int]] = []
        self._seen: dict[str, tuple[object, ...]] = {}
        """What each row was made of: a row is made again only when that changes."""
        self._selected: str | None = None

    @property
    def selected(self) -> str | None:
        """The id of the highlighted job."""
        return self._selected

    def show(self, jobs: Sequence[JobView], waits: Mapping[str, str], now: str) -> None:
        """Show these jobs in this order."""
        self._jobs, self._waits, self._now = list(jobs), waits, now
        if self._plan:
            self._update()
        else:
            self.select(self._selected)

    def select(self, job_id: str | None) -> None:
        """Highlight that job, or the first when it is not there."""
        keys = [job.id for job in self._jobs]
        self._selected = job_id if job_id in keys else keys[0] if keys else None
        if self._selected is not None and self._plan:
            self.move_cursor(row=self.get_row_index(self._selected), animate=False)

    def on_resize(self) -> None:
        """Another width is another choice of columns."""
        plan = plan_columns(self.outer_size.width - SCROLLBAR)
        if plan == self._plan:
            return
        self._plan = plan
        with self.prevent(DataTable.RowHighlighted):
            self.clear(columns=True)
            for column, width in plan:
                title = Text(column.title, justify="right" if column.right else "left")
                self.add_column(title, key=column.key, width=width)
            self._update()

    def on_click(self, event: events.Click) -> None:
        """One click highlights, two open."""
        if event.chain > 1 and self.row_count:
            self.post_message(self.Opened())

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        """Remember the selection by id."""
        self._selected = event.row_key.value

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """While cells are being updated, only their own regions count."""
        if self._quiet and not regions and not layout and not recompose:
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        """Another theme colours every cell anew."""
        super().notify_style_update()
        self._seen = {}
        if self._plan and self.is_mounted:
            self._update()

    def _update(self) -> None:
        wanted = {job.id: rank for rank, job in enumerate(self._jobs)}
        self._seen = {job_id: seen for job_id, seen in self._seen.items() if job_id in wanted}
        present = [row.key.value for row in self.ordered_rows]
        selected = self._selected
        for gone in [key for key in present if key not in wanted]:
            self.remove_row(gone or "")
        before = {key for key in present if key in wanted}
        for rank, job in enumerate(self._jobs):
            seen = (job, rank, self._waits.get(job.id), self._now if text.ticks(job) else "")
            if self._seen.get(job.id) == seen and job.id in before:
                continue
            self._seen[job.id] = seen
            cells = self._cells(job, rank)
            if job.id in before:
                self._update_row(job.id, cells)
            else:
                self.add_row(*cells, key=job.id)
        if [row.key.value for row in self.ordered_rows] != list(wanted):
            self.sort("state", key=lambda cell: cell.rank)
        if self._jobs:
            self.select(selected)
        else:
            self._selected = None

    def _update_row(self, job_id: str, cells: list[Text]) -> None:
        row = self.get_row_index(job_id)
        for index, ((column, _), cell) in enumerate(zip(self._plan, cells, strict=True)):
            shown = self.get_cell(job_id, column.key)
            if isinstance(shown, StateCell) and isinstance(cell, StateCell):
                shown.rank = cell.rank
            if shown == cell:
                continue
            self._quiet = True
            self.update_cell(job_id, column.key, cell)
            self._quiet = False
            self.refresh_coordinate(Coordinate(row, index))

    def _cells(self, job: JobView, rank: int) -> list[Text]:
        return [
            self._cell(column.key, width, column.right, job, rank) for column, width in self._plan
        ]

    def _cell(self, key: str, width: int, right: bool, job: JobView, rank: int) -> Text:
        status = job.status
        quiet = "dim" if job.state.settled else ""
        if key == "state":
            cell = StateCell(
                f"{text.glyph(job.state, ascii_only=self._ascii)} {job.state}",
                style=self.tone(text.TONES[job.state]),
            )
            cell.rank = rank
            return cell
        if key == "progress":
            return self._progress(job, width)
        if job.state is JobState.QUEUED and key in {"step", "loss", "speed", "eta"}:
            return Text()
        if not job.state.living and key in {"speed", "eta"}:
            return Text()
        said = {
            "name": lambda: one_line(job.name) or job.id,
            "model": lambda: text.short_model(job.model),
            "method": lambda: job.method,
            "step": lambda: text.steps(status),
            "loss": lambda: text.loss(status.loss),
            "speed": lambda: text.speed(status.tokens_per_second),
            "eta": lambda: text.eta(status),
        }[key]()
        tone = quiet or ("dim" if key in {"model", "method"} or said == text.UNKNOWN else "")
        cell_text = shortened(said, width)
        return Text(cell_text, style=self.tone(tone), justify="right" if right else "left")

    def _progress(self, job: JobView, width: int) -> Text:
        share = text.done(job.status)
        if share is None or not text.trains(job.status):
            tone = "bad" if job.status.error and not job.state.living else "dim"
            said = text.doing(job, self._now, self._waits.get(job.id, ""), width)
            return Text(said, style=self.tone(tone))
        room = min(width - 5, 24)
        full, empty = text.bar(share, room, ascii_only=self._ascii)
        return Text.assemble(
            (full, self.tone("bar")), (empty, self.tone("track")), f" {share:>4.0%}"
        )
