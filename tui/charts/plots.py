"""What charts show: of a job's measurements and of its machine, the curves with titles, scales and legends."""

from collections.abc import Callable, Sequence
from functools import partial

from engine.curves import STEADY, Curves
from engine.machine import Machine
from engine.series import UNKNOWN, format_bytes, format_count, nice_ticks, nice_upper
from engine.status import JobState
from engine.text import one_line
from engine.watch import JobView
from tui import text
from tui.charts.lens import SMOOTHINGS, Lens
from tui.widgets.chart import Line, Plot

UNITS = {"step": "steps", "tokens": "tokens", "time": "time"}
"""What the x axis counts."""

TITLES = {
    "loss": "loss",
    "learning_rate": "learning rate",
    "grad_norm": "grad norm",
    "tokens_per_second": "tokens/s",
    "mean_token_accuracy": "token accuracy",
    "entropy": "entropy",
    "num_tokens": "tokens trained on",
}
"""Metrics by the names of the trainers, as people call them, in the order in which they are shown."""

ROUND_SECONDS = (
    *(10, 15, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800),
    *(3600, 7200, 10_800, 21_600, 43_200, 86_400),
)


def metric_names(curves: Curves) -> list[str]:
    """The metrics that have a chart: the usual ones first, then every other that the run logged.

    An evaluation's `eval_x` is drawn beside the `x` of the training when there is one.
    """
    trained = curves.keys("train")
    evaluated = [key.removeprefix("eval_") for key in curves.keys("eval")]
    found = dict.fromkeys([*trained, *evaluated])
    usual = [name for name in TITLES if name in found]
    return [*usual, *(name for name in found if name not in TITLES)]


def metric_plot(
    name: str, curves: Curves, lens: Lens, job: JobView | None, share: float = 1.0
) -> Plot:
    """One metric: faint as measured, strong as smoothed, and its evaluations.

    `share` below 1: the curves are a sketch of a run of which that much was read.
    """
    train = curves.curve("train", name, lens.axis)
    evaluated = curves.curve("eval", f"eval_{name}", lens.axis)
    if not len(evaluated):
        evaluated = curves.curve("eval", name, lens.axis)
    whole, reached = x_end(curves, lens, job), reached_x(curves, lens)
    over = SMOOTHINGS[lens.smoothing][1]
    smooth = train.smoothed(over) if over and name not in STEADY else train
    read = (lambda value: format_count(value)) if name == "num_tokens" else text.loss
    raw = () if smooth is train else (Line("", train, "raw", coarse=True, shown=False),)
    broken = train.broken_since
    return Plot(
        title=TITLES.get(name) or one_line(name, 40),
        lines=(
            *raw,
            Line("eval", evaluated, "eval", read, dots=True),
            Line("train", smooth, "curve", read, measured=train),
        ),
        x_range=lens.shown(whole, reached),
        x_ticks=time_ticks if lens.axis == "time" else whole_ticks,
        x_label=x_label(lens),
        y_label=text.axis_value if name != "num_tokens" else format_count,
        x_unit=UNITS[lens.axis] if share >= 1 else f"a sketch, {share:.0%} read",
        log=lens.log,
        cursor=lens.cursor,
        badge="" if broken is None else f"NaN since {x_label(lens)(broken)}",
        empty=_nothing(job, curves, lens),
    )


def loss_plot(curves: Curves, lens: Lens, job: JobView | None, share: float = 1.0) -> Plot:
    """The loss."""
    return metric_plot("loss", curves, lens, job, share)


def memory_plot(machine: Machine, job: JobView | None) -> Plot:
    """Memory against the capacity, so that nobody is alarmed by its breathing."""
    if machine.gpus:
        used, capacity = machine.total("memory_used_bytes"), machine.total("memory_total_bytes")
        named = f"GPU {machine.gpus[0]}" if len(machine.gpus) == 1 else f"{len(machine.gpus)} GPUs"
        lines: tuple[Line, ...] = (Line("used", used, "used", format_bytes, filled=True),)
    else:
        used, capacity = machine.curve("host_used_bytes"), machine.curve("host_total_bytes")
        named = "host"
        own = machine.curve("rss_bytes")
        lines = (
            Line("used", used, "used", format_bytes, filled=True),
            Line("job", own, "process", format_bytes, filled=True),
        )
    top = capacity.last or 1.0
    return _machine_plot(f"{named} memory", lines, job, top, text.axis_bytes)


def machine_plots(machine: Machine, job: JobView | None) -> list[Plot]:
    """Memory, then what else the job's machine says of itself."""
    plots = [memory_plot(machine, job)]
    for name, title, top, unit in (
        ("utilization_percent", "utilisation", 100.0, "%"),
        ("temperature_celsius", "temperature", 100.0, " C"),
        ("power_watts", "power", None, " W"),
    ):
        lines = tuple(
            Line(
                f"GPU {index}",
                curve,
                TONES_OF_MANY[rank % len(TONES_OF_MANY)],
                partial(_whole, unit=unit),
            )
            for rank, index in enumerate(machine.gpus)
            if len(curve := machine.curve(f"gpu{index}.{name}"))
        )
        if lines:
            highest = max(line.curve.ys.max() for line in lines)
            plots.append(
                _machine_plot(title, lines, job, top or nice_upper(float(highest)), text.axis_value)
            )
    if len(cpu := machine.curve("cpu_percent")):
        line = Line("host", cpu, "curve", partial(_whole, unit="%"))
        plots.append(_machine_plot("CPU", (line,), job, 100.0, text.axis_value))
    return plots


TONES_OF_MANY = ("curve", "eval", "process", "used", "good", "wait", "rest", "bad")
"""What tells several curves of one chart apart."""


def _machine_plot(
    title: str,
    lines: tuple[Line, ...],
    job: JobView | None,
    top: float,
    y_label: Callable[[float], str],
) -> Plot:
    reached = max((line.curve.end for line in lines), default=0.0)
    return Plot(
        title=title,
        lines=lines,
        x_range=(0.0, time_end(reached)),
        y_range=(0.0, top),
        x_ticks=time_ticks,
        y_ticks=(0.0, top / 2, top),
        x_label=text.axis_time,
        y_label=y_label,
        empty=_nothing(job),
    )


def reached_x(curves: Curves, lens: Lens) -> float:
    """How far the run has come on the lens's axis."""
    kinds = (("train", "loss"), ("eval", "eval_loss"))
    return max(curves.curve(kind, key, lens.axis).end for kind, key in kinds)


def x_end(curves: Curves, lens: Lens, job: JobView | None) -> float:
    """Where the axis ends: the run's last step, or a round number that is not reached yet."""
    reached = reached_x(curves, lens)
    if lens.axis == "time":
        return time_end(reached)
    end = nice_upper(max(10, reached))
    total = job.status.total_steps if job is not None and lens.axis == "step" else None
    return min(end, float(total)) if total and reached <= total and total >= 10 else end


def whole_ticks(lower: float, upper: float, most: int) -> Sequence[float]:
    """At most so many round whole numbers between two: there is no half a step."""
    return [tick for tick in nice_ticks(lower, upper, most) if tick.is_integer()]


def time_ticks(lower: float, upper: float, most: int) -> Sequence[float]:
    """At most so many round times between two."""
    span = upper - lower
    step = next((s for s in ROUND_SECONDS if span / s < most), 0)
    step = step or 86_400 * (int(span) // 86_400 // most + 1)
    first = -(-lower // step)
    return [step * (first + n) for n in range(int(upper // step - first) + 1)]


def time_end(reached: float) -> float:
    """A round time that is not below `reached`, a sixth above it at most."""
    step = next((s for s in ROUND_SECONDS if reached / s < 6), 86_400)
    return max(60.0, (reached // step + 1) * step)


def _whole(value: float | None, unit: str) -> str:
    """A whole number with its unit."""
    return UNKNOWN if value is None else f"{value:.0f}{unit}"


def x_label(lens: Lens) -> Callable[[float], str]:
    """How a place on the axis is written."""
    if lens.axis == "time":
        return text.axis_time
    if lens.axis == "tokens":
        return format_count
    return lambda step: f"{step:.0f}" if step < 99_999.5 else format_count(step)


def _nothing(job: JobView | None, curves: Curves | None = None, lens: Lens | None = None) -> str:
    """What an empty chart says."""
    if curves is not None and lens is not None and lens.axis != "step" and curves.keys("train"):
        return f"not known against {UNITS[lens.axis]}: choose another x axis"
    if job is None:
        return ""
    if job.state is JobState.QUEUED:
        return "begins when its turn comes"
    return "nothing measured yet" if job.state.living else "nothing was measured"
