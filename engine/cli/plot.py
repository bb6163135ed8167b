"""`tunedeck plot ID...`: curves in the terminal, as points, or with `--out` in a picture file."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cli.axes import Scales, scales
from engine.cli.chart import PIPE_WIDTH, draw, look_of, picture_of_one, picture_of_several
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.cli.sides import axis_of, check, points_json, read_sides
from engine.compare import labels
from engine.compare.side import Series, Side, smoothed
from engine.curves import Axis, Curve
from engine.errors import UsageError
from engine.store import Store

SUFFIXES = (".png", ".svg", ".pdf")
CHART_HEIGHT = 18
LEAST_CHART_HEIGHT = 10


@dataclass(frozen=True)
class Panel:
    """One metric of the jobs that were asked for."""

    metric: str
    axis: Axis
    series: tuple[Series, ...]
    smooth: tuple[Curve, ...]
    """The training's lines, smoothed as asked; the same curves when they are not."""
    on: Scales


def run(args: argparse.Namespace) -> int:
    """Draw."""
    target = None if args.out is None else Path(args.out)
    if target is not None and target.suffix.lower() not in SUFFIXES:
        raise UsageError(
            f"{args.out}: a picture is not written as {target.suffix or 'a name without suffix'}",
            f"choose a name that ends in {', '.join(SUFFIXES)}",
        )
    wanted = list(dict.fromkeys(args.metric or ["loss"]))
    axes = [axis_of(metric, args.by) for metric in wanted]
    sides = read_sides(Store(), args.jobs)
    panels = [
        panel(sides, metric, axis, args.smooth) for metric, axis in zip(wanted, axes, strict=True)
    ]
    if target is not None:
        _write(target, sides, panels, args)
    if args.json:
        say_json(_as_json(sides, panels))
    elif target is None:
        _print(sides, panels, log=args.log, ascii_only=args.ascii)
    _say_what_is_missing(sides, panels, quiet=args.json)
    return 0


def panel(sides: Sequence[Side], metric: str, axis: Axis, window: int | None) -> Panel:
    """One metric, checked and smoothed: over `window` points, by its length, or with 0 not at all."""
    found = check(sides, metric, axis)
    smooth = tuple(
        smoothed(one.line, metric) if window is None else one.line.smoothed(reach=window // 2)
        for one in found
    )
    return Panel(metric, axis, tuple(found), smooth, scales(metric, axis, found))


def _write(
    target: Path, sides: Sequence[Side], panels: Sequence[Panel], args: argparse.Namespace
) -> None:
    from engine.cli.figure import rendered
    from engine.cli.saving import check_target, save

    check_target(target)
    names = labels([side.id for side in sides])
    save(target, rendered(names, panels, target.suffix.lower()[1:], size=args.size, log=args.log))
    if not args.json:
        narrate(f"wrote {target}")


def _print(sides: Sequence[Side], panels: Sequence[Panel], *, log: bool, ascii_only: bool) -> None:
    look = look_of(sys.stdout, ascii_only=ascii_only)
    width, height = PIPE_WIDTH, CHART_HEIGHT
    if on_terminal(sys.stdout):
        size = os.get_terminal_size()
        width = size.columns - 1
        height = min(CHART_HEIGHT, max(LEAST_CHART_HEIGHT, (size.lines - 2) // len(panels)))
    names = labels([side.id for side in sides])
    for number, one in enumerate(panels):
        if len(sides) == 1:
            picture = picture_of_one(
                one.series[0],
                one.metric,
                one.axis,
                log=log,
                smoothed=one.smooth[0],
                colours=look.colours,
            )
        else:
            picture = picture_of_several(
                names, one.series, one.metric, one.axis, log=log, smoothed=one.smooth
            )
        lines = draw(picture, width, height, look)
        for line in [*([""] if number else []), *(lines or [_too_little(one)])]:
            say(line)


def _too_little(one: Panel) -> str:
    """What stands instead of a chart of a single point."""
    return f"{one.metric}: one point is no curve yet"


def _as_json(sides: Sequence[Side], panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """A list of metrics, each with the points of every job."""
    return [
        {
            "metric": one.metric,
            "axis": one.axis,
            "jobs": [
                {"id": side.id, **points_json(series)}
                for side, series in zip(sides, one.series, strict=True)
            ],
        }
        for one in panels
    ]


def _say_what_is_missing(sides: Sequence[Side], panels: Sequence[Panel], *, quiet: bool) -> None:
    for one in panels:
        for side, series in zip(sides, one.series, strict=True):
            if not series and not quiet:
                narrate(f"{side.id} measured no {one.metric} by {one.axis}")
