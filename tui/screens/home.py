"""Home: the machine, every job, and the highlighted job's curves and log."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from engine.curves import Curves
from engine.machine import Machine
from engine.status import utc_now
from engine.watch import Details, JobView
from tui.filter import JobFilter, parse
from tui.keys import HOME, Key, bindings_of, keys_of
from tui.messages import JobsChanged
from tui.order import SORTS, Order, next_sort, ordered
from tui.screens.acting import NO_JOB, READONLY
from tui.screens.watching import WatchingScreen, same_axes
from tui.trend import LossTrends
from tui.visit import news
from tui.widgets.chart import Chart
from tui.widgets.empty import Empty, TooSmall
from tui.widgets.job_line import JobLine
from tui.widgets.job_row import Shown
from tui.widgets.job_table import JobTable, direction
from tui.widgets.key_bar import KeyBar
from tui.widgets.log_tail import LogTail
from tui.widgets.note_line import NoteLine
from tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from tui.widgets.filter_row import FilterRow

REST_SECONDS = 0.15
"""How long a row must stay highlighted before its job's curves and log are read."""

NEWS_SECONDS = 60.0
"""How long the deck says what happened while nobody looked."""

LEAST_COMPARED = 2

NOTHING_TO_CLEAR = "there is no filter and no mark to clear"


class HomeScreen(WatchingScreen):
    """Everything at a glance."""

    table_name = HOME
    BINDINGS = bindings_of(HOME)

    def __init__(self, first_job: str | None = None) -> None:
        super().__init__()
        self._awaited = first_job
        self._order = Order()
        self._filter = JobFilter()
        self._filter_row: FilterRow | None = None
        self._marks: set[str] = set()
        self._shown: list[JobView] = []
        """The jobs of the table, in its order."""
        self._trends = LossTrends()
        self._resting: Timer | None = None
        """Runs from the last move to another row until its job is read."""
        self._greeted = False

    def compose(self) -> ComposeResult:
        """Status, table, charts, log, note, keys."""
        ascii_only = self.options.ascii_only
        yield TooSmall(id="too-small")
        yield StatusLine(ascii_only=ascii_only, id="status")
        with Vertical(id="jobs", classes="panel"):
            yield JobTable(ascii_only=ascii_only, id="table")
        yield Empty(id="empty")
        with Vertical(id="watched"):
            yield JobLine(ascii_only=ascii_only, id="facts")
            with Horizontal(id="charts"):
                with Vertical(id="loss-panel", classes="panel"):
                    yield Chart(ascii_only=ascii_only, id="loss")
                with Vertical(id="memory-panel", classes="panel"):
                    yield Chart(ascii_only=ascii_only, id="memory")
            with Vertical(id="log-panel", classes="panel"):
                yield LogTail(id="log")
        yield NoteLine(ascii_only=ascii_only, id="note")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Name the panels, and give the table the keys."""
        self.query_one("#jobs").border_title = "jobs"
        self.query_one("#log-panel").border_title = "log"
        self.query_one(JobTable).focus()
        self.show_keys()

    # --- which job, which jobs --------------------------------------------------------------------

    @property
    def current(self) -> JobView | None:
        """The highlighted job."""
        selected = self.query_one(JobTable).selected
        return next((job for job in self._shown if job.id == selected), None)

    @property
    def targets(self) -> Sequence[JobView]:
        """The marked jobs that are shown, else the highlighted one."""
        if not self._marks:
            return super().targets
        return [job for job in self._shown if job.id in self._marks]

    @property
    def no_job(self) -> str:
        """Why there is no job to act on."""
        if not self._jobs:
            return NO_JOB
        if self._marks and self._shown:
            return f"{self._hidden_marks()}: {self.deck.keymap.sign('clear')} clears the marks"
        return f"the filter hides every job: {self.deck.keymap.sign('clear')} clears it"

    def left_out(self) -> list[str]:
        """Marked jobs that the filter hides are left alone."""
        return [self._hidden_marks()] if self._marks and self._hidden else []

    @property
    def _hidden(self) -> int:
        """Marked jobs that the filter hides."""
        return len(self._marks) - sum(job.id in self._marks for job in self._shown)

    def _hidden_marks(self) -> str:
        return f"{self._hidden} marked job{'s are' if self._hidden != 1 else ' is'} hidden by the filter"

    def highlight(self, job_id: str) -> None:
        """Highlight that job as soon as it is there."""
        self._awaited = job_id

    # --- what the feed says -----------------------------------------------------------------------

    def show_jobs(self, message: JobsChanged) -> None:
        """Fill the table; the highlighted job stays highlighted."""
        before = self.current
        self._jobs, self._waits = message.jobs, message.waits
        self._marks &= {job.id for job in self._jobs}
        self._trends.see(self._jobs)
        self.set_class(not self._jobs, "-empty")
        self._greet()
        self._show_awaited()
        self._follow(at_once=before is None)
        if self.current != before:
            self.show_facts()
            self.show_keys()
            if not same_axes(self.current, before):
                self.show_loss()

    def show_second(self) -> None:
        """Bring elapsed times up to date."""
        self._show_table()
        self.show_facts()

    def _greet(self) -> None:
        """Once: say what happened since the last visit, and highlight the first job that it did."""
        if not self._greeted:
            self._greeted = True
            first = self.tell_news()
            self._awaited = self._awaited or first

    def tell_news(self) -> str | None:
        """Say what happened while nobody looked; the id of the first job that it happened to."""
        new = news(self._jobs, self.deck.visit.since)
        if not new.jobs:
            return None
        which = "the first" if len(new.jobs) > 1 else "it"
        opens = f"{self.deck.keymap.sign('open')} opens {which}"
        said = f"since your last visit: {new.said()} ({opens})"
        self.query_one(NoteLine).say(said, "bad" if new.bad else "good", seconds=NEWS_SECONDS)
        return new.jobs[0].id

    def _show_awaited(self) -> None:
        """Show the table, and in it the job that is waited for, whatever the filter says."""
        self._show_table()
        awaited = self._awaited
        if awaited is None or all(job.id != awaited for job in self._jobs):
            return
        if all(job.id != awaited for job in self._shown):
            self._clear_filter()
        self.query_one(JobTable).select(awaited)
        self._awaited = None

    def _show_table(self) -> None:
        now = utc_now()
        every = ordered(self._jobs, self._order, now=now, since=self.deck.visit.since)
        self._shown = [job for job in every if self._filter.passes(job)]
        rows = [
            Shown(job, self._waits.get(job.id, ""), self._trends.of(job.id), job.id in self._marks)
            for job in self._shown
        ]
        self.query_one(JobTable).show(rows, self._order, now, room_for=len(every))
        self._show_title()

    def _show_title(self) -> None:
        """Say of the table what it does not show itself: how many of how many, marks, order."""
        parts = ["jobs"]
        if self._filter:
            parts = [f"{len(self._shown)} of {len(self._jobs)} jobs"]
        if self._marks:
            hidden = f" ({self._hidden} hidden)" if self._hidden else ""
            parts.append(f"{len(self._marks)} marked{hidden}")
        if self._order != Order():
            mark = direction(self._order, ascii_only=self.options.ascii_only)
            by = f"by {self._order.sort.said} {mark}" if self._order.sort.column else "backwards"
            parts.append(by)
        title = ", ".join(parts)
        panel = self.query_one("#jobs")
        if panel.border_title != title:
            panel.border_title = Text(title)

    # --- the highlighted job ----------------------------------------------------------------------

    @on(JobTable.Highlighted)
    def _highlighted(self) -> None:
        self._follow()

    def _follow(self, *, at_once: bool = False) -> None:
        """Speak of the highlighted job at once; read its curves and log when the cursor rests."""
        job = self.current
        job_id = job.id if job is not None else None
        if job_id == self._followed:
            return
        moving = self._resting is not None
        if self._resting is not None:
            self._resting.stop()
        self._followed = job_id
        self._details, self._curves, self._machine = Details(), Curves(), Machine()
        self.show_facts()
        self.show_keys()
        if moving:
            self._show_nothing_yet()
        if at_once:
            self._read()
        else:
            self._resting = self.set_timer(REST_SECONDS, self._read)

    def _read(self) -> None:
        """Read the highlighted job."""
        self._resting = None
        self.deck.follow(self.current)
        self._show_nothing_yet()

    def _show_nothing_yet(self) -> None:
        """What is drawn is of another job: away with it."""
        self.query_one(LogTail).show(())
        self.show_loss()
        self.show_memory()

    @on(JobTable.Opened)
    def _open_selected(self) -> None:
        self.action_open()

    # --- filter, order, marks ---------------------------------------------------------------------

    def action_filter(self) -> None:
        """Type what the shown jobs must have."""
        from tui.widgets.filter_row import FilterRow  # late: most visits need no field to type into

        if not self._jobs:
            self._say_no_job()
            return
        if self._filter_row is None:
            self._filter_row = FilterRow(self.deck.keymap.sign("filter"))
            self.query_one("#jobs").mount(self._filter_row, before="#table")
        else:
            self._filter_row.begin()

    def on_filter_row_typed(self, event: "FilterRow.Typed") -> None:
        """Show the jobs that pass."""
        self._filter = parse(event.typed)
        self._show_table()
        self._follow()
        self.show_keys()

    def on_filter_row_kept(self) -> None:
        """Back to the table; a filter without a word is none."""
        if not self._filter:
            self._clear_filter()
        self.query_one(JobTable).focus()

    def _clear_filter(self) -> None:
        """Show every job again."""
        if self._filter_row is not None:
            self._filter_row.clear()
        self._filter = JobFilter()
        self._show_table()
        self._follow()
        self.show_keys()

    def on_descendant_focus(self) -> None:
        """Letters go elsewhere now."""
        if self.ready:
            self.show_keys()

    def show_keys(self) -> None:
        """While a filter is typed, the keys that end that."""
        row = self._filter_row
        if row is None or not row.typing:
            super().show_keys()
            return
        labels = {"open": "Keep", "clear": "Clear"}
        ending = [key for key in keys_of(HOME) if key.action in labels]
        self.query_one(KeyBar).show([replace(key, label=labels[key.action]) for key in ending])

    @property
    def _filtering(self) -> bool:
        """Whether the row to type into is in sight."""
        return self._filter_row is not None and self._filter_row.display

    def action_clear(self) -> None:
        """Take the filter away; without one, the marks."""
        if self._filtering:
            self._clear_filter()
            self.query_one(JobTable).focus()
        elif self._marks:
            self._mark(set())
        else:
            self.say(NOTHING_TO_CLEAR, "wait")

    def action_sort(self) -> None:
        """Sort by the next column."""
        self._sort(Order(next_sort(self._order.sort)))

    def action_turn(self) -> None:
        """Turn the order round."""
        self._sort(replace(self._order, turned=not self._order.turned))

    @on(JobTable.SortAsked)
    def _title_clicked(self, event: JobTable.SortAsked) -> None:
        event.stop()
        sort = next((sort for sort in SORTS if sort.column == event.column), None)
        if sort is None:
            named = ", ".join(sort.said for sort in SORTS if sort.column)
            self.say(f"the table can be sorted by {named}", "wait")
        elif sort == self._order.sort:
            self.action_turn()
        else:
            self._sort(Order(sort))

    def _sort(self, order: Order) -> None:
        if self._jobs:
            self._order = order
            self._show_table()
        else:
            self._say_no_job()

    def action_mark(self) -> None:
        """Mark the highlighted job, or take its mark away, and go on to the next."""
        if self.current is None:
            self._say_no_job()
            return
        self._mark(self._marks ^ {self.current.id})
        self.action_down()

    def _mark(self, marks: set[str]) -> None:
        self._marks = marks
        self._show_table()
        self.show_keys()

    def action_compare(self) -> None:
        """Show the marked jobs' curves in one chart."""
        why_not = self._why_not_compare()
        if why_not is None:
            self.deck.open_compare([job for job in self._jobs if job.id in self._marks])
        else:
            self.say(why_not, "wait")

    def _why_not_compare(self) -> str | None:
        if len(self._marks) >= LEAST_COMPARED:
            return None
        marked = "one is" if self._marks else "none is"
        sign = self.deck.keymap.sign("mark")
        return f"comparing needs {LEAST_COMPARED} marked jobs or more, {marked}: {sign} marks"

    def why_not(self, key: Key) -> str | None:
        """Why that key can do nothing now; None when it can."""
        match key.action:
            case "compare":
                return self._why_not_compare()
            case "clear":
                return None if self._filtering or self._marks else NOTHING_TO_CLEAR
            case "mark":
                return None if self.current is not None else self.no_job
            case "filter" | "sort" | "turn":
                return None if self._jobs else NO_JOB
        return super().why_not(key)

    # --- keys -------------------------------------------------------------------------------------

    def on_screen_resume(self) -> None:
        """Another screen may have followed another job."""
        if self.ready and self.deck.feed.followed != self._followed:
            self._read()

    def action_open(self) -> None:
        """Show everything about the job."""
        self._rest()
        super().action_open()

    def action_log(self) -> None:
        """Show its log on the whole screen."""
        self._rest()
        super().action_log()

    def _rest(self) -> None:
        """Do not wait for the cursor to rest."""
        if self._resting is not None:
            self._resting.stop()
            self._read()

    def action_demo(self) -> None:
        """Fine-tune the bundled model."""
        if self.options.readonly:
            self.say(READONLY, "wait")
        else:
            self.deck.run_demo()

    def action_down(self) -> None:
        """Highlight the next job."""
        self.query_one(JobTable).move(1)

    def action_up(self) -> None:
        """Highlight the job before."""
        self.query_one(JobTable).move(-1)

    def action_page_down(self) -> None:
        """Go down one page of jobs."""
        self.query_one(JobTable).page(1)

    def action_page_up(self) -> None:
        """Go up one page of jobs."""
        self.query_one(JobTable).page(-1)

    def action_top(self) -> None:
        """Highlight the first job."""
        self.query_one(JobTable).to_top()

    def action_bottom(self) -> None:
        """Highlight the last job."""
        self.query_one(JobTable).to_end()
