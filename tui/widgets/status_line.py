"""The first rows: what the GPUs and the host's memory hold, and how many jobs are in which state."""

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.text import Text
from textual.geometry import Size

from engine.gpu import NO_DRIVER, NO_GPU, Host, Snapshot
from engine.series import format_bytes
from engine.status import JobState
from engine.text import cells, one_line
from engine.watch import JobView
from tui import text
from tui.widgets.canvas import Canvas
from tui.widgets.gpu_grid import grid, rows_for, text_cut

SHOWN_STATES = (
    JobState.RUNNING,
    JobState.STARTING,
    JobState.PAUSING,
    JobState.CANCELLING,
    JobState.QUEUED,
    JobState.PAUSED,
    JobState.INTERRUPTED,
    JobState.FAILED,
    JobState.COMPLETED,
)
GAP = 2


class StatusLine(Canvas):
    """The GPUs in rows of their own; below them host memory on the left, jobs by state on the right."""

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._machine: Snapshot | None = None
        self._states: Counter[JobState] = Counter()

    def show_machine(self, machine: Snapshot) -> None:
        """Show what the machine does now."""
        before = len(self._machine.gpus) if self._machine is not None else 0
        self._machine = machine
        if len(machine.gpus) != before:
            self.refresh(layout=True)
        self.redraw()

    def show_jobs(self, jobs: Sequence[JobView]) -> None:
        """Count the jobs."""
        self._states = Counter(job.state for job in jobs)
        self.redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A row, and those of the GPUs: as many as leave the job table its room."""
        count = len(self._machine.gpus) if self._machine is not None else 0
        return (rows_for(count, width, viewport.height) if count else 0) + 1

    def draw(self, width: int, height: int) -> list[Text]:
        """The GPUs, then one row for everything else."""
        gpus = self._machine.gpus if self._machine is not None else ()
        screen = self.app.size.height
        rows = grid(gpus, width, screen, self.tone, ascii_only=self._ascii) if gpus else []
        return [*rows[: max(0, height - 1)], self._last_row(width)]

    def _last_row(self, width: int) -> Text:
        """The two sides that say most and fit beside each other.

        The words of the job states come before the host's lesser figures, and its memory bar
        before the last of those words.
        """
        for jobs in self._jobs():
            room = width - cells(jobs.plain) - GAP
            fitting = [host for host in self._host() if cells(host.plain) <= room]
            if fitting:
                break
        else:
            fitting = [Text()]
        left = fitting[0]
        between = width - cells(left.plain) - cells(jobs.plain)
        row = Text.assemble(left, " " * max(0, between), jobs)
        row.truncate(width)
        return row

    # --- the host

    def _host(self) -> Iterator[Text]:
        """From all that is known of it to the least that is worth a place."""
        if self._machine is None:
            yield Text("reading the machine", style=self.tone("dim"))
            return
        host, note = self._machine.host, one_line(self._machine.note)
        reasons = [""]
        if not self._machine.gpus:
            why = note.partition(": ")[0]
            reasons = [
                *(f"no GPU: {said}" for said in dict.fromkeys([note, why]) if said),
                "no GPU",
            ]
        for reason in reasons:
            yield self._host_row(host, reason, title="host memory", bar=12, cpu=True)
        for bar, cpu in ((12, True), (12, False), (6, False)):
            yield self._host_row(host, reasons[-1], title="host", bar=bar, cpu=cpu)

    def _host_row(self, host: Host, reason: str, *, title: str, bar: int, cpu: bool) -> Text:
        row = Text.assemble((title, self.tone("title")), " ")
        share = host.memory_used_bytes / max(1, host.memory_total_bytes)
        full, empty = text.bar(share, bar, ascii_only=self._ascii)
        row.append(full, style=self.tone("bar")).append(empty, style=self.tone("track"))
        row.append(f" {_memory(host.memory_used_bytes, host.memory_total_bytes)}")
        if cpu:
            percent = "?" if host.cpu_percent is None else f"{host.cpu_percent:.0f}"
            row.append(f"  CPU {percent:>3}%", style=self.tone("dim"))
        if reason:
            note = self._machine.note if self._machine is not None else ""
            tone = "dim" if note in ("", NO_DRIVER, NO_GPU) else "wait"
            said = text_cut(reason, cells(reason), ascii_only=self._ascii)
            row.append(f"  {said}", style=self.tone(tone))
        return row

    # --- the jobs

    def _jobs(self) -> Iterator[Text]:
        """Every state with its word, then one word less each time."""
        present = [state for state in SHOWN_STATES if self._states[state]]
        if not present:
            yield Text("no jobs", style=self.tone("dim"))
            return
        for worded in range(len(present), -1, -1):
            yield self._counts(present, worded)

    def _counts(self, states: Sequence[JobState], worded: int) -> Text:
        row = Text()
        for place, state in enumerate(states):
            sign = text.glyph(state, ascii_only=self._ascii)
            word = f" {state}" if place < worded else ""
            row.append("  " if row else "")
            row.append(f"{sign} {self._states[state]}{word}", style=self.tone(text.TONES[state]))
        return row


def _memory(used: int, total: int) -> str:
    """`4.0/16.0 GiB`: the unit once where both have the same."""
    used_words, total_words = format_bytes(used), format_bytes(total)
    if used_words.split()[-1:] == total_words.split()[-1:]:
        used_words = used_words.split()[0]
    return f"{used_words}/{total_words}"
