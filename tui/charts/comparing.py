"""What the compare screen shows: jobs on one chart, and tables of what came of them and where they differ."""

from collections.abc import Sequence

from rich.text import Text

from engine.compare import Comparison
from engine.compare.side import Side, series
from engine.curves import STEADY
from engine.series import format_count, nice_upper
from engine.text import cells, one_line, shortened
from tui import text
from tui.charts.lens import SMOOTHINGS, Lens
from tui.charts.plots import (
    TITLES,
    TONES_OF_MANY,
    UNITS,
    time_end,
    time_ticks,
    whole_ticks,
    x_label,
)
from tui.widgets.canvas import Toned
from tui.widgets.chart import Line, Plot

NAME_WIDTH = 26
LEAST_VALUE_WIDTH = 10
MOST_VALUE_WIDTH = 30


def tone_of(at: int) -> str:
    """What tells the curve of that job from the others."""
    return TONES_OF_MANY[at % len(TONES_OF_MANY)]


def together(
    sides: Sequence[Side],
    labels: Sequence[str],
    metric: str,
    lens: Lens,
    *,
    single: int | None = None,
) -> Plot:
    """One metric of every job; the one that is singled out in front, the others faint behind it."""
    share = SMOOTHINGS[lens.smoothing][1]
    lines: list[tuple[bool, Line]] = []
    for at, (side, label) in enumerate(zip(sides, labels, strict=True)):
        front = single in (None, at)
        tone = tone_of(at) if front else "raw"
        found = series(side, metric, lens.axis)
        smooth = found.line.smoothed(share) if share and metric not in STEADY else found.line
        curve = smooth if len(smooth) else found.dots
        read = format_count if metric == "num_tokens" else text.loss
        if len(found.dots) and len(smooth):
            lines.append((front, Line("", found.dots, tone, read, dots=True, shown=False)))
        measured = found.line if len(found.line) else None
        lines.append((front, Line(label, curve, tone, read, measured=measured)))
    lines.sort(key=lambda pair: pair[0])
    reached = _reached(sides, metric, lens)
    return Plot(
        title=TITLES.get(metric) or one_line(metric, 40),
        lines=tuple(line for _, line in lines),
        x_range=lens.shown(axis_end(sides, metric, lens), reached),
        x_ticks=time_ticks if lens.axis == "time" else whole_ticks,
        x_label=x_label(lens),
        y_label=text.axis_value,
        x_unit=UNITS[lens.axis],
        log=lens.log,
        cursor=lens.cursor,
        empty=_nothing(sides, metric, lens),
    )


def _reached(sides: Sequence[Side], metric: str, lens: Lens) -> float:
    return max((series(side, metric, lens.axis).end for side in sides), default=0.0)


def axis_end(sides: Sequence[Side], metric: str, lens: Lens) -> float:
    """Where the axis ends: a round number that no job has passed."""
    reached = _reached(sides, metric, lens)
    return time_end(reached) if lens.axis == "time" else nice_upper(max(10.0, reached))


def _nothing(sides: Sequence[Side], metric: str, lens: Lens) -> str:
    if not sides:
        return "reading"
    if not any(side.measured for side in sides):
        return "none of these jobs has measured anything yet"
    if lens.axis != "step" and any(series(side, metric) for side in sides):
        return f"not known against {UNITS[lens.axis]}"
    return f"none of these jobs has measured {one_line(metric, 40)}"


def table_rows(comparison: Comparison, widget: Toned, width: int) -> list[Text]:
    """What came of each job, then where their specs differ; as many jobs as the width has room for."""
    name_width = min(NAME_WIDTH, max(12, width // 3))
    count = len(comparison.sides)
    room = max(1, width - name_width)
    each = min(MOST_VALUE_WIDTH, max(LEAST_VALUE_WIDTH, room // count - 2))
    shown = min(count, max(1, room // (each + 2)))

    def row(name: str, values: Sequence[tuple[str, str]], tone: str = "dim") -> Text:
        made = Text(no_wrap=True)
        made.append(_filled(name, name_width), style=widget.tone(tone))
        for said, meaning in values[:shown]:
            made.append(_filled(said, each) + "  ", style=widget.tone(meaning))
        return made

    heads = [(label, tone_of(at)) for at, label in enumerate(comparison.labels)]
    rows = [row("", heads)]
    states = [side.status.state for side in comparison.sides]
    signs = [(f"{text.glyph(one, ascii_only=False)} {one}", text.TONES[one]) for one in states]
    rows.append(row("state", signs))
    for result in comparison.results:
        values = [
            (f"{result.words(at)} *", "good") if at in result.best else (result.words(at), "")
            for at in range(count)
        ]
        rows.append(row(result.name, values))
    if any(result.best for result in comparison.results):
        rows.append(Text("* the best of them", style=widget.tone("dim")))
    rows += [Text(), Text("Where their specs differ", style=widget.tone("title"))]
    for difference in comparison.differences:
        rows.append(row(difference.field, [(value, "") for value in difference.short]))
    if not comparison.differences:
        rows.append(Text("nowhere: the same spec", style=widget.tone("dim")))
    if shown < count:
        rows.append(
            Text(f"and {count - shown} more: a wider terminal has room", style=widget.tone("wait"))
        )
    return rows


def _filled(said: str, width: int) -> str:
    cut = shortened(said, width)
    return cut + " " * (width - cells(cut))
