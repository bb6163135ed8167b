import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.curves import Curve
from tui.charts.lens import SLIDES, Lens


def steps(count: int, every: int = 1) -> Curve:
    xs = np.arange(1.0, count + 1) * every
    return Curve(xs, xs)


def test_the_whole_run_is_shown_until_someone_zooms() -> None:
    lens = Lens()
    assert lens.shown(1000, 400) == (0, 1000)
    near = lens.zoomed(0.5, 1000, 400)
    lower, upper = near.shown(1000, 400)
    assert upper - lower == 500
    assert lower <= 400 <= upper
    assert near.zoomed(2, 1000, 400).window is None


def test_a_zoom_keeps_the_cursor_where_it_is_on_the_screen() -> None:
    lens = Lens(cursor=300.0)
    lower, upper = lens.zoomed(0.5, 1000, 900).shown(1000, 900)
    assert (300 - lower) / (upper - lower) == 0.3


def test_a_window_that_follows_slides_in_few_jumps_and_holds_the_end() -> None:
    lens = Lens(window=(900.0, 1000.0))
    windows = [lens.shown(5000, reached) for reached in range(1000, 1100)]
    assert all(lower <= reached <= upper for reached, (lower, upper) in enumerate(windows, 1000))
    assert len(set(windows)) <= SLIDES + 1
    still = Lens(window=(900.0, 1000.0), follows=False)
    assert still.shown(5000, 4000) == (900, 1000)


@given(st.integers(1, 300), st.lists(st.sampled_from([-10, -1, 1, 10]), max_size=30))
def test_the_cursor_stands_on_measured_points_and_in_the_window(
    count: int, moves: list[int]
) -> None:
    curve, lens = steps(count, every=5), Lens().zoomed(0.25, 5 * count, 5 * count)
    for move in moves:
        lens = lens.moved(move, curve, 5 * count, 60)
        assert lens.cursor in curve.xs
        lower, upper = lens.shown(5 * count, curve.end)
        assert lower <= (lens.cursor or 0) <= upper


def test_the_cursor_begins_at_the_end_and_reaches_every_point() -> None:
    curve, lens = steps(50), Lens()
    seen = []
    for _ in range(60):
        lens = lens.moved(-1, curve, 50, 1000)
        seen.append(lens.cursor)
    assert seen[:50] == [float(x) for x in range(49, 0, -1)] + [1.0]
    assert Lens().moved(1, Curve(), 50, 60) == Lens()
    assert lens.following().cursor is None


def test_another_axis_is_shown_whole() -> None:
    lens = Lens(window=(1.0, 9.0), cursor=4.0).with_next_axis()
    assert (lens.axis, lens.window, lens.cursor) == ("tokens", None, None)
    assert lens.with_next_axis().with_next_axis().axis == "step"
