from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.metrics import Curves, MetricsReader, MetricsWriter, read_curves


def line(step: int, loss: float, attempt: int = 1, kind: str = "train", **more: Any) -> dict:
    return {"kind": kind, "step": step, "attempt": attempt, "time": 1.0, "loss": loss, **more}


def curve(*lines: dict) -> tuple[list[int], list[float | None]]:
    curves = Curves()
    for one in lines:
        curves.add(one)
    return curves.points("train", "loss")


def test_steps_of_one_run_are_one_curve() -> None:
    assert curve(line(1, 0.9), line(2, 0.8)) == ([1, 2], [0.9, 0.8])


def test_what_lies_beyond_a_resume_is_taken_back() -> None:
    resumed = {"kind": "resume", "step": 1, "from_step": 1, "attempt": 2}
    lines = [line(1, 0.9), line(2, 0.8), line(3, 0.7), resumed, line(2, 0.5, 2)]
    assert curve(*lines) == ([1, 2], [0.9, 0.5])


def test_a_later_attempt_wins_also_without_a_resume_line() -> None:
    assert curve(line(1, 0.9), line(1, 0.5, 2), line(1, 0.9, 1)) == ([1], [0.5])


def test_keys_of_one_step_may_come_in_several_lines() -> None:
    curves = Curves()
    curves.add(line(1, 0.9))
    curves.add({"kind": "train", "step": 1, "attempt": 1, "grad_norm": 2.0})
    assert curves.points("train", "grad_norm") == ([1], [2.0])
    assert curves.keys("train") == ["loss", "grad_norm"]
    assert curves.last("train") == (1, {"loss": 0.9, "grad_norm": 2.0, "time": None})


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
    assert reader.curves.revision == 1


def test_lines_that_are_no_measurement_are_passed_over() -> None:
    curves = Curves()
    for odd in ({}, {"kind": "train"}, {"kind": 3, "step": 1}, {"kind": "resume", "step": 1}):
        curves.add(odd)
    assert curves.points("train", "loss") == ([], [])


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
