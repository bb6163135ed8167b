"""How charts are looked at: axis, scale, smoothing, the part that is shown, and the cursor that reads values.

Pure: a key makes another lens of one, and the same lens serves every chart of a screen.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from engine.curves import AXES, Axis, Curve

SMOOTHINGS: tuple[tuple[str, int], ...] = (
    ("off", 0),
    ("light", 128),
    ("normal", 32),
    ("strong", 8),
)
"""Name of a smoothing, and one part in how many of the curve it averages to either side; 0 is none."""

CLOSEST = 4.0
"""A window is never narrower than so many steps, tokens or seconds."""

SLIDES = 8
"""A window that follows moves by one part in so many of its width, so that columns stay in place."""


@dataclass(frozen=True, kw_only=True)
class Lens:
    """What the keys of a chart have chosen."""

    axis: Axis = "step"
    log: bool = False
    smoothing: int = 2
    window: tuple[float, float] | None = None
    """The part of the axis that is shown; None is the whole."""
    follows: bool = True
    """Whether a window stays at the end while the run goes on."""
    cursor: float | None = None
    """Where values are read; None is the newest."""

    def shown(self, whole: float, reached: float) -> tuple[float, float]:
        """The part of an axis that ends at `whole` to show, when the run has come to `reached`."""
        if self.window is None:
            return 0.0, whole
        lower, upper = self.window
        if not self.follows:
            return lower, upper
        width = upper - lower
        slide = width / SLIDES
        end = max(width, math.ceil(reached / slide) * slide)
        return end - width, end

    def with_next_axis(self) -> "Lens":
        """Against the next of steps, tokens and time, whole."""
        following = AXES[(AXES.index(self.axis) + 1) % len(AXES)]
        return replace(self, axis=following, window=None, cursor=None, follows=True)

    def with_next_smoothing(self) -> "Lens":
        """Smoothed by the next strength."""
        return replace(self, smoothing=(self.smoothing + 1) % len(SMOOTHINGS))

    def zoomed(self, factor: float, whole: float, reached: float) -> "Lens":
        """The window `factor` times as wide, around the cursor, or at the end without one."""
        lower, upper = self.shown(whole, reached)
        width = max(CLOSEST, (upper - lower) * factor)
        if width >= whole:
            return replace(self, window=None, follows=True)
        anchor = self.cursor if self.cursor is not None else reached
        share = (anchor - lower) / (upper - lower) if upper > lower else 1.0
        begin = anchor - width * min(1.0, max(0.0, share))
        begin = min(max(0.0, begin), max(0.0, whole - width))
        return replace(self, window=(begin, begin + width), follows=self.cursor is None)

    def moved(self, columns: float, curve: Curve, whole: float, width: int) -> "Lens":
        """The cursor so many columns of a chart `width` cells wide further, on a measured point."""
        if not len(curve):
            return self
        lower, upper = self.shown(whole, curve.end)
        xs = curve.xs
        if self.cursor is None:
            at = int(np.searchsorted(xs, min(upper, curve.end), "right")) - 1
            here = float(xs[max(0, at)])
        else:
            here = self.cursor
        target = here + columns * (upper - lower) / max(1, width)
        at = int(np.searchsorted(xs, target, "left" if columns > 0 else "right"))
        at = at if columns > 0 else at - 1
        cursor = float(xs[min(max(0, at), len(xs) - 1)])
        lens = replace(self, cursor=cursor)
        if self.window is not None and not lower <= cursor <= upper:
            shift = cursor - (upper if cursor > upper else lower)
            lens = replace(lens, window=(lower + shift, upper + shift), follows=False)
        elif self.window is not None:
            lens = replace(lens, window=(lower, upper), follows=False)
        return lens

    def following(self) -> "Lens":
        """At the end again, without a cursor."""
        return replace(self, follows=True, cursor=None)
