"""Home: the machine, every job, and the highlighted job's curves and log."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import DataTable

from engine.status import utc_now
from engine.watch import Details, JobView
from tui import text
from tui.curves import LossPoints, MemoryPoints
from tui.keys import HOME, bindings_of
from tui.messages import (
    DetailsChanged,
    FeedFailed,
    JobsChanged,
    LogGrew,
    MemoryGrew,
    MetricsGrew,
    SecondPassed,
    TelemetryRead,
)
from tui.screens.acting import ActingScreen
from tui.screens.plots import loss_plot, memory_plot
from tui.widgets.chart import Chart
from tui.widgets.empty import Empty
from tui.widgets.job_line import JobLine
from tui.widgets.job_table import JobTable
from tui.widgets.key_bar import KeyBar
from tui.widgets.log_tail import LogTail
from tui.widgets.note_line import NoteLine
from tui.widgets.status_line import StatusLine


class HomeScreen(ActingScreen):
    """Everything at a glance."""

    keys = HOME
    BINDINGS = bindings_of(HOME)

    def __init__(self, first_job: str | None = None) -> None:
        super().__init__()
        self._jobs: tuple[JobView, ...] = ()
        self._waits: dict[str, str] = {}
        self._details = Details()
        self._loss = LossPoints()
        self._memory = MemoryPoints()
        self._followed: str | None = None
        self._first_job = first_job

    def compose(self) -> ComposeResult:
        """Status, table, charts, log, note, keys."""
        ascii_only = self.options.ascii_only
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

    @property
    def details(self) -> Details:
        """Of the highlighted job."""
        return self._details

    def take(self, message: Message) -> None:
        """Show what the feed says; what it says of another job is late, and dropped."""
        match message:
            case JobsChanged():
                self._show_jobs(message)
            case TelemetryRead():
                self.query_one(StatusLine).show_machine(message.snapshot)
            case SecondPassed():
                self._show_table()
                self._show_facts()
            case FeedFailed():
                self.say(f"{message.message}: {message.hint}", "bad")
            case MetricsGrew() | MemoryGrew() | LogGrew() | DetailsChanged():
                if message.job_id == self._followed:
                    self._show_followed(message)

    def _show_followed(self, message: Message) -> None:
        match message:
            case MetricsGrew():
                self._loss = message.points
                self._show_loss()
            case MemoryGrew():
                self._memory = message.points
                self._show_memory()
            case LogGrew():
                self.query_one(LogTail).show(message.lines)
            case DetailsChanged():
                self._details = message.details
                self._show_facts()
                self.show_keys()

    def _show_jobs(self, message: JobsChanged) -> None:
        before = self.current
        self._jobs = tuple(text.in_order(message.jobs))
        self._waits = dict(message.waits)
        self.set_class(not self._jobs, "-empty")
        self.query_one(StatusLine).show_jobs(self._jobs)
        self._show_table()
        if self._first_job is not None and self._jobs:
            self.query_one(JobTable).select(self._first_job)
            self._first_job = None
        self._follow()
        if self.current != before:
            self._show_facts()
            self._show_loss()
            self.show_keys()

    def _show_table(self) -> None:
        self.query_one(JobTable).show(self._jobs, self._waits, utc_now())

    def _show_facts(self) -> None:
        facts = self.query_one(JobLine)
        facts.show(self.current, self._details, self._waits, utc_now())

    def _show_loss(self) -> None:
        self.query_one("#loss", Chart).show(loss_plot(self._loss, self.current))

    def _show_memory(self) -> None:
        self.query_one("#memory", Chart).show(memory_plot(self._memory, self.current))

    @on(DataTable.RowHighlighted)
    def _follow(self) -> None:
        """Show the highlighted job's curves and log instead of those of the one before."""
        job = self.current
        job_id = job.id if job is not None else None
        if job_id == self._followed:
            return
        self._followed = job_id
        self._details, self._loss, self._memory = Details(), LossPoints(), MemoryPoints()
        self.deck.follow(job)
        self.query_one(LogTail).show(())
        self._show_facts()
        self._show_loss()
        self._show_memory()
        self.show_keys()

    @on(DataTable.RowSelected)
    def _open_selected(self) -> None:
        self.action_open()

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
