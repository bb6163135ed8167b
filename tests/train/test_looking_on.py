"""Who looks on while a real worker trains: prompts at each evaluation, early stopping, trackers that fail."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import answers, checkpoints
from engine.curves import read_curves
from engine.files import LineReader
from engine.job import Job
from engine.status import JobState
from tests.train import tiny
from tests.train.runs import Home, comparable, until_state, until_step, weights_hash

EVERY, PATIENCE, LAST = 4, 5, 24
"""An evaluation each 4 steps; the first counts as a gain, and the fifth after it ends the run at step 24."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


def _spec(folder: Path, **more: Any) -> dict[str, Any]:
    """A tiny job whose evaluations never gain enough."""
    return {
        "name": "watched",
        "model": {"name": str(tiny.write_model(folder / "model")), "initialize": "random"},
        "adapter": {"type": "lora", "r": 4},
        "data": {
            "train": str(tiny.write_chats(folder / "data.jsonl", 60)),
            "eval": str(tiny.write_chats(folder / "eval.jsonl", 6, seed=9)),
        },
        "training": {
            "per_device_train_batch_size": 2,
            "num_train_epochs": 4,
            "learning_rate": 5e-3,
            "eval_steps": EVERY,
            "save_steps": 7,
            **more.pop("training", {}),
        },
        "early_stopping": {"patience": PATIENCE, "threshold": 100.0},
        "compute": {"gpus": 0, "threads": 1},
        **more,
    }


WATCHED: dict[str, Any] = {
    "samples": {"prompts": ["red cat", "two [b]dogs[/b]"], "max_new_tokens": 6},
    "training": {"report_to": ["clearml", "nonsense"]},
}


def _early_stops(job: Job) -> list[dict[str, Any]]:
    return [one for one in LineReader(job.events_file).objects() if one["kind"] == "early_stop"]


@pytest.mark.exact
def test_a_paused_run_stops_early_where_it_should_and_keeps_every_answer_by_step(
    home: Home, tmp_path: Path
) -> None:
    job = home.submit(_spec(tmp_path, **WATCHED))
    until_step(job, EVERY + 1)
    home.call("pause", job.id, "--wait")
    until_state(job, JobState.PAUSED)
    home.call("resume", job.id)
    done = until_state(job, JobState.COMPLETED)

    assert done.step == LAST
    assert done.attempt == 2
    expected = (
        f"stopped early at step {LAST} of 120: eval_loss has not gained more than 100 in the last 5"
    )
    assert (done.reason or "").startswith(expected)
    assert [one["step"] for one in _early_stops(job)] == [LAST]
    last = checkpoints.committed(job.checkpoints)[-1]
    assert (last.step, last.is_last) == (LAST, True)
    assert last.judged == ("eval_loss", last.eval_loss, False)

    asked = answers.asked(answers.read(job.samples_file))
    assert [one.step for one in asked] == list(range(0, LAST + 1, EVERY))
    assert all(
        [prompt for prompt, _ in one.answers] == ["red cat", "two [b]dogs[/b]"] for one in asked
    )
    assert [one.eval_loss is None for one in asked] == [True] + [False] * 6
    warned = [
        one["message"] for one in LineReader(job.events_file).objects() if one["kind"] == "warning"
    ]
    for tracker in ("clearml", "nonsense"):
        assert any(said.startswith(f"{tracker} gets no reports") for said in warned), warned


@pytest.mark.exact
def test_prompts_and_trackers_change_nothing_that_is_learned(home: Home, tmp_path: Path) -> None:
    alone = home.submit(_spec(tmp_path))
    watched = home.submit(_spec(tmp_path, **WATCHED))
    for job in (alone, watched):
        until_state(job, JobState.COMPLETED)
    assert weights_hash(alone) == weights_hash(watched)
    first, second = (comparable(read_curves(job.metrics_file)) for job in (alone, watched))
    assert first == second
