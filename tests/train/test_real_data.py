"""Data that nobody here wrote, fine-tuned on the bundled base model: it is read, and the loss falls."""

import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine.demo
from engine.curves import read_curves
from engine.status import JobState
from tests.train.runs import Home, until_state

DATA = Path(os.environ.get("TUNEDECK_TEST_DATA", "")).absolute()
BASE = Path(engine.demo.__file__).parent / "base"
STEPS = 25

needs_data = pytest.mark.skipif(
    not os.environ.get("TUNEDECK_TEST_DATA"), reason="TUNEDECK_TEST_DATA names no folder"
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


@needs_data
@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("gsm8k_train_2000.jsonl", {"prompt": "question", "completion": "answer"}),
        ("alpaca_en_demo.json", {}),
    ],
    ids=["gsm8k", "alpaca"],
)
def test_the_loss_falls_on_real_data(
    home: Home, file: str, columns: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    spec: dict[str, Any] = {
        "name": file.partition(".")[0],
        "model": {"name": str(BASE)},
        "data": {"train": str(DATA / file), "eval": 0.02, "columns": columns},
        "training": {
            "max_steps": STEPS,
            "per_device_train_batch_size": 4,
            "learning_rate": "5e-3",
            "max_length": 256,
            "warmup_steps": 4,
        },
        "compute": {"gpus": 0},
    }
    job = home.submit(spec)
    status = until_state(job, JobState.COMPLETED)
    _, losses = read_curves(job.metrics_file).points("train", "loss")
    _, speeds = read_curves(job.metrics_file).points("train", "tokens_per_second")
    begin = statistics.mean(loss for loss in losses[:5] if loss is not None)
    end = statistics.mean(loss for loss in losses[-5:] if loss is not None)
    speed = statistics.median(value for value in speeds if value is not None)
    with capsys.disabled():
        print(f"\n{file}: loss {begin:.2f} -> {end:.2f} in {STEPS} steps, {speed:.0f} tokens/s")
    assert status.step == STEPS
    assert end < begin - 0.2
