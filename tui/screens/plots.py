"""What the two charts of a job show: its curves with their titles, scales and legends."""

from engine.series import format_bytes, nice_upper
from engine.status import JobState
from engine.watch import JobView
from tui import text
from tui.curves import LossPoints, MemoryPoints
from tui.widgets.chart import Line, Plot


def loss_plot(points: LossPoints, job: JobView | None) -> Plot:
    """Training loss, faint as measured and strong as smoothed, and the evaluations."""
    total = job.status.total_steps if job is not None else None
    end = nice_upper(max(10, points.last_step))
    if total and points.last_step <= total and total >= 10:
        end = min(end, float(total))
    badge = "" if points.not_finite_at is None else f"NaN since step {points.not_finite_at}"
    return Plot(
        title="loss",
        lines=(
            Line("", points.train, "raw", coarse=True, shown=False),
            Line("eval", points.evaluation, "eval", text.loss(points.evaluation.last), dots=True),
            Line("train", points.smooth, "curve", text.loss(points.train.last)),
        ),
        x_end=end,
        x_label=lambda step: f"{step:.0f}",
        y_label=text.axis_value,
        x_unit="steps",
        badge=badge,
        empty=_nothing_yet(job),
    )


def memory_plot(points: MemoryPoints, job: JobView | None) -> Plot:
    """Memory against the capacity, so that nobody is alarmed by its breathing."""
    used = Line("used", points.used, "used", format_bytes(points.used.last), filled=True)
    own = format_bytes(points.process.last)
    process = Line("job", points.process, "process", own, filled=True)
    capacity = points.capacity or 1.0
    return Plot(
        title=f"{points.device} memory",
        lines=(used, process) if points.device == "host" else (used,),
        x_end=time_end(points.used.xs[-1] if points.used.xs else 0.0),
        y_range=(0.0, capacity),
        x_ticks=time_ticks,
        y_ticks=(0.0, capacity / 2, capacity),
        x_label=text.axis_time,
        y_label=text.axis_bytes,
        empty=_nothing_yet(job),
    )


ROUND_SECONDS = (
    *(10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200, 86_400),
)


def time_ticks(end: float, most: int) -> list[float]:
    """At most so many round times up to `end`."""
    step = next((s for s in ROUND_SECONDS if end / s < most), 86_400 * (end // 86_400 // most + 1))
    return [step * number for number in range(int(end // step) + 1)]


def time_end(reached: float) -> float:
    """A round time that is not below `reached`, a sixth above it at most."""
    step = next((s for s in ROUND_SECONDS if reached / s < 6), 86_400)
    return max(60.0, (reached // step + 1) * step)


def _nothing_yet(job: JobView | None) -> str:
    if job is None:
        return ""
    if job.state is JobState.QUEUED:
        return "begins when its turn comes"
    return "nothing measured yet" if job.state.living else "nothing was measured"
