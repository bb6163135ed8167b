"""What each method exists for, on the bundled base model through the real worker.

DPO prefers the chosen answer, OSFT keeps an old task. SFT is in `test_worker`, GRPO in `test_grpo`.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.curves import Curves, read_curves
from engine.job import Job
from engine.status import JobState
from tests.train.runs import Home, comparable, until_state, until_step, weights_hash

DEMO = Path(__file__).parents[2] / "engine/demo"
PAIRS = 56


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


def _write(path: Path, rows: Sequence[Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def _pairs(path: Path) -> str:
    """The demo's questions; its JSON answer is better than the same words as a list."""
    lines = (DEMO / "data/train.jsonl").read_text().splitlines()[:PAIRS]
    rows = []
    for asked, answer in (json.loads(line)["messages"] for line in lines):
        words = ", ".join(json.loads(answer["content"]).values())
        worse = {"role": "assistant", "content": words}
        rows.append({"prompt": [asked], "chosen": [answer], "rejected": [worse]})
    return _write(path, rows)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _ends(curves: Curves, key: str) -> tuple[float, float]:
    """Means of the first and of the last five steps."""
    values = [value for value in curves.points("train", key)[1] if value is not None]
    return _mean(values[:5]), _mean(values[-5:])


def test_dpo_learns_to_prefer_and_a_pause_in_each_epoch_changes_nothing(
    home: Home, tmp_path: Path
) -> None:
    spec = {
        "name": "dpo",
        "method": "dpo",
        "model": {"name": str(DEMO / "base")},
        "adapter": {"type": "lora", "r": 4},
        "data": {"train": _pairs(tmp_path / "pairs.jsonl")},
        "training": {
            "per_device_train_batch_size": 4,
            "num_train_epochs": 2,
            "learning_rate": 2e-3,
            "max_length": 128,
        },
        "compute": {"gpus": 0, "threads": 1},
    }
    job = home.submit(spec)
    done = until_state(job, JobState.COMPLETED)
    assert (done.exact, done.total_steps) == (True, 2 * PAIRS // 4)
    curves = read_curves(job.metrics_file)
    first, last = _ends(curves, "rewards/margins")
    assert last > first + 1.0
    assert _ends(curves, "rewards/accuracies")[1] > 0.9

    again = home.submit(spec)
    for step in (2, PAIRS // 4 + 2):
        until_step(again, step)
        home.call("pause", again.id, "--wait")
        assert again.observed().state is JobState.PAUSED
        home.call("resume", again.id)
    until_state(again, JobState.COMPLETED)
    assert weights_hash(again) == weights_hash(job)
    assert comparable(read_curves(again.metrics_file)) == comparable(curves)

    home.call("export", again.id, "--to", "adapter,merged")
    for kind in ("adapter", "merged"):
        report = json.loads((again.export_folder(kind) / "export.json").read_text())
        assert (report["state"], report["verified"]) == ("completed", True)


def _task(home: Home, name: str, model: str, **sections: Any) -> Job:
    """A finished job; its evaluations are of the demo's task, whatever it learns."""
    spec = {
        "name": name,
        "model": {"name": model},
        "compute": {"gpus": 0, "threads": 1},
        **sections,
        "data": {"train": sections["data"], "eval": str(DEMO / "data/eval.jsonl")},
        "training": {
            "per_device_train_batch_size": 16,
            "learning_rate": 1e-3,
            "eval_strategy": "epoch",
            "max_length": 128,
            **sections["training"],
        },
    }
    job = home.submit(spec)
    until_state(job, JobState.COMPLETED)
    return job


def _last(job: Job, kind: str, key: str) -> float:
    value = read_curves(job.metrics_file).points(kind, key)[1][-1]
    assert value is not None
    return value


def _priorities(path: Path) -> str:
    """The second task: the demo's messages with another question, answered by one word."""
    lines = (DEMO / "data/train.jsonl").read_text().splitlines()[:400]
    rows = []
    for asked, answer in (json.loads(line)["messages"] for line in lines):
        question = {"role": "user", "content": f"Priority? {asked['content']}"}
        word = json.loads(answer["content"])["priority"]
        rows.append({"messages": [question, {"role": "assistant", "content": word}]})
    return _write(path, rows)


@pytest.mark.exact
def test_osft_keeps_an_old_task_better_than_full_fine_tuning_with_the_same_settings(
    home: Home, tmp_path: Path
) -> None:
    first = _task(
        home,
        "first",
        str(DEMO / "base"),
        adapter={"type": "none"},
        data=str(DEMO / "data/train.jsonl"),
        training={"max_steps": 250},
    )
    assert _last(first, "eval", "eval_loss") < 0.2, "the first task was not learned"
    model = home.call("export", first.id, "--to", "merged").stdout.strip()
    second = {
        "data": _priorities(tmp_path / "second.jsonl"),
        "training": {"num_train_epochs": 3},
    }
    full = _task(home, "full", model, adapter={"type": "none"}, **second)
    osft = _task(home, "osft", model, method="osft", **second)
    for job in (full, osft):
        assert _last(job, "train", "loss") < 1.0, "the second task was not learned"
    forgotten = _last(full, "eval", "eval_loss")
    assert forgotten > 1.0, "full fine-tuning forgot nothing: the tasks say nothing"
    assert _last(osft, "eval", "eval_loss") < forgotten / 2
    exported = home.call("export", osft.id, "--to", "adapter,merged").stdout.split()
    assert exported == [str(osft.export_folder(kind)) for kind in ("adapter", "merged")]
