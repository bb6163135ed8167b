"""One job on the whole screen: larger charts, its spec, its files, its answers, its log."""

from functools import partial

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll

from engine.watch import JobView
from tui.keys import JOB, bindings_of
from tui.messages import JobsChanged
from tui.screens import sheets
from tui.screens.watching import WatchingScreen, same_axes
from tui.widgets.chart import Chart
from tui.widgets.empty import TooSmall
from tui.widgets.job_line import JobLine
from tui.widgets.key_bar import KeyBar
from tui.widgets.log_tail import LogTail
from tui.widgets.note_line import NoteLine
from tui.widgets.sheet import Sheet
from tui.widgets.status_line import StatusLine


class JobScreen(WatchingScreen):
    """Everything about one job."""

    table_name = JOB
    BINDINGS = bindings_of(JOB)

    def __init__(self, job: JobView) -> None:
        super().__init__()
        self._job: JobView | None = job
        self._followed = job.id

    def compose(self) -> ComposeResult:
        """Charts first, then what can be read in peace."""
        ascii_only = self.options.ascii_only
        yield TooSmall(id="too-small")
        yield StatusLine(ascii_only=ascii_only, id="status")
        yield JobLine(ascii_only=ascii_only, id="facts")
        with VerticalScroll(id="body"):
            with Horizontal(id="charts"):
                with Vertical(id="loss-panel", classes="panel"):
                    yield Chart(ascii_only=ascii_only, id="loss")
                with Vertical(id="memory-panel", classes="panel"):
                    yield Chart(ascii_only=ascii_only, id="memory")
            with Vertical(id="sample-panel", classes="panel"):
                yield Sheet(id="samples")
            with Horizontal(id="sheets"):
                with Vertical(id="spec-panel", classes="panel"):
                    yield Sheet(id="spec")
                with Vertical(id="file-panel", classes="panel"):
                    yield Sheet(id="files")
            with Vertical(id="log-panel", classes="panel"):
                yield LogTail(id="log")
        yield NoteLine(ascii_only=ascii_only, id="note")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Name the panels."""
        for panel, title in (
            ("#sample-panel", "before and after"),
            ("#spec-panel", "spec"),
            ("#file-panel", "files"),
            ("#log-panel", "log"),
        ):
            self.query_one(panel).border_title = title
        self.query_one("#body").focus()
        self.show_details()
        self.show_loss()
        self.show_memory()

    @property
    def current(self) -> JobView | None:
        """The job."""
        return self._job

    def show_jobs(self, message: JobsChanged) -> None:
        """Show what became of the job."""
        before = self._job
        self._jobs, self._waits = message.jobs, message.waits
        self._job = next((job for job in message.jobs if job.id == self._followed), None)
        if self._job is None:
            self.say("this job was removed", "wait")
        if self._job != before:
            self.show_facts()
            self.show_keys()
            self._show_sheets()
        if not same_axes(self._job, before):
            self.show_loss()

    def show_details(self) -> None:
        """Show what can be read in peace."""
        super().show_details()
        self._show_sheets()

    def _show_sheets(self) -> None:
        job = self._job
        if job is None:
            return
        details, ascii_only = self._details, self.options.ascii_only
        self.query_one("#spec", Sheet).show(partial(sheets.fact_rows, job, details))
        self.query_one("#files", Sheet).show(partial(sheets.file_rows, job, details))
        self.query_one("#samples", Sheet).show(
            partial(sheets.sample_rows, job, details, ascii_only)
        )
        self.set_class(not details.samples, "-unsampled")

    def action_back(self) -> None:
        """Back to home."""
        self.dismiss()

    def action_down(self) -> None:
        """Scroll down one row."""
        self.query_one("#body").scroll_relative(y=1, animate=False)

    def action_up(self) -> None:
        """Scroll up one row."""
        self.query_one("#body").scroll_relative(y=-1, animate=False)

    def action_page_down(self) -> None:
        """Scroll down one page."""
        self.query_one("#body").scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """Scroll up one page."""
        self.query_one("#body").scroll_page_up(animate=False)

    def action_top(self) -> None:
        """Scroll to the beginning."""
        self.query_one("#body").scroll_home(animate=False)

    def action_bottom(self) -> None:
        """Scroll to the end."""
        self.query_one("#body").scroll_end(animate=False)
