"""What is worth saying about the highlighted job: facts, phase, failure, warnings, exports."""

import textwrap
from collections.abc import Mapping

from rich.text import Text

from engine.series import format_value
from engine.status import JobState
from engine.text import one_line, shortened
from engine.watch import Details, JobView
from tui import text
from tui.widgets.canvas import Canvas

MOST_ROWS = 4


class JobLine(Canvas):
    """One row of facts, and a few more when something is wrong or being exported."""

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii = ascii_only
        self._job: JobView | None = None
        self._details = Details()
        self._waits: Mapping[str, str] = {}
        self._now = ""
        self._removed = ""

    def show(
        self, job: JobView | None, details: Details, waits: Mapping[str, str], now: str
    ) -> None:
        """Speak about this job."""
        self._removed = ""
        self._job, self._details, self._waits, self._now = job, details, waits, now
        rows = max(1, min(MOST_ROWS, len(self.draw(self.size.width or 80, MOST_ROWS))))
        if self.styles.height is None or self.styles.height.value != rows:
            self.styles.height = rows
        self.redraw()

    def show_removed(self, name: str) -> None:
        """Say that the job is no more."""
        self.show(None, Details(), {}, "")
        self._removed = name
        self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        """Facts first, then trouble."""
        job = self._job
        if self._removed:
            row = Text.assemble(("removed", self.tone("bad")), f"  {self._removed}  ", no_wrap=True)
            return [row.append("its folder is gone", style=self.tone("dim"))]
        if job is None:
            return [Text()]
        rows = [self._facts(job, width)]
        rows += self._trouble(job, width)
        for said in self._details.troubles[:2]:
            rows += self._wrapped(f"! {one_line(said)}", width, "wait", 1)
        rows += self._exports(width)
        return rows[:height]

    def _facts(self, job: JobView, width: int) -> Text:
        status = job.status
        sign = text.glyph(job.state, ascii_only=self._ascii)
        row = Text(no_wrap=True)
        row.append(f"{sign} {job.state}", style=self.tone(text.TONES[job.state]))
        row.append(f"  {text.short_id(job.id)}  ", style=self.tone("strong"))
        facts = []
        if job.state is JobState.QUEUED:
            facts.append(self._waits.get(job.id, "waits in the queue"))
        elif job.state.living and not text.trains(status):
            facts.append(text.phase(status, self._now))
        facts += [job.method, text.short_model(job.model)]
        if status.epoch is not None:
            facts.append(f"epoch {status.epoch:.2f}")
        if status.tokens_per_second is not None and job.state.living:
            facts.append(f"{text.speed(status.tokens_per_second)} tok/s")
        if status.learning_rate is not None and job.state.living:
            facts.append(f"lr {format_value(status.learning_rate)}")
        if status.checkpoint_step:
            facts.append(f"checkpoint {status.checkpoint_step}")
        if status.exact is False:
            facts.append(f"resume not exact: {one_line(status.exact_reason or 'see the log')}")
        room = width - len(row.plain)
        row.append(shortened(" · ".join(facts), max(0, room)), style=self.tone("dim"))
        return row

    def _trouble(self, job: JobView, width: int) -> list[Text]:
        status, rows = job.status, []
        if status.error is not None and not (job.state.living or job.state is JobState.QUEUED):
            message = one_line(status.error.message)
            rows += self._wrapped(message, width, "bad", 2)
            if status.error.hint:
                arrow = "->" if self._ascii else "→"
                rows += self._wrapped(f"{arrow} {one_line(status.error.hint)}", width, "", 1)
        elif status.warnings:
            rows += self._wrapped(f"! {one_line(status.warnings[-1])}", width, "wait", 1)
        return rows

    def _wrapped(self, said: str, width: int, tone: str, most: int) -> list[Text]:
        lines = textwrap.wrap(said, max(20, width - 2), max_lines=most, placeholder=" …")
        return [Text(f"  {line}", style=self.tone(tone), no_wrap=True) for line in lines]

    def _exports(self, width: int) -> list[Text]:
        rows = []
        for export in self._details.exports:
            if export.running:
                share = export.progress or 0.0
                full, empty = text.bar(share, 16, ascii_only=self._ascii)
                rows.append(
                    Text.assemble(
                        f"  exporting {export.kind} ",
                        (full, self.tone("bar")),
                        (empty, self.tone("track")),
                        f" {share:.0%}",
                    )
                )
        return rows
