"""What home and the job screen share: the curves, log and details of one followed job."""

from collections.abc import Mapping

from textual.message import Message

from engine.curves import Curve, Curves
from engine.machine import Machine
from engine.status import utc_now
from engine.watch import Details, JobView
from tui.charts.lens import Lens
from tui.charts.lensing import LensKeys
from tui.charts.plots import loss_plot, memory_plot, x_end
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
from tui.widgets.chart import Chart
from tui.widgets.job_line import JobLine
from tui.widgets.log_tail import LogTail
from tui.widgets.status_line import StatusLine


class WatchingScreen(ActingScreen, LensKeys):
    """Shows what the feed says of the machine and of one job."""

    def __init__(self) -> None:
        super().__init__()
        self._jobs: tuple[JobView, ...] = ()
        self._waits: Mapping[str, str] = {}
        self._details = Details()
        self._curves = Curves()
        self._share = 1.0
        self._machine = Machine()
        self.lens = Lens()
        self._followed: str | None = None

    @property
    def details(self) -> Details:
        """Of the followed job."""
        return self._details

    def take(self, message: Message) -> None:
        """Show what the feed says; what it says of another job is late, and dropped."""
        match message:
            case JobsChanged():
                self.query_one(StatusLine).show_jobs(message.jobs)
                self.show_jobs(message)
                self.tell_arrival(message.jobs)
            case TelemetryRead():
                self.query_one(StatusLine).show_machine(message.snapshot)
            case SecondPassed():
                self.show_second()
            case FeedFailed():
                self.say(f"{message.message}: {message.hint}", "bad")
            case MetricsGrew() | MemoryGrew() | LogGrew() | DetailsChanged():
                if message.job_id == self._followed:
                    self._show_followed(message)

    def show_jobs(self, message: JobsChanged) -> None:
        """Show what became of the jobs."""
        raise NotImplementedError

    def show_second(self) -> None:
        """Bring elapsed times up to date."""
        self.show_facts()

    def show_details(self) -> None:
        """Show other checkpoints, exports or samples."""
        self.show_facts()
        self.show_keys()

    def show_facts(self) -> None:
        """Show the job's line."""
        line = self.query_one(JobLine)
        line.show(self.current, self._details, self._waits, utc_now())

    def show_loss(self) -> None:
        """Draw the loss chart."""
        self.query_one("#loss", Chart).show(
            loss_plot(self._curves, self.lens, self.current, self._share)
        )

    def show_memory(self) -> None:
        """Draw the memory chart."""
        self.query_one("#memory", Chart).show(memory_plot(self._machine, self.current))

    def lens_changed(self, said: str) -> None:
        """Draw the loss chart anew, and say what was chosen."""
        self.show_loss()
        self.say(said)

    def lens_curve(self) -> Curve:
        """The loss."""
        return self._curves.curve("train", "loss", self.lens.axis)

    def lens_end(self) -> float:
        """Where the loss chart ends."""
        return x_end(self._curves, self.lens, self.current)

    def lens_width(self) -> int:
        """How many columns the loss chart has."""
        return self.query_one("#loss", Chart).size.width

    def _show_followed(self, message: Message) -> None:
        match message:
            case MetricsGrew():
                self._curves, self._share = message.curves, message.share
                self.show_loss()
            case MemoryGrew():
                self._machine = message.machine
                self.show_memory()
            case LogGrew():
                self.query_one(LogTail).show(message.lines)
            case DetailsChanged():
                before, self._details = self._details, message.details
                self.show_details()
                self._tell_exports(before)

    def _tell_exports(self, before: Details) -> None:
        """Say how an export ended that was under way a moment ago."""
        running = {export.kind for export in before.exports if export.running}
        for export in self._details.exports:
            if export.kind in running and export.state == "completed":
                self.say(f"exported {export.kind} to {export.folder}", "good")
            elif export.kind in running and not export.running:
                error = export.facts.get("error") or {}
                why = error.get("message") if isinstance(error, dict) else None
                self.say(f"the export to {export.kind} failed: {why or 'see its log'}", "bad")


def same_axes(job: JobView | None, before: JobView | None) -> bool:
    """Whether a chart drawn for the job as it was is still right without new points."""
    if job is None or before is None:
        return job is before
    return (job.state, job.status.total_steps) == (before.state, before.status.total_steps)
