"""Curves as a picture file, drawn by matplotlib, which is imported nowhere else and never opens a window.

As measured faint, smoothed strong, evaluations as dots; a gap stays a gap. Several jobs differ by
colour, by line style and by the shape of their dots.
"""

import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.cli.axes import broken_words, labels_of
from engine.compare.side import MEMORY
from engine.curves import Curve
from engine.series import log_ticks, segments

if TYPE_CHECKING:
    from engine.cli.plot import Panel

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which the colour-blind can tell apart."""

STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
SHAPES = ("o", "s", "^", "D", "v", "P", "X")
FAINT = 0.28
"""How opaque the unsmoothed line is."""

LOG_TICKS = 8
MOST_COLUMNS = 2400
DPI = 100
PANEL_PIXELS = (1200, 700)
FURTHER_PANEL_PIXELS = 420

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.8,
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "svg.hashsalt": "tunedeck",
    "text.parse_math": False,
    "agg.path.chunksize": 20_000,
}


def rendered(
    labels: Sequence[str],
    panels: Sequence["Panel"],
    form: str,
    *,
    size: tuple[int, int] | None = None,
    log: bool = False,
) -> bytes:
    """The picture in that form (`png`, `svg` or `pdf`), panels one below the other.

    Args:
        labels: the jobs' short names.
        panels: a metric each.
        form: of the file.
        size: width and height in pixels, of which a printed inch has a hundred.
        log: whether the y axes are logarithmic.
    """
    with _matplotlib():
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        mpl.rcdefaults()
        with mpl.rc_context(SETTINGS):
            width, height = size or _usual_size(len(panels))
            figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, layout="constrained")
            FigureCanvasAgg(figure)
            for axes, one in zip(
                figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True
            ):
                _draw(axes, one, labels, log=log)
            content = io.BytesIO()
            figure.savefig(content, format=form, metadata=_no_date(form))
    return content.getvalue()


def _usual_size(panels: int) -> tuple[int, int]:
    width, height = PANEL_PIXELS
    return width, height if panels == 1 else FURTHER_PANEL_PIXELS * panels


def _no_date(form: str) -> dict[str, Any]:
    """The same measurements make the same file."""
    return {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[form]


def _draw(axes: Any, one: "Panel", labels: Sequence[str], *, log: bool) -> None:
    """One metric of every job."""
    alone = len(labels) == 1
    named_as = labels_of(labels, one.series)
    for at, (label, series, smooth) in enumerate(
        zip(named_as, one.series, one.smooth, strict=True)
    ):
        colour, style = COLOURS[at % len(COLOURS)], STYLES[at % len(STYLES)]
        named = "train" if alone else label
        if smooth is not series.line:
            axes.plot(*_shown(series.line, one, log=log), color=colour, alpha=FAINT, linewidth=1)
            reach = " (smoothed)" if alone else ""
            named += reach
        if len(series.line):
            axes.plot(
                *_shown(smooth, one, log=log),
                color=colour,
                linestyle=style,
                linewidth=2,
                label=named,
                marker="." if len(series.line) == 1 else None,
            )
        if len(series.dots):
            axes.plot(
                *_shown(series.dots, one, log=log),
                color=COLOURS[1] if alone else colour,
                linestyle=style if not len(series.line) else "none",
                marker=SHAPES[at % len(SHAPES)],
                markersize=7,
                markeredgecolor="white",
                label="eval" if alone else f"{label}, eval" if len(series.line) else label,
            )
    _dress(axes, one, labels, log=log)


def _shown(curve: Curve, one: "Panel", *, log: bool) -> tuple[Any, Any]:
    """Points in the units of the axes; what a logarithm does not have is a gap."""
    curve = thinned(curve)
    ys = np.where(curve.ys > 0, curve.ys, np.nan) if log else curve.ys
    return curve.xs / one.on.x.unit, ys / one.on.y.unit


def thinned(curve: Curve, columns: int = MOST_COLUMNS) -> Curve:
    """A long curve as the extremes of so many columns: a picture shows no more, and stays small."""
    if len(curve) <= 4 * columns:
        return curve
    points: list[tuple[float, float]] = []
    for line in segments(curve.columns(columns, upper=curve.end)):
        points += [*line, (line[-1].x, np.nan)]
    xs, ys = np.array(points).T if points else (np.empty(0), np.empty(0))
    return Curve(xs, ys)


def _dress(axes: Any, one: "Panel", labels: Sequence[str], *, log: bool) -> None:
    """Title, axes and legend."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    who = labels[0] if len(labels) == 1 else f"{len(labels)} jobs"
    axes.set_title(f"{one.on.y.name} of {who}", loc="left", fontsize=13, fontweight="bold")
    axes.set_title(
        broken_words(labels, one.series, one.on), loc="right", fontsize=12, color=COLOURS[1]
    )
    axes.set_xlabel(one.on.x.title)
    axes.set_ylabel(one.on.y.title)
    axes.set_xlim(left=0)
    if one.metric == MEMORY and not log:
        axes.set_ylim(bottom=0)
    if one.axis == "step":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: one.on.x.label(x * one.on.x.unit)))
    if log:
        _logarithmic(axes)
    handles, named = axes.get_legend_handles_labels()
    if len(named) > 1 or (named and len(labels) > 1):
        axes.legend(handles, named, loc="best")


def _logarithmic(axes: Any) -> None:
    """Round ticks, written out: matplotlib's own would say `6 x 10^-1`."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(FixedLocator(log_ticks(low, high, LOG_TICKS)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))


@contextmanager
def _matplotlib() -> Iterator[None]:
    """matplotlib with a folder of its own for its cache, silent, and without the user's settings.

    Its usual folder lies in the home folder, which may not be writable.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="tunedeck-") as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that the font lacks, and the like
        if "MPLCONFIGDIR" in os.environ:
            yield
            return
        os.environ["MPLCONFIGDIR"] = str(_cache() or temporary)
        try:
            yield
        finally:
            del os.environ["MPLCONFIGDIR"]


def _cache() -> Path | None:
    """Where matplotlib may keep its list of fonts, which takes a second to make."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir("tunedeck", appauthor=False)) / "matplotlib"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None
