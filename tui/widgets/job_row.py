"""What one row of the job table says, cell by cell; it knows columns and jobs, but no widget."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from engine.status import JobState
from engine.text import one_line, shortened
from engine.watch import JobView
from tui import text
from tui.trend import Trend
from tui.widgets.columns import GUTTER, Plan

Part = tuple[str, str]
"""A piece of text and its tone."""

TREND_WIDTH = 8
"""The loss column has room for the trend from here on."""

MEASURED = frozenset({"step", "loss"})
WHILE_LIVING = frozenset({"speed", "eta", "ends"})
SAID_BY_WORDS = frozenset({JobState.QUEUED, JobState.FAILED, JobState.INTERRUPTED})
"""States whose words need more room than their numbers: these make way."""


@dataclass(frozen=True)
class Shown:
    """One job and what is known of it beside its files."""

    job: JobView
    waits: str = ""
    """What it waits for in the queue."""
    trend: Trend | None = None
    marked: bool = False

    def moment(self, now: str) -> str:
        """As much of the time as its row depends on: a row is made again when that changes."""
        if text.ticks(self.job):
            return now
        return now[:16] if self.job.state.living else now[:13]


def parts(shown: Shown, plan: Plan, now: str, *, ascii_only: bool) -> list[Part]:
    """The row from its first cell to its last, in pieces; columns without a value make room for the
    words of the one before.
    """
    row: list[Part] = [(fitted("*" if shown.marked else "", GUTTER), "key")]
    said = {column.key: _value(column.key, shown, now, width) for column, width in plan}
    index = 0
    while index < len(plan):
        column, width = plan[index]
        index += 1
        row.append((" " * column.gap, ""))
        if column.key == "progress":
            while index < len(plan) and not said[plan[index][0].key] and not _bar(shown):
                width += plan[index][0].gap + plan[index][1]
                index += 1
            row += _progress(shown, now, width, ascii_only=ascii_only)
        elif column.key == "state":
            word = f"{text.glyph(shown.job.state, ascii_only=ascii_only)} {shown.job.state}"
            row.append((fitted(word, width), text.TONES[shown.job.state]))
        elif column.key == "loss":
            row += _loss(shown, said["loss"], width, ascii_only=ascii_only)
        else:
            cell = fitted(said[column.key], width, right=column.right)
            row.append((cell, _tone(column.key, said[column.key], shown.job)))
    return row


def fitted(said: str, width: int, *, right: bool = False) -> str:
    """A text in exactly so many cells, whatever characters it is made of."""
    cut = shortened(said if said.isascii() else _without_joiners(said), width)
    free = width - cell_len(cut)
    if free < 0:
        return set_cell_size(cut, width)
    return " " * free + cut if right else cut + " " * free


def _without_joiners(said: str) -> str:
    """Without invisible characters that join their neighbours or choose their shape: terminals do not
    agree how wide the result is, and one at the end of a cell would reach into the next.
    """
    return "".join(
        one for one in said if unicodedata.category(one) != "Cf" and not "\ufe00" <= one <= "\ufe0f"
    )


def _value(key: str, shown: Shown, now: str, width: int) -> str:
    """What a column says in words; nothing where the job has nothing to say there."""
    job, status = shown.job, shown.job.status
    silent = job.state in SAID_BY_WORDS or (job.state.living and not status.step)
    silent = silent or (job.state.resting and status.error is not None)
    if (key in MEASURED and silent) or (key in WHILE_LIVING and (silent or not job.state.living)):
        return ""
    match key:
        case "name":
            return text.name(job)
        case "model":
            return text.short_model(one_line(job.model))
        case "method":
            return one_line(job.method)
        case "step":
            return text.steps(status, width)
        case "loss":
            return text.loss(status.loss)
        case "speed":
            return text.speed(status.tokens_per_second)
        case "eta":
            return text.eta(status)
        case "ends":
            return text.end_clock(status, now) if status.eta_seconds is not None else ""
        case "gpu":
            return text.devices(status) if job.state.living else ""
        case "created":
            return text.day_or_time(status.created_at, now)
    return ""


def _tone(key: str, said: str, job: JobView) -> str:
    quiet = key in {"model", "method", "gpu", "created", "ends"} or said == text.UNKNOWN
    return "dim" if quiet or job.state.settled else ""


def _bar(shown: Shown) -> bool:
    return text.done(shown.job.status) is not None and text.trains(shown.job.status)


def _loss(shown: Shown, said: str, width: int, *, ascii_only: bool) -> list[Part]:
    """The loss, and beside it where it goes."""
    tone = _tone("loss", said, shown.job)
    if width < TREND_WIDTH:
        return [(fitted(said, width, right=True), tone)]
    arrow = shown.trend.arrow(ascii_only=ascii_only) if shown.trend is not None else " "
    trend_tone = _TREND_TONES.get(shown.trend, "") if shown.trend is not None else ""
    return [(fitted(said, width - 2, right=True), tone), (f" {arrow}", trend_tone)]


_TREND_TONES: Mapping[Trend, str] = {Trend.FALLS: "good", Trend.RISES: "wait", Trend.STAYS: "dim"}


def _progress(shown: Shown, now: str, width: int, *, ascii_only: bool) -> list[Part]:
    job = shown.job
    share = text.done(job.status)
    if share is None or not _bar(shown):
        tone = "bad" if job.status.error and not job.state.living else "dim"
        return [(fitted(text.doing(job, now, shown.waits, width), width), tone)]
    room = min(width - 5, 24)
    full, empty = text.bar(share, room, ascii_only=ascii_only)
    return [(full, "bar"), (empty, "track"), (f" {share:>4.0%}" + " " * (width - room - 5), "")]
