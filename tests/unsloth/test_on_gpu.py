"""What unsloth trains on a GPU only: QLoRA, dpo and grpo, through the real worker."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.curves import read_curves
from engine.job import Job
from engine.status import JobState
from tests.train.runs import Home, until_state

pytestmark = pytest.mark.gpu

DEMO = Path(__file__).parents[2] / "engine" / "demo"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


def _rows(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def _spec(data: str, **fields: Any) -> dict[str, Any]:
    return {
        "backend": "unsloth",
        "model": {"name": str(DEMO / "base")},
        "adapter": {"type": "lora", "r": 8, "lora_dropout": 0.0},
        "data": {"train": data},
        "training": {"max_steps": 30, "per_device_train_batch_size": 8, "learning_rate": 5e-3},
        "compute": {"gpus": 1},
        **fields,
    }


def _measured(job: Job, name: str) -> list[float]:
    until_state(job, JobState.COMPLETED)
    assert "no GPU found" not in job.log_file.read_text()
    found = read_curves(job.metrics_file).points("train", name)[1]
    return [float(value) for value in found if value is not None]


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="no bitsandbytes here")
def test_qlora_learns(home: Home) -> None:
    model = {"name": str(DEMO / "base"), "quantization": "4bit"}
    losses = _measured(home.submit(_spec(str(DEMO / "data" / "train.jsonl"), model=model)), "loss")
    assert losses[-1] < 0.8 * losses[0]


def test_dpo_tells_the_chosen_answer_from_the_rejected_one(home: Home) -> None:
    rows = [
        {"prompt": f"number {i}", "chosen": "yes, thank you", "rejected": "no, go away"}
        for i in range(160)
    ]
    job = home.submit(_spec(_rows(home.store.home / "pairs.jsonl", rows), method="dpo"))
    margins = _measured(job, "rewards/margins")
    assert margins[-1] > margins[0] + 0.5


def test_grpo_earns_more_reward(home: Home) -> None:
    rows = [{"question": f"say a number below {i}", "answer": "1"} for i in range(2, 162)]
    training = {
        "max_steps": 20,
        "per_device_train_batch_size": 8,
        "num_generations": 8,
        "max_completion_length": 24,
        "learning_rate": 1e-2,
    }
    rewards = [{"type": "length", "target": 4, "slack": 20}]
    data = _rows(home.store.home / "questions.jsonl", rows)
    job = home.submit(_spec(data, method="grpo", training=training, rewards=rewards))
    earned = _measured(job, "reward")
    assert sum(earned[-5:]) > sum(earned[:5])
