from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.curves import Curves, Measurements, MetricsReader, read_curves
from engine.metrics import MetricsWriter


def line(step: int, loss: float, attempt: int = 1, kind: str = "train", **more: Any) -> dict:
    return {"kind": kind, "step": step, "attempt": attempt, "time": 1.0, "loss": loss, **more}


def read(*lines: dict, at_once: bool = True) -> Curves:
    held = Measurements()
    for part in [lines] if at_once else [[one] for one in lines]:
        held.extend(part)
    return held.curves()


def curve(*lines: dict) -> tuple[list[int], list[float | None]]:
    points = read(*lines).points("train", "loss")
    assert points == read(*lines, at_once=False).points("train", "loss")
    return points


def test_steps_of_one_run_are_one_curve() -> None:
    assert curve(line(1, 0.9), line(2, 0.8)) == ([1, 2], [0.9, 0.8])


def test_what_lies_beyond_a_resume_is_taken_back() -> None:
    resumed = {"kind": "resume", "step": 1, "from_step": 1, "attempt": 2}
    lines = [line(1, 0.9), line(2, 0.8), line(3, 0.7), resumed, line(2, 0.5, 2)]
    assert curve(*lines) == ([1, 2], [0.9, 0.5])


def test_a_later_attempt_wins_also_without_a_resume_line() -> None:
    assert curve(line(1, 0.9), line(1, 0.5, 2), line(1, 0.9, 1)) == ([1], [0.5])


def test_steps_that_come_late_are_put_where_they_belong() -> None:
    assert curve(line(3, 0.3), line(1, 0.9), line(2, 0.5)) == ([1, 2, 3], [0.9, 0.5, 0.3])


def test_what_was_read_before_a_resume_is_not_changed_by_it() -> None:
    held = Measurements()
    held.extend([line(1, 0.9), line(2, 0.8), line(3, 0.7)])
    before = held.curves()
    held.extend([{"kind": "resume", "from_step": 1, "attempt": 2}, line(2, 0.5, 2)])
    assert before.points("train", "loss") == ([1, 2, 3], [0.9, 0.8, 0.7])
    assert held.curves().points("train", "loss") == ([1, 2], [0.9, 0.5])


def test_a_measurement_that_is_not_made_at_every_step_has_only_its_own_points() -> None:
    curves = read(line(1, 0.9), line(2, 0.8, rewards=0.1), line(3, 0.7, rewards=None))
    assert curves.points("train", "rewards") == ([2, 3], [0.1, None])
    assert curves.keys("train") == ["loss", "rewards"]


def test_a_curve_can_be_drawn_against_tokens_and_against_time_without_pauses() -> None:
    lines = [
        {**line(1, 0.9, num_tokens=100), "time": 10.0},
        {**line(2, 0.8, num_tokens=200), "time": 12.0},
        {**line(2, 0.7, kind="eval"), "time": 900.0},
        {"kind": "resume", "from_step": 2, "attempt": 2},
        {**line(3, 0.6, attempt=2, num_tokens=300), "time": 5000.0},
        {**line(4, 0.5, attempt=2, num_tokens=400), "time": 5003.0},
    ]
    curves = read(*lines)
    assert curves.curve("train", "loss", "tokens").xs.tolist() == [100, 200, 300, 400]
    assert curves.curve("train", "loss", "time").xs.tolist() == [0, 2, 2, 5]
    assert curves.curve("eval", "loss", "tokens").xs.tolist() == [200]
    assert curves.curve("eval", "loss", "time").xs.tolist() == [2]
    assert len(read(line(1, 0.9)).curve("train", "loss", "tokens")) == 0


def test_keys_of_one_step_may_come_in_several_lines() -> None:
    curves = read(line(1, 0.9), {"kind": "train", "step": 1, "attempt": 1, "grad_norm": 2.0})
    assert curves.points("train", "grad_norm") == ([1], [2.0])
    assert curves.keys("train") == ["loss", "grad_norm"]
    assert curves.last("train") == (1, {"loss": 0.9, "grad_norm": 2.0, "time": 1.0})


def test_nan_becomes_null_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    writer = MetricsWriter(path, attempt=1)
    writer.append("train", 1, {"loss": float("nan")})
    writer.close()
    assert b'"not_finite":["loss"]' in path.read_bytes()
    assert read_curves(path).points("train", "loss") == ([1], [None])


def test_a_reader_reads_only_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    writer, reader = MetricsWriter(path, attempt=1), MetricsReader(path)
    assert not reader.update()
    writer.append("train", 1, {"loss": 0.5})
    assert reader.update()
    assert not reader.update()
    writer.append("eval", 1, {"eval_loss": 0.4})
    assert reader.update()
    assert reader.curves.last("eval") is not None
    path.unlink()
    MetricsWriter(path, attempt=1).append("train", 7, {"loss": 0.1})
    reader.update()
    assert reader.curves.points("train", "loss") == ([7], [0.1])


def test_lines_that_are_no_measurement_are_passed_over() -> None:
    odd: tuple[dict, ...] = (
        {},
        {"kind": "train"},
        {"kind": 3, "step": 1},
        {"kind": "resume", "step": 1},
    )
    assert curve(*odd) == ([], [])


@given(st.lists(st.integers(min_value=1, max_value=6), min_size=1, max_size=6))
def test_however_often_it_is_killed_and_resumed_no_step_is_there_twice(lengths: list[int]) -> None:
    """Each attempt goes on from a checkpoint at or below where the one before was killed."""
    lines: list[dict] = []
    reached = 0
    for attempt, length in enumerate(lengths, start=1):
        begin = max(0, reached - attempt % 3)
        if attempt > 1:
            lines.append({"kind": "resume", "step": begin, "from_step": begin, "attempt": attempt})
        reached = begin + length
        lines += [line(step, float(attempt), attempt) for step in range(begin + 1, reached + 1)]
    assert curve(*lines)[0] == list(range(1, reached + 1))
