"""A loss chart in letters, drawn by plotext, for a terminal without the deck."""

from engine.curves import Curve, Curves
from engine.series import nice_ticks, segments
from engine.text import clean_text

CURVES = (("train", "loss", "train", "braille"), ("eval", "eval_loss", "eval", "o"))
"""Kind and key of each curve, its name and its marker."""


def draw(curves: Curves, width: int, height: int) -> list[str]:
    """The lines of the chart; none before there are two points."""
    import plotext

    drawn = [(name, marker, curves.curve(kind, key)) for kind, key, name, marker in CURVES]
    if max(len(curve) for _, _, curve in drawn) < 2:
        return []
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.title("loss")
    last = max(curve.end for _, _, curve in drawn)
    for name, marker, curve in drawn:
        for number, line in enumerate(_lines(curve, width, last)):
            plotext.plot(
                [point[0] for point in line],
                [point[1] for point in line],
                marker=marker,
                label=name if number == 0 else None,
            )
    ticks = nice_ticks(0.0, last, max(2, width // 16))
    plotext.xticks(ticks, [f"{tick:g}" for tick in ticks])
    return [clean_text(line).rstrip() for line in str(plotext.build()).splitlines()]


def _lines(curve: Curve, width: int, last: float) -> list[list[tuple[float, float]]]:
    """What is drawn of a curve: its extremes, in one piece for each stretch without a gap."""
    columns = curve.columns(2 * width, upper=max(last, 1.0))
    return [[(point.x, point.y) for point in line] for line in segments(columns)]
