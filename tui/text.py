"""What a job is in words and bars; pure, the time is an argument, and nothing here is markup."""

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from engine.series import format_count, format_duration, format_value
from engine.status import JobState, JobStatus, Phase, seconds_between
from engine.text import ASCII_GLYPHS, GLYPHS, cells, one_line, shortened
from engine.watch import JobView

UNKNOWN = "-"

TONES = {
    JobState.QUEUED: "wait",
    JobState.STARTING: "busy",
    JobState.RUNNING: "busy",
    JobState.PAUSING: "rest",
    JobState.PAUSED: "rest",
    JobState.CANCELLING: "bad",
    JobState.CANCELLED: "dim",
    JobState.COMPLETED: "good",
    JobState.FAILED: "bad",
    JobState.INTERRUPTED: "bad",
}
"""State -> meaning; the word and the glyph say the same without colour."""


def glyph(state: JobState, *, ascii_only: bool) -> str:
    """The state's sign; never shown without the word."""
    return (ASCII_GLYPHS if ascii_only else GLYPHS)[state]


def name(view: JobView) -> str:
    """The name that its spec gives it; the id where that is empty."""
    return one_line(view.name) or view.id


def short_id(job_id: str) -> str:
    """An id without its date: `gsm8k-7f3a`."""
    parts = job_id.split("-", 3)
    return parts[3] if len(parts) == 4 else job_id


def short_model(model: str) -> str:
    """The last part of a Hub id; the last two of a folder."""
    parts = model.rstrip("/").split("/")
    return "/".join(parts[-2:] if model.startswith(("/", "~", ".")) else parts[-1:]) or model


def steps(status: JobStatus, width: int | None = None) -> str:
    """`800/2000`, or what is known of it; `123k/2M` where that does not fit."""
    if status.total_steps is None:
        return str(status.step) if status.step else UNKNOWN
    said = f"{status.step}/{status.total_steps}"
    if width is None or len(said) <= width:
        return said
    return f"{format_count(status.step)}/{format_count(status.total_steps)}"


def loss(value: float | None) -> str:
    """At most six characters from 1e-99 to 99: three decimals, four below 0.1, then exponents."""
    if value is None:
        return UNKNOWN
    size = abs(value)
    if 0.1 <= size < 100:
        return f"{value:.3f}"
    if 0.001 <= size < 0.1:
        return f"{value:.4f}"
    return f"{value:.1e}".replace("e-0", "e-") if 0 < size < 0.001 else format_value(value)


def home_path(path: Path | str) -> str:
    """A path as a shell shows it, with `~` for the home folder."""
    with suppress(ValueError, RuntimeError):
        return f"~/{Path(path).relative_to(Path.home())}".removesuffix("/.")
    return str(path)


def axis_value(value: float) -> str:
    """A loss on an axis: round, so few digits do."""
    return f"{value:g}" if abs(value) < 1000 else format_value(value)


def axis_bytes(value: float) -> str:
    """Bytes on an axis: `0`, `512M`, `16G`."""
    if value < 1:
        return "0"
    gib = value / 1024**3
    return f"{gib:.3g}G" if gib >= 1 else f"{value / 1024**2:.0f}M"


def axis_time(seconds: float) -> str:
    """Seconds on an axis: `0`, `90s`, `5m`, `2h`."""
    said = format_duration(seconds)
    return "0" if seconds < 1 else said.removesuffix("00s").removesuffix("00m")


def speed(value: float | None) -> str:
    """Tokens per second: `950`, `8,421`."""
    if value is None:
        return UNKNOWN
    return f"{value:,.0f}" if value < 99_999.5 else format_count(value)


def eta(status: JobStatus) -> str:
    """The time that is left."""
    return UNKNOWN if status.eta_seconds is None else format_duration(status.eta_seconds)


def end_clock(status: JobStatus, now: str) -> str:
    """The local time at which it will be done: `14:32`, `14:32+1d` tomorrow; in a month, its date."""
    if status.eta_seconds is None:
        return UNKNOWN
    try:
        begin = datetime.fromisoformat(now).astimezone()
        end = (begin + timedelta(seconds=status.eta_seconds)).astimezone()
    except (ValueError, OverflowError, OSError):
        return UNKNOWN
    days = (end.date() - begin.date()).days
    if days > 9:
        return f"{end:%b %d}" if days < 300 else f"{end:%Y-%m}"
    return f"{end:%H:%M}+{days}d" if days else f"{end:%H:%M}"


def day_or_time(stamp: str | None, now: str) -> str:
    """A past moment in local time: `14:32` today, `Nov 20`, `2025-11`."""
    try:
        then = datetime.fromisoformat(stamp or "").astimezone()
        today = datetime.fromisoformat(now).astimezone().date()
    except (ValueError, OverflowError, OSError):
        return UNKNOWN
    if then.date() == today:
        return f"{then:%H:%M}"
    return f"{then:%b %d}" if abs((today - then.date()).days) < 300 else f"{then:%Y-%m}"


def devices(status: JobStatus) -> str:
    """The GPUs that it was given: `0`, `0,1`, `0-7`, or `cpu`; empty before it was given any."""
    if status.gpus is None:
        return ""
    if not status.gpus:
        return "cpu"
    first, last = min(status.gpus), max(status.gpus)
    if len(status.gpus) > 2 and last - first + 1 == len(set(status.gpus)):
        return f"{first}-{last}"
    return ",".join(map(str, status.gpus))


def done(status: JobStatus) -> float | None:
    """Share of the steps that is done, 0 to 1."""
    if not status.total_steps:
        return None
    return min(1.0, max(0.0, status.step / status.total_steps))


def bar(share: float, width: int, *, ascii_only: bool) -> tuple[str, str]:
    """The filled and the empty part of a bar of `width` cells."""
    if width <= 0:
        return "", ""
    share = min(1.0, max(0.0, share))
    if ascii_only:
        filled = round(share * width)
        return "#" * filled, "." * (width - filled)
    eighths = round(share * width * 8)
    whole, rest = divmod(eighths, 8)
    filled_part = "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return filled_part, " " * (width - len(filled_part))


def phase(status: JobStatus, now: str, width: int | None = None) -> str:
    """`answering samples 40% 3s`: what a worker does besides training; in little room `answering`."""
    name = one_line(status.phase or "", 40) or str(status.state)
    parts = []
    if status.phase_progress is not None:
        parts.append(f"{min(max(status.phase_progress, 0.0), 1.0):.0%}")
    elapsed = seconds_between(status.phase_started_at or status.started_at, now)
    if elapsed is not None and elapsed >= 0:
        parts.append(format_duration(elapsed))
    first = name.split()[0]
    return _that_fits(width, (name, *parts), (first, *parts), (first, *parts[-1:]), (first,))


def _that_fits(width: int | None, *ways: tuple[str, ...]) -> str:
    """The first way of saying it that fits, or the last."""
    said = [" ".join(way) for way in ways]
    return next((one for one in said if width is None or cells(one) <= width), said[-1])


def trains(status: JobStatus) -> bool:
    """Whether steps are being made, so that a bar says more than a phase."""
    return status.state is JobState.RUNNING and status.phase in (None, Phase.TRAINING)


def ticks(view: JobView) -> bool:
    """Whether what is said of the job changes with every second."""
    return view.state.living and not trains(view.status)


def took(status: JobStatus) -> str:
    """How long it worked, as far as its times say."""
    seconds = seconds_between(status.started_at, status.ended_at)
    return "" if seconds is None or seconds < 0 else format_duration(seconds)


def doing(view: JobView, now: str, waits: str, width: int) -> str:
    """The one thing worth saying about a job that is not training, in `width` cells."""
    status = view.status
    if status.state.living:
        if status.state is JobState.PAUSING:
            return _that_fits(width, ("saving, then stops",), ("saving",))
        if status.state is JobState.CANCELLING:
            return "stopping"
        return shortened(phase(status, now, width), width)
    return shortened(one_line(_at_rest(status, waits, width)), width)


def _at_rest(status: JobStatus, waits: str, width: int) -> str:
    if status.state is JobState.QUEUED:
        said = waits or "waits in the queue"
        if cells(said) > width:
            said = said.replace(" in the queue: ", ", ").replace("waits for ", "after ")
        return said
    if status.error is not None:
        return status.error.message
    if status.state is JobState.COMPLETED:
        return f"took {took(status)}" if took(status) else "completed"
    if status.state is JobState.CANCELLED:
        return "stopped"
    saved = f"saved at {status.checkpoint_step}" if status.checkpoint_step else "no checkpoint"
    reason = status.reason if status.reason not in (None, "user") else ""
    if status.state is JobState.PAUSED and reason:
        return _that_fits(width, (saved, "·", reason), (saved,))
    return reason or saved
