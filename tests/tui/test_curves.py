import math
from pathlib import Path

from engine.metrics import MetricsWriter, read_curves
from tui.curves import MOST_POINTS, loss_points, memory_points, smoothed


def test_smoothing_is_not_late_and_keeps_gaps() -> None:
    falls: list[float | None] = [*[5.0] * 100, *[1.0] * 100]
    calm = smoothed(falls)
    middle = next(at for at, value in enumerate(calm) if value is not None and value < 3.0)
    assert abs(middle - 100) <= 1
    assert smoothed([1.0, None, math.nan, 3.0]) == [1.0, None, None, 3.0]
    assert smoothed([]) == []
    noisy = smoothed([2.0 + (-1) ** n for n in range(1000)])
    assert all(value is not None and 1.8 < value < 2.2 for value in noisy[100:])


def test_a_live_curve_stays_where_it_is_until_its_length_doubles() -> None:
    values: list[float | None] = [math.sin(n) for n in range(300)]
    before, after = smoothed(values), smoothed([*values, 9.0])
    assert before[:280] == after[:280]


def test_a_long_curve_is_handed_over_as_its_extremes(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.jsonl", 1)
    for step in range(1, 10_001):
        writer.append("train", step, {"loss": 99.0 if step == 7777 else 1.0})
    writer.close()
    points = loss_points(read_curves(tmp_path / "metrics.jsonl"))
    assert len(points.train.xs) <= MOST_POINTS
    assert max(y for y in points.train.ys if y is not None) == 99.0
    assert points.last_step == 10_000


def test_memory_leaves_pauses_out_and_never_adds_what_it_does_not_know() -> None:
    def reading(time: float, *gpus: float | None) -> dict[str, object]:
        devices = [
            {"index": n, "memory_used_bytes": used, "memory_total_bytes": 80.0}
            for n, used in enumerate(gpus)
        ]
        return {"time": time, "rss_bytes": 1, "host_used_bytes": 2, "host_total_bytes": 9} | {
            "gpus": devices
        }

    host = memory_points([reading(0), reading(10), reading(90_000), reading(90_005)])
    assert host.device == "host"
    assert host.used.xs == (0.0, 10.0, 11.0, 16.0)
    assert host.capacity == 9
    gpu = memory_points([reading(0, 30.0), reading(1, None)])
    assert gpu.device == "GPU 0"
    assert gpu.used.ys == (30.0, None)
    assert gpu.capacity == 80
    assert memory_points([]).capacity is None
    assert memory_points([reading(0, 30.0, 20.0)]).used.ys == (50.0,)
