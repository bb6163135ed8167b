import math
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.series import (
    EMPTY,
    Buckets,
    Column,
    Point,
    Smoother,
    bounds,
    buckets,
    format_bytes,
    format_count,
    format_duration,
    format_value,
    is_gap,
    nice_range,
    nice_ticks,
    nice_upper,
    segments,
    smooth,
)

NAN, INF = math.nan, math.inf

anything = st.none() | st.floats()
finite = st.floats(allow_nan=False, allow_infinity=False)
tame = st.floats(-1e100, 1e100)
series = st.lists(st.tuples(st.integers(0, 100_000), anything), max_size=200)
widths = st.integers(1, 300)


def drawn(points: list[tuple[int, float | None]]) -> list[float]:
    return [y for _, y in points if y is not None and math.isfinite(y)]


@given(series, widths)
def test_buckets_keep_the_extremes_and_invent_nothing(
    points: list[tuple[int, float | None]], width: int
) -> None:
    columns = buckets([x for x, _ in points], [y for _, y in points], width)
    assert len(columns) == width
    values = drawn(points)
    assert bounds(columns) == ((min(values), max(values)) if values else None)
    real = {Point(x, y) for x, y in points if y is not None}
    for column in columns:
        assert {point for point in (column.low, column.high) if point is not None} <= real


@given(series, widths)
def test_a_growing_series_keeps_the_extremes_and_invents_nothing(
    points: list[tuple[int, float | None]], width: int
) -> None:
    grown = Buckets(resolution=16)
    for x, y in points:
        grown.add(x, y)
    columns = grown.columns(width)
    values = drawn(points)
    assert bounds(columns) == ((min(values), max(values)) if values else None)
    real = {Point(x, y) for x, y in points if y is not None}
    for column in columns:
        assert {point for point in (column.low, column.high) if point is not None} <= real


@given(series, widths)
def test_while_it_fits_a_growing_series_draws_what_the_whole_one_draws(
    points: list[tuple[int, float | None]], width: int
) -> None:
    points = [(x % 1000, y) for x, y in points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    grown = Buckets(resolution=1024)
    grown.extend(xs, ys)
    whole, kept = buckets(xs, ys, width), grown.columns(width)
    for a, b in zip(whole, kept, strict=True):
        assert (a.gap, a.low and a.low.y, a.high and a.high.y) == (
            b.gap,
            b.low and b.low.y,
            b.high and b.high.y,
        )


@given(st.lists(st.tuples(st.integers(0, 1023), anything), max_size=200))
@example([(x, float(x * 37 % 101)) for x in range(1023)])
def test_a_series_that_outgrew_its_buckets_is_exact_where_columns_are_whole_buckets(
    points: list[tuple[int, float | None]],
) -> None:
    points = [*points, (1023, 1.0)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    grown = Buckets(resolution=16)
    grown.extend(xs, ys)
    whole, kept = buckets(xs, ys, 16, upper=1024), grown.columns(16, upper=1024)
    assert [column.gap for column in kept] == [column.gap for column in whole]
    assert [bounds([column]) for column in kept] == [bounds([column]) for column in whole]


@given(st.lists(anything), st.lists(anything))
@example([5e-324], [1.0])
@example([1e308, -1e308], [1.0, None])
def test_any_numbers_at_all_are_survived(xs: list[float | None], ys: list[float | None]) -> None:
    size = min(len(xs), len(ys))
    numbers = [x if x is not None else NAN for x in xs[:size]]
    assert len(buckets(numbers, ys[:size], 10)) == 10
    modest = [x for x in numbers if not abs(x) > 1e12]
    grown = Buckets()
    grown.extend(modest, ys[: len(modest)])
    assert len(grown.columns(10)) == 10
    segments(grown.columns(10))


def test_a_spike_of_one_step_in_a_hundred_thousand_is_seen() -> None:
    grown = Buckets()
    grown.extend(range(100_000), (9.0 if x == 77_777 else 1.0 for x in range(100_000)))
    columns = grown.columns(80)
    assert (grown.points_seen, grown.last_x) == (100_000, 99_999)
    assert bounds(columns) == (1.0, 9.0)
    assert [i for i, column in enumerate(columns) if column.high and column.high.y == 9.0] == [62]


def test_columns_stay_where_they_are_while_steps_come_in() -> None:
    grown = Buckets()
    grown.extend(range(810), map(float, range(810)))
    before = grown.columns(40)
    grown.extend(range(810, 990), map(float, range(810, 990)))
    after = grown.columns(40)
    assert after[:32] == before[:32]
    assert before[39] == EMPTY != after[39]


def test_a_point_between_the_extremes_changes_nothing() -> None:
    grown = Buckets(resolution=2, unit=100)
    assert grown.extend([0, 1], [1.0, 3.0])
    assert not grown.add(2, 2.0)
    assert grown.add(3, NAN)
    assert not grown.add(4, NAN)
    assert grown.add(5, 3.5)
    assert not grown.add(NAN, 7.0)


def test_a_known_end_leaves_room_for_what_is_to_come() -> None:
    grown = Buckets()
    grown.extend([0, 10], [1.0, 2.0])
    columns = grown.columns(10, upper=100)
    assert [column != EMPTY for column in columns] == [True, True] + [False] * 8
    assert grown.columns(10, lower=50, upper=100) == [EMPTY] * 10
    assert grown.columns(3, lower=5, upper=5) == [EMPTY] * 3


def test_a_nan_splits_the_line_and_a_missing_step_does_not() -> None:
    columns = buckets([0, 2, 4, 6, 8], [1.0, 2.0, NAN, INF, 3.0], 10, upper=10)
    assert segments(columns) == [[(0, 1.0), (2, 2.0)], [(8, 3.0)]]
    assert segments([EMPTY, Column(gap=True)]) == []


def test_a_column_draws_its_extremes_in_the_order_of_steps() -> None:
    columns = buckets([0, 1, 2, 3], [5.0, 1.0, 9.0, 2.0], 1, upper=4)
    assert segments(columns) == [[(1, 1.0), (2, 9.0)]]
    assert segments(buckets([0], [5.0], 1)) == [[(0, 5.0)]]


def test_a_useless_resolution_is_refused() -> None:
    with pytest.raises(ValueError, match="resolution"):
        Buckets(resolution=1)
    with pytest.raises(ValueError, match="unit"):
        Buckets(unit=0)


@pytest.mark.parametrize("y", [None, NAN, INF, -INF])
def test_what_cannot_be_drawn_is_a_gap(y: float | None) -> None:
    assert is_gap(y)
    assert not is_gap(0.0)


@given(st.lists(tame | st.none() | st.just(NAN)), st.floats(0, 0.999))
def test_smoothing_stays_within_the_values_and_keeps_gaps(
    ys: list[float | None], weight: float
) -> None:
    smoothed = smooth(ys, weight)
    assert [y is None for y in smoothed] == [is_gap(y) for y in ys]
    values = [y for y in ys if y is not None and not is_gap(y)]
    for y in smoothed:
        if y is not None:
            slack = 1e-6 * max(map(abs, values)) + 1e-300
            assert min(values) - slack <= y <= max(values) + slack


@given(st.lists(tame))
def test_no_smoothing_changes_nothing(ys: list[float]) -> None:
    assert smooth(ys, 0.0) == ys


def test_smoothing_is_tensorboards() -> None:
    """Figures of the debiased average worked out by hand: s = w*s + (1-w)*y, over 1 - w**n."""
    assert smooth([1.0, 2.0, None, 4.0], 0.5) == pytest.approx(
        [1.0, 2.5 / 1.5, None, 2.625 / 0.875]
    )
    assert smooth([3.0] * 50, 0.99) == pytest.approx([3.0] * 50)


@pytest.mark.parametrize("weight", [-0.1, 1.0, NAN])
def test_a_weight_that_would_hide_every_value_is_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        Smoother(weight)


@given(st.floats(1e-300, 1e300))
def test_nice_upper_is_not_below_and_at_most_a_third_above(x: float) -> None:
    assert x <= nice_upper(x) <= 1.34 * x
    assert nice_upper(nice_upper(x)) == nice_upper(x)


@given(st.floats())
def test_nice_upper_is_always_a_size(x: float) -> None:
    assert 0 < nice_upper(x) < INF


@given(finite, finite, st.integers(-2, 20))
def test_ticks_are_few_rising_and_inside(lo: float, hi: float, n: int) -> None:
    ticks = nice_ticks(lo, hi, n)
    assert len(ticks) <= max(0, n)
    assert all(min(lo, hi) <= tick <= max(lo, hi) for tick in ticks)
    assert all(a < b for a, b in pairwise(ticks))


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(4, 12))
def test_an_ordinary_range_has_enough_ticks(lo: float, span: float, n: int) -> None:
    assert len(nice_ticks(lo, lo + span, n)) >= max(2, n // 3)


@pytest.mark.parametrize(
    ("lo", "hi", "n", "ticks"),
    [
        (0, 1, 5, [0, 0.25, 0.5, 0.75, 1]),
        (0, 1, 6, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.0312, 2.34, 6, [0.5, 1, 1.5, 2]),
        (0.3, 0.1, 3, [0.1, 0.2, 0.3]),
        (5, 5, 4, [5]),
        (0, INF, 4, []),
        (NAN, 1, 4, []),
    ],
)
def test_ticks_are_round_numbers(lo: float, hi: float, n: int, ticks: list[float]) -> None:
    assert nice_ticks(lo, hi, n) == ticks


@given(st.floats(), st.floats())
def test_a_nice_range_holds_its_values_and_has_a_size(lo: float, hi: float) -> None:
    below, above = nice_range(lo, hi)
    assert below < above
    if math.isfinite(lo) and math.isfinite(hi):
        assert below <= min(lo, hi)
        assert max(lo, hi) <= above


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.03123, "0.0312"),
        (1.2e-5, "1.2e-05"),
        (2.3456, "2.35"),
        (9.999, "10"),
        (99.97, "100"),
        (1234.4, "1234"),
        (-0.5, "-0.5"),
        (0, "0"),
        (-0.0, "0"),
        (1e9, "1e+09"),
        (NAN, "nan"),
        (-INF, "-inf"),
        (None, "?"),
    ],
)
def test_values_are_short(value: float | None, text: str) -> None:
    assert format_value(value) == text


@given(st.floats(-1e308, 1e308) | st.sampled_from([NAN, INF, -INF]))
def test_a_value_is_short_and_near_the_truth(value: float) -> None:
    text = format_value(value)
    assert len(text) <= 9
    if math.isfinite(value):
        assert float(text) == pytest.approx(value, rel=0.06, abs=1e-300)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1536, "1.5 KiB"),
        (1023.97 * 1024, "1.0 MiB"),
        (18.3 * 2**30, "18.3 GiB"),
        (300 * 2**30, "300 GiB"),
        (None, "?"),
        (NAN, "?"),
    ],
)
def test_bytes_are_in_powers_of_1024(size: float | None, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-0.2, "0s"),
        (45, "45s"),
        (59.6, "1m00s"),
        (192, "3m12s"),
        (7500, "2h05m"),
        (86_399.7, "1d00h"),
        (3 * 86_400 + 4 * 3600, "3d04h"),
        (-70, "-1m10s"),
        (None, "?"),
        (INF, "?"),
    ],
)
def test_durations_name_two_units(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (950, "950"),
        (999.6, "1k"),
        (1234, "1.23k"),
        (45_600_000, "45.6M"),
        (999_999, "1M"),
        (-2000, "-2k"),
        (None, "?"),
        (NAN, "?"),
    ],
)
def test_counts_are_in_powers_of_1000(number: float | None, text: str) -> None:
    assert format_count(number) == text
