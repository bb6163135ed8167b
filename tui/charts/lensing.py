"""The keys that choose how charts are looked at; home, the charts of a job and compare share them."""

from dataclasses import replace

from engine.curves import Curve
from tui.charts.lens import SMOOTHINGS, Lens
from tui.charts.plots import UNITS

FAR = 10
"""How many columns the cursor moves with shift."""


class LensKeys:
    """Turns keys into another lens; whoever has charts says what the lens looks at."""

    lens: Lens

    def lens_changed(self, said: str) -> None:
        """Draw anew, and say what was chosen."""
        raise NotImplementedError

    def lens_curve(self) -> Curve:
        """The curve on whose points the cursor stands."""
        raise NotImplementedError

    def lens_end(self) -> float:
        """Where the axis ends."""
        raise NotImplementedError

    def lens_width(self) -> int:
        """How many columns a chart has."""
        raise NotImplementedError

    def _look(self, lens: Lens, said: str) -> None:
        self.lens = lens
        self.lens_changed(said)

    def action_log_scale(self) -> None:
        """Switch between a linear and a logarithmic y axis."""
        log = not self.lens.log
        self._look(replace(self.lens, log=log), f"{'logarithmic' if log else 'linear'} scale")

    def action_smoothing(self) -> None:
        """Smooth by the next strength."""
        lens = self.lens.with_next_smoothing()
        self._look(lens, f"smoothing: {SMOOTHINGS[lens.smoothing][0]}")

    def action_next_axis(self) -> None:
        """Draw against the next of steps, tokens and time."""
        lens = self.lens.with_next_axis()
        self._look(lens, f"drawn against {UNITS[lens.axis]}")

    def action_zoom_in(self) -> None:
        """Show half as much."""
        self._zoom(0.5)

    def action_zoom_out(self) -> None:
        """Show twice as much."""
        self._zoom(2.0)

    def _zoom(self, factor: float) -> None:
        lens = self.lens.zoomed(factor, self.lens_end(), self.lens_curve().end)
        said = "the whole run" if lens.window is None else "0 shows the whole run"
        self._look(lens, said)

    def action_whole(self) -> None:
        """Show the whole run."""
        self._look(replace(self.lens, window=None, follows=True), "the whole run")

    def action_follow(self) -> None:
        """Go to the end, and stay there."""
        self._look(self.lens.following(), "at the end, and following it")

    def action_cursor_left(self) -> None:
        """Read the value before."""
        self._move(-1)

    def action_cursor_right(self) -> None:
        """Read the next value."""
        self._move(1)

    def action_cursor_far_left(self) -> None:
        """Read a value ten columns before."""
        self._move(-FAR)

    def action_cursor_far_right(self) -> None:
        """Read a value ten columns further."""
        self._move(FAR)

    def _move(self, columns: int) -> None:
        curve = self.lens_curve()
        if not len(curve):
            self.lens_changed("there is nothing to read yet")
            return
        lens = self.lens.moved(columns, curve, self.lens_end(), self.lens_width())
        self._look(lens, "esc puts the cursor away")
