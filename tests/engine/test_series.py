import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.series import (
    format_bytes,
    format_count,
    format_duration,
    format_value,
    is_gap,
    log_range,
    log_ticks,
    nice_range,
    nice_ticks,
    nice_upper,
)

NAN, INF = math.nan, math.inf

anything = st.none() | st.floats()
finite = st.floats(allow_nan=False, allow_infinity=False)
tame = st.floats(-1e100, 1e100)


@pytest.mark.parametrize("y", [None, NAN, INF, -INF])
def test_what_cannot_be_drawn_is_a_gap(y: float | None) -> None:
    assert is_gap(y)
    assert not is_gap(0.0)


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


@given(st.floats(1e-12, 1e12), st.floats(1.0001, 1e9), st.integers(2, 8))
def test_logarithmic_ticks_are_few_rising_and_inside(lo: float, times: float, n: int) -> None:
    hi = lo * times
    ticks = log_ticks(lo, hi, n)
    assert len(ticks) <= n
    assert all(lo <= tick <= hi for tick in ticks)
    assert all(a < b for a, b in pairwise(ticks))
    below, above = log_range(lo, hi)
    assert 0 < below <= lo <= hi <= above
    assert below > lo / 2.1
    assert above < hi * 2.1


def test_logarithmic_ticks_are_powers_of_ten_where_there_is_room_for_no_more() -> None:
    assert log_ticks(0.01, 100, 5) == [0.01, 0.1, 1.0, 10.0, 100.0]
    assert log_ticks(0.5, 5, 4) == [0.5, 1.0, 2.0, 5.0]
    assert log_ticks(0, 5, 4) == []
    assert log_range(0.031, 2.2) == (0.03, 3.0)


@given(st.floats(), st.floats())
def test_a_nice_range_holds_its_values_and_has_a_size(lo: float, hi: float) -> None:
    below, above = nice_range(lo, hi)
    assert below < above
    if math.isfinite(lo) and math.isfinite(hi):
        assert below <= min(lo, hi)
        assert max(lo, hi) <= above


def test_rounding_is_no_range() -> None:
    below, above = nice_range(1.1, 1.1 + 1e-15)
    assert above - below > 0.5


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
