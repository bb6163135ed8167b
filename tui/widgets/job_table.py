"""The table of all jobs: draws the rows in its window and no others, so that a thousand cost what ten do."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip

from tui.order import Order
from tui.widgets.canvas import Canvas
from tui.widgets.columns import GUTTER, Column, Plan, column_at, plan_columns
from tui.widgets.job_row import TREND_WIDTH, Shown, fitted, parts

HEADER = 1
"""Rows above the first job."""

SCROLLBAR = 1
"""Cells kept free for it, so that the columns stay where they are when it comes."""

WHEEL_ROWS = 3

NO_MATCH = "no job matches this filter: esc clears it"


class JobTable(Canvas, can_focus=True):
    """All jobs, one row each, one of them highlighted; its keys are those of the key table."""

    COMPONENT_CLASSES = {"job-table--cursor"}

    class Highlighted(Message):
        """Another job is highlighted."""

    class Opened(Message):
        """A row was clicked twice."""

    @dataclass
    class SortAsked(Message):
        """A title was clicked."""

        column: str

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._shown: tuple[Shown, ...] = ()
        self._place: dict[str, int] = {}
        self._now = ""
        self._order = Order()
        self._selected: str | None = None
        self._top = 0
        self._plan: Plan = ()
        self._made: dict[str, tuple[object, Strip]] = {}
        """Each row that was drawn, with what it was made of."""

    @property
    def selected(self) -> str | None:
        """The id of the highlighted job."""
        return self._selected

    @property
    def ids(self) -> list[str]:
        """The ids of the jobs, in the order of their rows."""
        return list(self._place)

    @property
    def plan(self) -> Plan:
        """The columns that are shown, with their widths."""
        return self._plan

    def show(self, shown: Sequence[Shown], order: Order, now: str, *, room_for: int) -> None:
        """Show these jobs in this order; `room_for` is how many rows the table would like to have.

        The highlighted job stays highlighted. When it is gone, the one in its place is.
        """
        at = self._place.get(self._selected or "", 0)
        in_window = self._top <= at < self._top + self._height
        self._shown, self._order, self._now = tuple(shown), order, now
        self._place = {one.job.id: place for place, one in enumerate(self._shown)}
        self._made = {key: made for key, made in self._made.items() if key in self._place}
        if self._selected not in self._place:
            self._set(min(at, len(self._shown) - 1))
        if in_window:
            self._reveal()
        self._fit(room_for)
        self.redraw()

    def select(self, job_id: str | None) -> None:
        """Highlight that job, or the first when it is not there."""
        self._go(self._place.get(job_id or "", 0))

    def move(self, rows: int) -> None:
        """Highlight the job so many rows below; above when negative."""
        self._go(self._place.get(self._selected or "", 0) + rows)

    def page(self, pages: int) -> None:
        """Go down so many windows; up when negative."""
        self.move(pages * max(1, self._height - 1))

    def to_top(self) -> None:
        """Highlight the first job."""
        self._go(0)

    def to_end(self) -> None:
        """Highlight the last job."""
        self._go(len(self._shown) - 1)

    def on_resize(self) -> None:
        """Another width is another choice of columns; the highlighted job stays in the window."""
        self._reveal()

    def on_click(self, event: events.Click) -> None:
        """One click highlights, two open; on a title it sorts."""
        if event.y < HEADER:
            column = column_at(self._plan, event.x)
            if column is not None:
                self.post_message(self.SortAsked(column.key))
            return
        place = self._top + event.y - HEADER
        if place >= len(self._shown):
            return
        self._go(place)
        if event.chain > 1:
            self.post_message(self.Opened())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Look further down; the highlighted job stays the same."""
        self._scroll(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Look further up."""
        self._scroll(-WHEEL_ROWS)

    def notify_style_update(self) -> None:
        """Another theme colours every row anew."""
        self._made = {}
        super().notify_style_update()

    @property
    def _height(self) -> int:
        """Jobs that fit into the window."""
        return max(0, self.size.height - HEADER)

    def _fit(self, room_for: int) -> None:
        """Ask for as many rows; the style sheet says how many there may be."""
        wanted = HEADER + max(1, min(room_for, self.app.size.height))
        if self.styles.height is None or self.styles.height.value != wanted:
            self.styles.height = wanted

    def _go(self, place: int) -> None:
        if self._shown:
            self._set(min(max(0, place), len(self._shown) - 1))
            self._reveal()
            self.redraw()

    def _set(self, place: int) -> None:
        selected = self._shown[max(0, place)].job.id if self._shown else None
        if selected != self._selected:
            self._selected = selected
            self.post_message(self.Highlighted())

    def _reveal(self) -> None:
        """Move the window so that the highlighted job is in it."""
        at, height = self._place.get(self._selected or "", 0), self._height
        self._look_from(max(at - height + 1, min(self._top, at)) if height else self._top)

    def _scroll(self, rows: int) -> None:
        self._look_from(self._top + rows)
        self.redraw()

    def _look_from(self, top: int) -> None:
        self._top = min(max(0, top), max(0, len(self._shown) - self._height))

    def _rows(self, width: int, height: int) -> list[Strip]:
        """The header, and the jobs in the window."""
        if not width or not height:
            return []
        plan = plan_columns(width - SCROLLBAR)
        if plan != self._plan:
            self._plan, self._made = plan, {}
        self._look_from(self._top)
        window = self._shown[self._top : self._top + height - HEADER]
        bar = self._scrollbar(height - HEADER)
        rows = [self._strip(self._header(), width, " ")]
        for row, one in enumerate(window):
            strip = self._row(one, width, bar[row])
            cursor = one.job.id == self._selected
            rows.append(strip.apply_style(self._cursor) if cursor else strip)
        if not window:
            rows.append(self._strip([(" " + NO_MATCH, "dim")], width, " "))
        return rows

    @property
    def _cursor(self) -> Style:
        return self.get_component_rich_style("job-table--cursor", partial=True)

    def _row(self, one: Shown, width: int, bar: str) -> Strip:
        made_of = (one, one.moment(self._now), width, bar)
        made = self._made.get(one.job.id)
        if made is None or made[0] != made_of:
            row = parts(one, self._plan, self._now, ascii_only=self._ascii)
            made = self._made[one.job.id] = (made_of, self._strip(row, width, bar))
        return made[1]

    def _strip(self, row: Sequence[tuple[str, str]], width: int, bar: str) -> Strip:
        segments = [Segment(said, self.tone(tone)) for said, tone in row if said]
        strip = Strip(segments).adjust_cell_length(width - SCROLLBAR)
        return Strip([*strip, Segment(bar, self.tone("dim"))]).simplify()

    def _header(self) -> list[tuple[str, str]]:
        row = [(" " * GUTTER, "")]
        for column, width in self._plan:
            said, tone = self._title(column, width)
            row += [(" " * column.gap, ""), (fitted(said, width, right=column.right), tone)]
        return row

    def _title(self, column: Column, width: int) -> tuple[str, str]:
        """A title; that of the column which is sorted by says which way."""
        if column.key != self._order.sort.column:
            if column.key == "loss" and width >= TREND_WIDTH:
                return f"{column.title}  ", "dim"
            return column.title, "dim"
        mark = direction(self._order, ascii_only=self._ascii)
        gap = " " if len(column.title) + 2 <= width else ""
        return f"{column.title[: width - 1]}{gap}{mark}", "key"

    def _scrollbar(self, height: int) -> list[str]:
        """For each row of the window, whether the scrollbar's thumb is there."""
        count = len(self._shown)
        if count <= height:
            return [" "] * height
        thumb = max(1, height * height // count)
        begin = round(self._top / (count - height) * (height - thumb))
        sign = "|" if self._ascii else "┃"
        return [sign if begin <= row < begin + thumb else " " for row in range(height)]


def direction(order: Order, *, ascii_only: bool) -> str:
    """Which way the table is sorted: the largest first, or last."""
    down, up = ("v", "^") if ascii_only else ("▼", "▲")
    return down if order.descending else up
