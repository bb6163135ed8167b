"""The first line: what the machine's memory holds, and how many jobs are in which state."""

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from engine.gpu import GPU, Host, Snapshot
from engine.series import format_bytes
from engine.status import JobState
from engine.text import cells, one_line
from engine.watch import JobView
from tui import text
from tui.widgets.canvas import Canvas

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
MOST_ROWS = 4
BAR_WIDTH = 12


class StatusLine(Canvas):
    """Memory on the left, jobs by state on the right; a second GPU gets a row of its own."""

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._machine: Snapshot | None = None
        self._states: Counter[JobState] = Counter()

    def show_machine(self, machine: Snapshot) -> None:
        """Show what the machine does now."""
        self._machine = machine
        rows = max(1, min(MOST_ROWS, len(machine.gpus)))
        if self.styles.height is None or self.styles.height.value != rows:
            self.styles.height = rows
        self.redraw()

    def show_jobs(self, jobs: Sequence[JobView]) -> None:
        """Count the jobs."""
        self._states = Counter(job.state for job in jobs)
        self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        """One row for the host, or one for each GPU."""
        jobs = self._jobs(width // 2)
        left = self._left(width - cells(jobs.plain) - 2)
        left[0] = Text.assemble(
            left[0], " " * max(2, width - cells(left[0].plain) - cells(jobs.plain)), jobs
        )
        return left

    def _left(self, room: int) -> list[Text]:
        machine = self._machine
        if machine is None:
            return [Text("reading the machine", style=self.tone("dim"))]
        if machine.gpus:
            rows = [self._gpu(gpu, room) for gpu in machine.gpus[:MOST_ROWS]]
            hidden = len(machine.gpus) - MOST_ROWS
            if hidden > 0:
                rows[-1].append(f"  and {hidden} more", style=self.tone("dim"))
            return rows
        return [self._host(machine.host, machine.note, room)]

    def _gpu(self, gpu: GPU, room: int) -> Text:
        name = one_line(gpu.name).removeprefix("NVIDIA ")
        row = Text.assemble((f"GPU {gpu.index} ", self.tone("title")))
        if room > 60:
            row.append(f"{name}  ", style=self.tone("dim"))
        if gpu.trouble is not None:
            return row.append(one_line(gpu.trouble), style=self.tone("bad"))
        self._memory(row, gpu.memory_used_bytes, gpu.memory_total_bytes)
        if gpu.utilization_percent is not None:
            row.append(f"  {gpu.utilization_percent:>3}% busy")
        if room > 76 and gpu.temperature_celsius is not None:
            row.append(f"  {gpu.temperature_celsius} °C", style=self.tone("dim"))
        if room > 84 and gpu.power_watts is not None:
            row.append(f"  {gpu.power_watts:.0f} W", style=self.tone("dim"))
        return row

    def _host(self, host: Host, note: str, room: int) -> Text:
        why = f"no GPU: {note.partition(':')[0]}" if note else "no GPU"
        row = Text.assemble(("host memory " if room > 44 else "host ", self.tone("title")))
        self._memory(row, host.memory_used_bytes, host.memory_total_bytes)
        if room > 62 and host.cpu_percent is not None:
            row.append(f"  CPU {host.cpu_percent:>3.0f}%")
        shown = why if room >= cells(row.plain) + 3 + cells(why) else "no GPU"
        return row.append(f"  {shown}", style=self.tone("dim"))

    def _memory(self, row: Text, used: int | None, total: int | None) -> None:
        if used is not None and total:
            full, empty = text.bar(used / total, BAR_WIDTH, ascii_only=self._ascii)
            row.append(full, style=self.tone("bar")).append(empty, style=self.tone("track"))
            row.append(" ")
        used_words, total_words = format_bytes(used), format_bytes(total)
        if used_words.split()[-1:] == total_words.split()[-1:]:
            used_words = used_words.split()[0]
        row.append(f"{used_words}/{total_words}")

    def _jobs(self, room: int) -> Text:
        present = [state for state in SHOWN_STATES if self._states[state]]
        if not present:
            return Text("no jobs", style=self.tone("dim"))
        row = self._counts(present, words=True)
        return row if cells(row.plain) <= room else self._counts(present, words=False)

    def _counts(self, states: Sequence[JobState], *, words: bool) -> Text:
        row = Text()
        for state in states:
            sign = text.glyph(state, ascii_only=self._ascii)
            word = f" {state}" if words else ""
            row.append("  " if row else "")
            row.append(f"{sign} {self._states[state]}{word}", style=self.tone(text.TONES[state]))
        return row
