"""The charts: every metric that the run logs, and what its machine did."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import cast

from textual.app import ComposeResult
from textual.containers import Grid, VerticalScroll
from textual.message import Message

from engine.curves import Curve, Curves
from engine.machine import Machine
from engine.watch import JobView
from tui.charts.lens import Lens
from tui.charts.lensing import LensKeys
from tui.charts.plots import machine_plots, memory_plot, metric_names, metric_plot, x_end
from tui.deck import Deck
from tui.keys import CHARTS, Key, bindings_of
from tui.messages import MemoryGrew, MetricsGrew
from tui.tabs.tab import KeysChanged, Noted, Tab
from tui.widgets.chart import Chart, Plot

LEAST_WIDTH = 56
"""Columns that a chart needs: as many charts stand side by side as have that much."""

MOST_METRICS = 100
"""So many metrics have a chart: each costs a widget."""

MOST_BESIDE = 3

Draw = Callable[[], Plot]
"""Makes a chart's plot when it is looked at."""


class ChartsTab(Tab, LensKeys):
    """A grid of charts under one lens; one of them is selected, and can be enlarged."""

    table_name = CHARTS
    BINDINGS = bindings_of(CHARTS)

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self.lens = Lens()
        self._job: JobView | None = None
        self._curves = Curves()
        self._share = 1.0
        self._machine = Machine()
        self._charts: dict[str, Chart] = {}
        self._draws: dict[str, Draw] = {}
        self._stale: set[str] = set()
        self._selected = "loss"
        self._enlarged = False
        self._told_rest = False

    def compose(self) -> ComposeResult:
        """Rows of charts that scroll."""
        with VerticalScroll(id="chart-scroll", can_focus=False), Grid(id="chart-grid"):
            yield from ()

    def on_mount(self) -> None:
        """Draw what was told before, and what comes into view when it scrolls."""
        self.watch(self._scroll, "scroll_y", self._draw_visible, init=False)
        self._lay_out()

    def on_resize(self) -> None:
        """Another width has room for another number of charts."""
        self._arrange()

    def show_job(self, job: JobView) -> None:
        """The axes end where the job does."""
        self._job = job
        self._lay_out()

    def take(self, message: Message) -> None:
        """Show what was measured."""
        match message:
            case MetricsGrew():
                self._curves, self._share = message.curves, message.share
            case MemoryGrew():
                self._machine = message.machine
            case _:
                return
        self._lay_out()

    def useful(self, key: Key) -> bool:
        """Whether that key does something now."""
        if key.action == "whole":
            return self.lens.window is not None
        if key.action == "follow":
            return self.lens.cursor is not None or not self.lens.follows
        return True

    def leave(self) -> bool:
        """Put away first the cursor, then the enlarged chart, then the zoom."""
        if self.lens.cursor is not None:
            self._look(replace(self.lens, cursor=None), "")
        elif self._enlarged:
            self.action_enlarge()
        elif self.lens.window is not None:
            self.action_whole()
        else:
            return False
        return True

    # --- the lens ---------------------------------------------------------------------------------

    def lens_changed(self, said: str) -> None:
        """Draw every chart anew."""
        self._stale |= set(self._charts)
        self._lay_out()
        self.post_message(KeysChanged())
        if said:
            self.post_message(Noted(said))

    def lens_curve(self) -> Curve:
        """The selected metric's measurements, or the loss's."""
        for name in (self._selected, "loss"):
            for kind, key in (("train", name), ("eval", f"eval_{name}")):
                if len(curve := self._curves.curve(kind, key, self.lens.axis)):
                    return curve
        return Curve()

    def lens_end(self) -> float:
        """Where the axis ends."""
        return x_end(self._curves, self.lens, self._job)

    def lens_width(self) -> int:
        """How many columns a chart has."""
        chart = self._charts.get(self._selected)
        return max(1, chart.size.width - 8) if chart is not None else 80

    # --- one chart among many ---------------------------------------------------------------------

    def action_next_chart(self) -> None:
        """Select the next chart."""
        self._select(1)

    def action_previous_chart(self) -> None:
        """Select the chart before."""
        self._select(-1)

    def action_enlarge(self) -> None:
        """Give the selected chart the whole tab, or take it back."""
        self._enlarged = not self._enlarged
        self._arrange()
        sign = cast(Deck, self.app).keymap.sign("enlarge")
        self.post_message(Noted(f"{sign} shows all charts again" if self._enlarged else ""))

    def action_page_down(self) -> None:
        """Scroll down one page."""
        self._scroll.scroll_page_down(animate=False)

    def action_page_up(self) -> None:
        """Scroll up one page."""
        self._scroll.scroll_page_up(animate=False)

    def action_top(self) -> None:
        """Select the first chart."""
        self._select_name(next(iter(self._draws), self._selected))

    def action_bottom(self) -> None:
        """Select the last chart."""
        self._select_name([*self._draws, self._selected][-2] if self._draws else self._selected)

    @property
    def _scroll(self) -> VerticalScroll:
        return self.query_one("#chart-scroll", VerticalScroll)

    def _select(self, by: int) -> None:
        names = list(self._draws)
        at = names.index(self._selected) if self._selected in names else 0
        self._select_name(names[(at + by) % len(names)])

    def _select_name(self, name: str) -> None:
        self._selected = name
        self._arrange()
        if name in self._charts:
            self._charts[name].scroll_visible(animate=False)

    # --- drawing ----------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        """Have a chart for everything that was measured, and draw those that are seen."""
        if not self.is_mounted:
            return
        self._draws = self._wanted()
        new = [name for name in self._draws if name not in self._charts]
        for name in new:
            self._charts[name] = Chart(ascii_only=self.ascii_only, classes="panel")
        if new:
            grid = self.query_one("#chart-grid", Grid)
            names = list(self._draws)
            for name in new:
                after = [
                    self._charts[n] for n in names[: names.index(name)] if self._charts[n].parent
                ]
                grid.mount(self._charts[name], after=after[-1] if after else None)
                if not after and len(grid.children) > 1:
                    grid.move_child(self._charts[name], before=0)
            self._arrange()
        self._stale |= set(self._draws)
        self._draw_visible()

    def _wanted(self) -> dict[str, Draw]:
        """Every chart by name, in the order in which they are shown."""
        curves, lens, job = self._curves, self.lens, self._job
        logged = metric_names(curves)
        names = logged[:MOST_METRICS] or ["loss"]
        if len(logged) > MOST_METRICS and not self._told_rest:
            self._told_rest = True
            said = f"{len(logged)} metrics were logged, {MOST_METRICS} have a chart"
            self.post_message(Noted(f"{said}: `tunedeck plot --metric NAME` draws any", "wait"))
        metrics = {
            name: partial(metric_plot, name, curves, lens, job, self._share) for name in names
        }
        # A machine's charts are named by their titles; no metric has a name that ends like this.
        rest = {f"{plot.title} (machine)": partial(_same, plot) for plot in self._machine_rest()}
        memory = {"memory (machine)": partial(memory_plot, self._machine, job)}
        first = {name: draw for name, draw in metrics.items() if name == "loss"}
        return {**first, **memory, **metrics, **rest}

    def _machine_rest(self) -> list[Plot]:
        return machine_plots(self._machine, self._job)[1:]

    def _draw_visible(self) -> None:
        seen = self._scroll.region
        for name in list(self._stale):
            chart = self._charts.get(name)
            if chart is None or name not in self._draws:
                self._stale.discard(name)
            elif chart.display and (not chart.region.area or chart.region.overlaps(seen)):
                self._stale.discard(name)
                chart.show(self._draws[name]())

    def _arrange(self) -> None:
        """Rows and columns for the room there is, and the selected chart marked."""
        width = self.size.width
        if not width or not self.is_mounted:
            return
        grid = self.query_one("#chart-grid", Grid)
        beside = 1 if self._enlarged else max(1, min(MOST_BESIDE, width // LEAST_WIDTH))
        grid.styles.grid_size_columns = beside
        grid.set_class(self._enlarged, "-enlarged")
        for name, chart in self._charts.items():
            selected = name == self._selected
            chart.display = (selected or not self._enlarged) and name in self._draws
            chart.set_class(selected, "-selected")
            chart.border_subtitle = "selected" if selected and not self._enlarged else ""
        self.call_after_refresh(self._draw_visible)


def _same(plot: Plot) -> Plot:
    return plot
