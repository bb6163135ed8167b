"""Several jobs side by side: their curves on one chart, what came of them, and where their specs differ."""

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from engine import compare
from engine.compare import Comparison
from engine.compare.side import MEMORY, Side, SideReader, metrics, series
from engine.curves import Curve
from engine.files import write_atomic
from engine.text import cells, one_line, shortened
from engine.watch import JobView
from tui.charts.comparing import axis_end, table_rows, together
from tui.charts.lens import Lens
from tui.charts.lensing import LensKeys
from tui.keys import COMPARE, Key, bindings_of
from tui.messages import JobsChanged
from tui.screens.reading import ReadingScreen
from tui.widgets.canvas import Toned
from tui.widgets.chart import Chart
from tui.widgets.empty import TooSmall
from tui.widgets.key_bar import KeyBar
from tui.widgets.note_line import NoteLine
from tui.widgets.sheet import Scroll, Sheet

READ_AGAIN_SECONDS = 1.0
"""How often jobs that work are read again."""


class CompareScreen(ReadingScreen, LensKeys):
    """Marked jobs, read in a thread; those that work are read on."""

    class Read(Message):
        """The jobs were read."""

        def __init__(self, sides: tuple[Side, ...]) -> None:
            super().__init__()
            self.sides = sides

    table_name = COMPARE
    BINDINGS = bindings_of(COMPARE)

    def __init__(self, jobs: Sequence[JobView]) -> None:
        super().__init__()
        self.lens = Lens()
        self._jobs = tuple(jobs)
        self._readers = [SideReader(job.job) for job in jobs]
        self._comparison: Comparison | None = None
        self._metric = "loss"
        self._single: int | None = None
        """Which job stands out; None is all alike."""
        self._reading = False
        self._read_at = 0.0

    def compose(self) -> ComposeResult:
        """Who is compared, the chart, the tables."""
        ascii_only = self.options.ascii_only
        yield TooSmall(id="too-small")
        yield Sheet(id="heading")
        with Vertical(id="compare-panel", classes="panel"):
            yield Chart(ascii_only=ascii_only, id="compared")
        yield Scroll(id="reading")
        yield NoteLine(ascii_only=ascii_only, id="note")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Begin to read."""
        self.query_one("#heading", Sheet).show(lambda widget, width: [self._heading(widget, width)])
        self.query_one(Chart).show(together((), (), self._metric, self.lens))
        self._read()

    def take(self, message: Message) -> None:
        """Read on what still works."""
        if isinstance(message, JobsChanged):
            now = {job.id: job for job in message.jobs}
            self._jobs = tuple(now.get(job.id, job) for job in self._jobs)
        living = any(job.state.living for job in self._jobs)
        if living and monotonic() - self._read_at >= READ_AGAIN_SECONDS:
            self._read()

    def say(self, said: str, tone: str = "") -> None:
        """Show a note above the footer."""
        self.query_one(NoteLine).say(said, tone)

    def why_not(self, key: Key) -> str | None:
        """Why that key can do nothing now; None when it can."""
        if key.action == "whole" and self.lens.window is None:
            return "the whole run is shown"
        if key.action == "follow" and self.lens.follows and self.lens.cursor is None:
            return "it is at the end and follows it"
        return None

    # --- reading ----------------------------------------------------------------------------------

    def _read(self) -> None:
        if not self._reading:
            self._reading = True
            self._read_at = monotonic()
            self._read_sides()

    @work(thread=True, group="compare", exit_on_error=False)
    def _read_sides(self) -> None:
        """In a thread: a long run takes a while."""
        self.post_message(self.Read(tuple(reader.read() for reader in self._readers)))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        self._reading = False
        self._comparison = compare.compare(event.sides, self._metric)
        self._draw()

    def _draw(self) -> None:
        comparison = self._comparison
        if comparison is None:
            return
        plot = together(
            comparison.sides, comparison.labels, self._metric, self.lens, single=self._single
        )
        self.query_one(Chart).show(plot)
        self.query_one("#reading", Scroll).show(
            lambda widget, width: table_rows(comparison, widget, width)
        )

    def _heading(self, widget: Toned, width: int) -> Text:
        names = ", ".join(one_line(job.name) for job in self._jobs)
        row = Text("Compare  ", style=widget.tone("title"))
        return row.append(shortened(names, width - cells(row.plain)), style=widget.tone("dim"))

    # --- keys -------------------------------------------------------------------------------------

    def lens_changed(self, said: str) -> None:
        """Draw anew, and say what was chosen."""
        self._draw()
        self.show_keys()
        self.say(said)

    def lens_curve(self) -> Curve:
        """The longest curve, or that of the job that stands out."""
        if self._comparison is None:
            return Curve()
        sides = self._comparison.sides
        chosen = sides if self._single is None else sides[self._single : self._single + 1]
        curves = [series(side, self._metric, self.lens.axis) for side in chosen]
        found = [one.line if len(one.line) else one.dots for one in curves]
        return max(found, key=lambda curve: curve.end, default=Curve())

    def lens_end(self) -> float:
        """Where the axis ends."""
        sides = self._comparison.sides if self._comparison is not None else ()
        return axis_end(sides, self._metric, self.lens)

    def lens_width(self) -> int:
        """How many columns the chart has."""
        return max(1, self.query_one(Chart).size.width - 8)

    def action_next_metric(self) -> None:
        """Draw the next metric that any of the jobs logged."""
        if self._comparison is None:
            self.say("still reading", "wait")
            return
        sides = self._comparison.sides
        names = [name for name in metrics(sides) if name != MEMORY]
        names = [name for name in names if not name.startswith("eval_")] or ["loss"]
        at = names.index(self._metric) if self._metric in names else -1
        self._metric = names[(at + 1) % len(names)]
        self._comparison = compare.compare(sides, self._metric)
        self.lens_changed(
            f"{one_line(self._metric)}: {names.index(self._metric) + 1} of {len(names)}"
        )

    def action_single_out(self) -> None:
        """Let the next job stand out, after the last one all alike."""
        at = -1 if self._single is None else self._single
        self._single = at + 1 if at + 1 < len(self._jobs) else None
        name = "all alike" if self._single is None else one_line(self._jobs[self._single].name)
        self.lens_changed(name)

    def action_write(self) -> None:
        """Write every measurement as CSV into the folder in which the deck was started."""
        comparison = self._comparison
        if comparison is None:
            self.say("still reading", "wait")
            return
        path = (
            Path.cwd() / f"compare-{'-'.join(label[-4:] for label in comparison.labels)[:60]}.csv"
        )
        try:
            write_atomic(path, compare.to_csv(comparison.sides).encode())
        except OSError as error:
            self.say(
                f"{path}: {error.strerror or error}: start tunedeck where you may write", "bad"
            )
        else:
            self.say(f"wrote {path}", "good")

    def action_copy(self) -> None:
        """Copy the ids."""
        self.deck.copy(" ".join(job.id for job in self._jobs))

    def action_back(self) -> None:
        """Put the cursor away, or go back to the screen before."""
        if self.lens.cursor is not None:
            self._look(self.lens.following(), "")
        else:
            self.dismiss()
