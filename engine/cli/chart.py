"""Charts in letters, drawn by plotext, for a terminal without the deck and for a pipe.

No curve is told by its colour alone: of several, each carries its letter.
"""

import math
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from engine.ascii import to_ascii
from engine.cli.axes import Scales, broken_words, labels_of, scales
from engine.cli.output import on_terminal, speaks_unicode
from engine.compare.side import Series
from engine.curves import Axis, Curve
from engine.series import bounds, log_range, log_ticks, nice_range, segments
from engine.text import cells, clean_text, shortened

COLOURS = (33, 208, 35, 170, 178, 44)
"""Of several curves, in the 256 colours of terminals: a choice that the colour-blind can tell apart."""

FAINT = 244
EVALUATIONS = 208
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

PIPE_WIDTH = 80
LEAST_WIDTH, LEAST_HEIGHT = 24, 6

_COLOUR = re.compile(r"\x1b\[([0-9;]*)m")


@dataclass(frozen=True)
class Look:
    """What a stream can show."""

    colours: bool = False
    ascii_only: bool = False


def look_of(stream: TextIO, *, ascii_only: bool = False) -> Look:
    """Colours for a person who wants them; ASCII when asked, or when the stream has nothing else."""
    dull = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
    return Look(
        colours=on_terminal(stream) and not dull,
        ascii_only=ascii_only or not speaks_unicode(stream),
    )


@dataclass(frozen=True)
class Stroke:
    """One curve as it is drawn."""

    curve: Curve
    label: str = ""
    """What the legend calls it; empty is not named."""
    letter: str = ""
    """Stands on the line here and there; a stroke that is not joined is made of it."""
    colour: int | None = None
    joined: bool = True


@dataclass(frozen=True)
class Picture:
    """Everything that a chart shows."""

    title: str
    strokes: tuple[Stroke, ...]
    on: Scales
    log: bool = False
    badge: str = ""
    """A warning beside the title."""

    @property
    def x_end(self) -> float:
        """Where the x axis ends."""
        return max((stroke.curve.end for stroke in self.strokes), default=0.0)


# --- what is shown --------------------------------------------------------------------------------


def picture_of_one(
    series: Series,
    metric: str,
    axis: Axis,
    *,
    log: bool = False,
    smoothed: Curve | None = None,
    colours: bool = True,
) -> Picture:
    """A metric of one job: as measured, the smoothed line over it where colours tell them apart."""
    named = bool(len(series.dots))
    strokes = [Stroke(series.line, "train" if named else "", colour=COLOURS[0])]
    if smoothed is not None and smoothed is not series.line and colours:
        strokes = [
            Stroke(series.line, colour=FAINT),
            Stroke(smoothed, "train" if named else "", colour=COLOURS[0]),
        ]
    strokes.append(
        Stroke(
            series.dots,
            "eval" if len(series.line) else "",
            "o",
            EVALUATIONS,
            joined=not len(series.line),
        )
    )
    shown = tuple(stroke for stroke in strokes if len(stroke.curve))
    on = scales(metric, axis, [series])
    return Picture(_title(on), shown, on, log, broken_words([""], [series], on))


def picture_of_several(
    labels: Sequence[str],
    all_series: Sequence[Series],
    metric: str,
    axis: Axis,
    *,
    log: bool = False,
    smoothed: Sequence[Curve],
) -> Picture:
    """A metric of several jobs, a line each: smoothed, or the evaluations where there is no other."""
    lines = [
        smooth if len(smooth) else one.dots
        for smooth, one in zip(smoothed, all_series, strict=True)
    ]
    strokes = tuple(
        Stroke(line, label, LETTERS[at % len(LETTERS)], COLOURS[at % len(COLOURS)])
        for at, (label, line) in enumerate(zip(labels_of(labels, all_series), lines, strict=True))
        if len(line)
    )
    on = scales(metric, axis, all_series)
    return Picture(_title(on), strokes, on, log, broken_words(labels, all_series, on))


def _title(on: Scales) -> str:
    return f"{on.y.title} by {on.x.title}"


# --- how it is drawn ------------------------------------------------------------------------------


def draw(picture: Picture, width: int, height: int, look: Look) -> list[str]:
    """Title, legend and chart in at most `width` by `height`; empty before there are two points."""
    if max((len(stroke.curve) for stroke in picture.strokes), default=0) < 2:
        return []
    head = _legend(picture, width, look)
    room = height - len(head)
    if width < LEAST_WIDTH or room < LEAST_HEIGHT:
        return [_said(line, look) for line in head][:height]
    return [_said(line, look) for line in (*head, *_body(picture, width, room, look))]


def _said(line: str, look: Look) -> str:
    return to_ascii(line) if look.ascii_only else line


def _legend(picture: Picture, width: int, look: Look) -> list[str]:
    """The title and what the strokes are called, in as many lines as they need."""
    words: list[tuple[str, int | None]] = [(picture.title, None)]
    if picture.log:
        words.append(("(log)", None))
    for stroke in picture.strokes:
        if stroke.label:
            mark = stroke.letter or ("." if look.ascii_only else "⣀⠤⠒")
            words.append((f"{mark} {clean_text(stroke.label)}", stroke.colour))
    if picture.badge:
        words.append((f"! {picture.badge}", None))
    lines, used = [""], 0
    for plain, colour in words:
        word = shortened(plain, width)
        gap = 2 if used else 0
        if used + gap + cells(word) > width:
            lines.append("")
            used, gap = 0, 0
        lines[-1] += " " * gap + (_coloured(word, colour) if look.colours else word)
        used += gap + cells(word)
    return lines


def _coloured(word: str, colour: int | None) -> str:
    return word if colour is None else f"\x1b[38;5;{colour}m{word}\x1b[0m"


def _body(picture: Picture, width: int, height: int, look: Look) -> list[str]:
    import plotext

    x_end = picture.x_end or 1.0
    drawn = [_on_scale(stroke.curve, log=picture.log) for stroke in picture.strokes]
    fine = [curve.columns(2 * width, upper=x_end) for curve in drawn]
    low, high = bounds(column for columns in fine for column in columns) or (0.0, 1.0)
    low, high, y_ticks = _y_range(low, high, max(2, min(6, height // 3)), picture)
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(width, height)
    plotext.theme("clear")
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.xlim(0, x_end)
    plotext.ylim(low, high)
    for stroke, columns in zip(picture.strokes, fine, strict=True):
        mark = (stroke.letter.lower() or ".") if look.ascii_only else "braille"
        for line in segments(columns) if stroke.joined else ():
            xs, ys = [point.x for point in line], [point.y for point in line]
            plotext.plot(xs, ys, marker=mark, color=stroke.colour)
    for at, (stroke, curve) in enumerate(zip(picture.strokes, drawn, strict=True)):
        if stroke.letter:
            xs, ys = _places(stroke, curve, at, len(drawn), x_end, width)
            plotext.scatter(xs, ys, marker=stroke.letter, color=stroke.colour)
    x_ticks = picture.on.x.ticks(0.0, x_end, max(2, width // 14))
    plotext.yticks([at for at, _ in y_ticks], [f"{said:>6}" for _, said in y_ticks])
    plotext.xticks(x_ticks, [picture.on.x.label(tick) for tick in x_ticks])
    return [_line(line, look) for line in str(plotext.build()).rstrip("\n").split("\n")]


def _on_scale(curve: Curve, *, log: bool) -> Curve:
    """The curve on the y axis's scale; what a logarithm does not have is a gap."""
    if not log:
        return curve
    positive = np.where(curve.ys > 0, curve.ys, np.nan)
    return Curve(curve.xs, np.log10(positive))


def _y_range(
    low: float, high: float, most: int, picture: Picture
) -> tuple[float, float, list[tuple[float, str]]]:
    """Both ends of the y axis as drawn, and its ticks with their labels."""
    scale = picture.on.y
    if picture.log:
        bottom, top = log_range(10**low, 10**high)
        ticks = [(math.log10(tick), scale.label(tick)) for tick in log_ticks(bottom, top, most)]
        return math.log10(bottom), math.log10(top), ticks
    bottom, top = (end * scale.unit for end in nice_range(low / scale.unit, high / scale.unit))
    return bottom, top, [(tick, scale.label(tick)) for tick in scale.ticks(bottom, top, most)]


def _places(
    stroke: Stroke, curve: Curve, at: int, of: int, end: float, width: int
) -> tuple[list[float], list[float]]:
    """Where a stroke's letter stands: on every point, or spaced along a line, apart from the others'."""
    if stroke.joined:
        apart = end / max(2, width // 16)
        wanted = np.arange((at + 0.5) * apart / of, end, apart)
        found = [curve.near(x) for x in wanted.tolist() if x <= curve.end]
        points = [(point.x, point.y) for point in found if point is not None]
    else:
        points = list(zip(curve.xs.tolist(), curve.ys.tolist(), strict=True))
    known = [(x, y) for x, y in points if math.isfinite(y)]
    return [x for x, _ in known], [y for _, y in known]


def _line(line: str, look: Look) -> str:
    """One row of plotext's: its colours as they are wanted, and no other sequence."""
    if not look.colours:
        return clean_text(line).rstrip()
    parts = list(_pieces(line))
    while parts and not parts[-1][0].strip():
        parts.pop()
    return "".join(_coloured(text, colour) for text, colour in parts).rstrip()


def _pieces(line: str) -> Iterable[tuple[str, int | None]]:
    """Stretches of one colour."""
    colour: int | None = None
    position, text = 0, ""
    for match in _COLOUR.finditer(line):
        new = match[1].split(";")
        wanted = int(new[2]) if new[:2] == ["38", "5"] and len(new) == 3 else None
        text += clean_text(line[position : match.start()])
        position = match.end()
        if wanted != colour and text:
            yield text, colour
            text = ""
        colour = wanted
    text += clean_text(line[position:])
    if text:
        yield text, colour
