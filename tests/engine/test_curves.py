import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.curves import Curve, read_curves, sketch
from engine.machine import Readings
from engine.metrics import MetricsWriter
from engine.series import EMPTY, Column, Point, bounds, segments

NAN, INF = math.nan, math.inf


def made(ys: list[float], xs: list[float] | None = None) -> Curve:
    return Curve(np.array(range(len(ys)) if xs is None else xs, dtype=float), np.array(ys))


series = st.lists(st.tuples(st.integers(0, 100_000), st.floats()), max_size=200)


@given(series, st.integers(1, 300))
def test_columns_keep_the_extremes_and_invent_nothing(
    points: list[tuple[int, float]], width: int
) -> None:
    points = sorted(points, key=lambda point: point[0])
    columns = made([y for _, y in points], [float(x) for x, _ in points]).columns(width)
    assert len(columns) == width
    values = [y for _, y in points if math.isfinite(y)]
    assert bounds(columns) == ((min(values), max(values)) if values else None)
    real = {Point(float(x), y) for x, y in points}
    for column in columns:
        assert {point for point in (column.low, column.high) if point is not None} <= real


def test_a_spike_of_one_step_in_a_hundred_thousand_is_seen() -> None:
    columns = made([9.0 if x == 77_777 else 1.0 for x in range(100_000)]).columns(80)
    assert bounds(columns) == (1.0, 9.0)
    assert [i for i, column in enumerate(columns) if column.high and column.high.y == 9.0] == [62]


def test_columns_stay_where_they_are_while_steps_come_in() -> None:
    before = made([float(x) for x in range(810)]).columns(40)
    after = made([float(x) for x in range(990)]).columns(40)
    assert after[:32] == before[:32]
    assert before[39] == EMPTY != after[39]


def test_a_window_shows_its_own_points_alone() -> None:
    curve = made([float(x) for x in range(100)])
    columns = curve.columns(10, 50, 60)
    assert bounds(columns) == (50.0, 60.0)
    assert curve.columns(3, 500, 600) == [EMPTY] * 3
    assert curve.columns(3, 5, 5) == [EMPTY] * 3
    assert made([]).columns(2) == [EMPTY] * 2


def test_a_nan_splits_the_line_and_a_missing_step_does_not() -> None:
    columns = made([1.0, 2.0, NAN, INF, 3.0], [0, 2, 4, 6, 8]).columns(10, 0, 10)
    assert segments(columns) == [[(0, 1.0), (2, 2.0)], [(8, 3.0)]]
    assert segments([EMPTY, Column(gap=True)]) == []
    assert made([NAN, 1.0, NAN, NAN]).broken_since == 2
    assert made([NAN, NAN]).broken_since == 0
    assert made([NAN, 1.0]).broken_since is None


def test_a_column_draws_its_extremes_in_the_order_of_steps() -> None:
    assert segments(made([5.0, 1.0, 9.0, 2.0]).columns(1, 0, 4)) == [[(1, 1.0), (2, 9.0)]]
    assert segments(made([5.0]).columns(1)) == [[(0, 5.0)]]


def test_the_cursor_reads_the_nearest_measured_point() -> None:
    curve = made([1.0, NAN, 3.0], [10, 20, 30])
    assert curve.near(12) == (10, 1.0)
    assert curve.near(29) == (30, 3.0)
    assert curve.near(1e9) == (30, 3.0)
    read = curve.near(19)
    assert read is not None
    assert math.isnan(read.y)
    assert made([]).near(1) is None
    assert curve.extremes() == ((10, 1.0), (30, 3.0))
    assert made([NAN]).extremes() is None


def plain_means(values: list[float], share: int = 32) -> list[float]:
    """The smoothing as its words say it, value by value."""
    count = len(values)
    reach = (1 << count.bit_length() >> 1) // share
    means = []
    for at, value in enumerate(values):
        near = min(reach, at)
        known = [y for y in values[at - near : at + near + 1] if math.isfinite(y)]
        means.append(sum(known) / len(known) if math.isfinite(value) else NAN)
    return means


@given(st.lists(st.floats(-100, 100) | st.just(NAN), max_size=150), st.sampled_from([4, 32]))
def test_smoothing_is_the_mean_of_the_neighbours(values: list[float], share: int) -> None:
    smooth = made(values).smoothed(share).ys.tolist()
    assert smooth == pytest.approx(plain_means(values, share), nan_ok=True, abs=1e-9)


def test_smoothing_is_not_late() -> None:
    calm = made([*[5.0] * 100, *[1.0] * 100]).smoothed().ys
    assert abs(int(np.argmax(calm < 3.0)) - 100) <= 1


def test_a_live_curve_stays_where_it_is_until_its_length_doubles() -> None:
    values = [math.sin(n) for n in range(300)]
    before, after = made(values).smoothed().ys, made([*values, 9.0]).smoothed().ys
    assert before[:280].tolist() == pytest.approx(after[:280].tolist())


def test_a_long_curve_is_read_whole(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.jsonl", 1)
    for step in range(1, 10_001):
        writer.append("train", step, {"loss": 99.0 if step == 7777 else 1.0})
    writer.close()
    curve = read_curves(tmp_path / "metrics.jsonl").curve("train", "loss")
    assert (len(curve), curve.end, curve.near(7777)) == (10_000, 10_000, (7777, 99.0))


def reading(time: float, *gpus: float | None) -> dict[str, object]:
    devices = [
        {"index": n, "memory_used_bytes": used, "memory_total_bytes": 80.0}
        for n, used in enumerate(gpus)
    ]
    host = {"rss_bytes": 1, "host_used_bytes": 2, "host_total_bytes": 9}
    return {"time": time, **host, "gpus": devices}


def test_memory_leaves_pauses_out_and_never_adds_what_it_does_not_know() -> None:
    held = Readings()
    held.extend([reading(0), reading(10)])
    held.extend([reading(90_000), reading(90_005)])
    host = held.machine()
    assert host.gpus == []
    assert host.curve("host_used_bytes").xs.tolist() == [0.0, 10.0, 11.0, 16.0]
    assert host.last("host_total_bytes") == 9
    held = Readings()
    held.extend([reading(0, 30.0, 20.0), reading(1, None, 20.0)])
    gpus = held.machine()
    assert gpus.gpus == [0, 1]
    assert gpus.total("memory_used_bytes").ys.tolist() == [50.0]
    assert gpus.curve("gpu1.memory_used_bytes").ys.tolist() == [20.0, 20.0]
    assert gpus.last("gpu0.memory_total_bytes") == 80
    assert Readings().machine().last("rss_bytes") is None


def test_a_long_run_is_sketched_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    assert sketch(path) is None
    padding = "x" * 200
    with path.open("w") as file:
        for step in range(1, 60_001):
            file.write(f'{{"kind":"train","step":{step},"loss":{step / 10},"note":"{padding}"}}\n')
    drawn = sketch(path)
    assert drawn is not None
    curve = drawn.curve("train", "loss")
    assert curve.end == 60_000
    assert curve.xs[0] <= 2
    assert np.diff(curve.xs).max() < 1000
    assert len(curve) < 30_000
    assert curve.ys.tolist() == (curve.xs / 10).tolist()
    path.write_bytes(path.read_bytes()[:100_000])
    assert sketch(path) is None
