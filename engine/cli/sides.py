"""The jobs and metrics that `compare` and `plot` were asked for, checked before anything is drawn."""

import difflib
from collections.abc import Sequence
from typing import Any

from engine.compare.side import MEMORY, Series, Side, metrics, read_side, series
from engine.curves import Axis, Curve
from engine.errors import StateError, UsageError
from engine.store import Store
from engine.text import one_line

LISTED = 30
"""How many metrics an error names at most."""


def read_sides(store: Store, names: Sequence[str]) -> list[Side]:
    """The jobs of these names, in their order.

    Raises:
        JobNotFound: one is not there.
        UsageError: one stands twice.
    """
    jobs = [store.find(name) for name in names]
    for at, job in enumerate(jobs):
        if job in jobs[:at]:
            raise UsageError(
                f"{job.id} stands twice" if names.count(names[at]) > 1 else _two_names(names, at),
                "name each job once; `tunedeck ls` shows them",
            )
    return [read_side(job) for job in jobs]


def _two_names(names: Sequence[str], at: int) -> str:
    return f"{names[at]!r} is a job that stands there already, under another name"


def axis_of(metric: str, asked: Axis | None) -> Axis:
    """What a metric is drawn against: steps when nothing was asked for, memory against time.

    Raises:
        UsageError: it is not measured against what was asked for.
    """
    if metric != MEMORY:
        return asked or "step"
    if asked not in (None, "time"):
        raise UsageError(f"memory is not measured by {asked}", "draw it with --by time")
    return "time"


def check(sides: Sequence[Side], metric: str, axis: Axis) -> list[Series]:
    """The curves of that metric, one for each job; empty for those that did not measure it.

    Raises:
        StateError: no job has measured anything.
        UsageError: the metric or its axis is known of none of them.
    """
    known = metrics(sides)
    these = "these jobs have" if len(sides) > 1 else f"{sides[0].id} has"
    if not known:
        raise StateError(
            f"{these} measured nothing yet", "wait for the first steps: tunedeck watch ID"
        )
    if metric not in known:
        near = difflib.get_close_matches(metric, known, n=1)
        guess = f"did you mean {one_line(near[0])}? " if near else ""
        names = ", ".join(one_line(name) for name in known[:LISTED])
        more = f" and {len(known) - LISTED} more" if len(known) > LISTED else ""
        raise UsageError(f"{these} no metric {metric!r}", f"{guess}there are: {names}{more}")
    found = [series(side, metric, axis) for side in sides]
    if not any(found):
        raise UsageError(
            f"{these} no {metric} by {axis}: it was not measured", "draw it with --by step"
        )
    return found


def points_json(found: Series) -> dict[str, Any]:
    """The points of one job: `line` is the training's, `dots` are the evaluations'; null is a gap."""
    return {"line": _points(found.line), "dots": _points(found.dots)}


def _points(curve: Curve) -> dict[str, list[float]]:
    return {"x": curve.xs.tolist(), "y": curve.ys.tolist()}
