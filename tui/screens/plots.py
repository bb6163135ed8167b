"""What the two charts of a job show: its curves with their titles, scales and legends."""

from engine.series import format_bytes, format_duration, nice_upper
from engine.watch import JobView
from tui import text
from tui.curves import LossPoints, MemoryPoints
from tui.widgets.chart import Line, Plot


def loss_plot(points: LossPoints, job: JobView | None) -> Plot:
    """Training loss, faint as measured and strong as smoothed, and the evaluations."""
    total = job.status.total_steps if job is not None else None
    end = nice_upper(max(1, points.last_step))
    if total and points.last_step <= total:
        end = min(end, float(total))
    badge = "" if points.not_finite_at is None else f"NaN since step {points.not_finite_at}"
    return Plot(
        title="loss",
        lines=(
            Line("", points.train, "raw", shown=False),
            Line("train", points.smooth, "curve", text.loss(points.train.last)),
            Line("eval", points.evaluation, "eval", text.loss(points.evaluation.last), dots=True),
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
    host = points.device == "host"
    used = Line("used", points.used, "used", format_bytes(points.used.last), filled=True)
    process = Line("this job", points.process, "process", format_bytes(points.process.last))
    end = nice_upper(max(60.0, points.used.xs[-1] if points.used.xs else 0.0))
    return Plot(
        title=f"{points.device} memory",
        lines=(used, process) if host else (used,),
        x_end=end,
        y_range=(0.0, points.capacity or 1.0),
        x_label=format_duration,
        y_label=text.axis_bytes,
        x_unit="time worked",
        empty=_nothing_yet(job),
    )


def _nothing_yet(job: JobView | None) -> str:
    if job is None:
        return ""
    if job.state.living:
        return "nothing measured yet"
    return "nothing was measured"
