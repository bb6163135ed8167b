"""Home: the machine, every job, and the highlighted job's curves and log."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable

from engine.curves import Curves, Machine
from engine.status import utc_now
from engine.watch import Details, JobView
from tui import text
from tui.keys import HOME, bindings_of
from tui.messages import JobsChanged
from tui.screens.acting import READONLY
from tui.screens.watching import WatchingScreen, same_axes
from tui.widgets.chart import Chart
from tui.widgets.empty import Empty, TooSmall
from tui.widgets.job_line import JobLine
from tui.widgets.job_table import JobTable
from tui.widgets.key_bar import KeyBar
from tui.widgets.log_tail import LogTail
from tui.widgets.note_line import NoteLine
from tui.widgets.status_line import StatusLine


class HomeScreen(WatchingScreen):
    """Everything at a glance."""

    table_name = HOME
    BINDINGS = bindings_of(HOME)

    def __init__(self, first_job: str | None = None) -> None:
        super().__init__()
        self._awaited = first_job

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

    @property
    def current(self) -> JobView | None:
        """The highlighted job."""
        selected = self.query_one(JobTable).selected
        return next((job for job in self._jobs if job.id == selected), None)

    def highlight(self, job_id: str) -> None:
        """Highlight that job as soon as it is there."""
        self._awaited = job_id

    def show_jobs(self, message: JobsChanged) -> None:
        """Fill the table; the highlighted job stays highlighted."""
        before = self.current
        self._jobs = tuple(text.in_order(message.jobs))
        self._waits = message.waits
        self.set_class(not self._jobs, "-empty")
        self._show_table()
        if any(job.id == self._awaited for job in self._jobs):
            self.query_one(JobTable).select(self._awaited)
            self._awaited = None
        self._follow()
        if self.current != before:
            self.show_facts()
            self.show_keys()
            if not same_axes(self.current, before):
                self.show_loss()

    def show_second(self) -> None:
        """Bring elapsed times up to date."""
        self._show_table()
        self.show_facts()

    def _show_table(self) -> None:
        self.query_one(JobTable).show(self._jobs, self._waits, utc_now())

    @on(DataTable.RowHighlighted)
    def _follow(self) -> None:
        """Show the highlighted job's curves and log instead of those of the one before."""
        job = self.current
        job_id = job.id if job is not None else None
        if job_id == self._followed:
            return
        self._followed = job_id
        self._details, self._curves, self._machine = Details(), Curves(), Machine()
        self.deck.follow(job)
        self.query_one(LogTail).show(())
        self.show_facts()
        self.show_loss()
        self.show_memory()
        self.show_keys()

    @on(JobTable.Opened)
    def _open_selected(self) -> None:
        self.action_open()

    def action_demo(self) -> None:
        """Fine-tune the bundled model."""
        if self.options.readonly:
            self.say(READONLY, "wait")
        else:
            self.deck.run_demo()

    def action_down(self) -> None:
        """Highlight the next job."""
        self.query_one(JobTable).action_cursor_down()

    def action_up(self) -> None:
        """Highlight the job before."""
        self.query_one(JobTable).action_cursor_up()

    def action_page_down(self) -> None:
        """Go down one page of jobs."""
        self.query_one(JobTable).action_page_down()

    def action_page_up(self) -> None:
        """Go up one page of jobs."""
        self.query_one(JobTable).action_page_up()

    def action_top(self) -> None:
        """Highlight the first job."""
        self.query_one(JobTable).move_cursor(row=0)

    def action_bottom(self) -> None:
        """Highlight the last job."""
        table = self.query_one(JobTable)
        table.move_cursor(row=max(0, table.row_count - 1))
