"""A job's status in words: its state, its phase, its progress; pure, the time is an argument."""

import sys

from engine.cli.output import speaks_unicode
from engine.series import format_duration, format_value
from engine.status import JobState, JobStatus, Phase, seconds_between
from engine.text import ASCII_GLYPHS, GLYPHS, one_line

UNKNOWN = "-"


def glyph(state: JobState, *, ascii_only: bool = False) -> str:
    """The state's sign, in ASCII when asked or where stdout has no other."""
    return (ASCII_GLYPHS if ascii_only or not speaks_unicode(sys.stdout) else GLYPHS)[state]


def state_words(state: JobState, *, ascii_only: bool = False) -> str:
    """Glyph and word."""
    return f"{glyph(state, ascii_only=ascii_only)} {state}"


def number(value: float | None) -> str:
    """A loss or a rate."""
    return UNKNOWN if value is None else format_value(value)


def steps(status: JobStatus) -> str:
    """`12/350`, or what is known of it."""
    if status.total_steps is None:
        return str(status.step) if status.step else UNKNOWN
    return f"{status.step}/{status.total_steps}"


def speed(status: JobStatus) -> str:
    """`1,830 tok/s`."""
    rate = status.tokens_per_second
    return UNKNOWN if rate is None else f"{rate:,.0f} tok/s"


def eta(status: JobStatus) -> str:
    """The time that is left."""
    return UNKNOWN if status.eta_seconds is None else format_duration(status.eta_seconds)


def phase(status: JobStatus, now: str) -> str:
    """`tokenizing 40% 3s`: what a worker does besides training."""
    name = one_line(status.phase or "", 40)
    parts = [name or str(status.state)]
    if status.phase_progress is not None:
        parts.append(f"{min(max(status.phase_progress, 0.0), 1.0):.0%}")
    elapsed = seconds_between(status.phase_started_at, now)
    if elapsed is not None and elapsed >= 0:
        parts.append(format_duration(elapsed))
    return " ".join(parts)


def training(status: JobStatus) -> str:
    """`step 12/350 loss 1.23 eval 0.9 1,830 tok/s eta 1m40s`: only what is known."""
    parts = [f"step {steps(status)}"]
    if status.loss is not None:
        parts.append(f"loss {number(status.loss)}")
    if status.eval_loss is not None:
        parts.append(f"eval {number(status.eval_loss)}")
    if status.tokens_per_second is not None:
        parts.append(speed(status))
    if status.eta_seconds is not None:
        parts.append(f"eta {eta(status)}")
    return " ".join(parts)


def progress(status: JobStatus, now: str, waits_for: str = "") -> str:
    """One line about a job, whatever its state."""
    if status.state is JobState.QUEUED:
        return f"queued: {waits_for}" if waits_for else "queued"
    if not status.state.living:
        return str(status.state)
    trains = status.phase in (None, Phase.TRAINING)
    parts = [] if status.state in (JobState.STARTING, JobState.RUNNING) else [str(status.state)]
    if status.step or (trains and status.total_steps):
        parts.append(training(status))
    if not trains or not parts:
        parts.append(phase(status, now))
    return " · ".join(parts)
