"""Data that nobody here wrote, fine-tuned on the bundled base model: it is read, and learned from."""

import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Case:
    """A file, and the method that learns from it; no column is named."""

    file: str
    method: str = "sft"
    training: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("gsm8k_train_2000.jsonl"),
    Case("alpaca_en_demo.json"),
    Case("c4_demo.jsonl", "pretrain"),
    Case("tinyshakespeare.txt", "pretrain"),
    Case("dpo_en_demo.json", "dpo", {"learning_rate": "3e-4"}),
)


@needs_data
@pytest.mark.exact
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=f"{case.file.partition('.')[0]}-{case.method}",
        )
        for case in CASES
    ],
)
def test_real_data_is_learned_from_without_a_column_being_named(
    home: Home, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    spec: dict[str, Any] = {
        "name": case.file.partition(".")[0],
        "method": case.method,
        "model": {"name": str(BASE)},
        "data": {"train": str(DATA / case.file), "eval": 0.02},
        "training": {
            "max_steps": STEPS,
            "per_device_train_batch_size": 4,
            "learning_rate": "5e-3" if case.method == "sft" else "1e-3",
            "max_length": 256,
            "warmup_steps": 4,
            **case.training,
        },
        "compute": {"gpus": 0},
    }
    job = home.submit(spec)
    status = until_state(job, JobState.COMPLETED)
    measure = "rewards/margins" if case.method == "dpo" else "loss"
    _, values = read_curves(job.metrics_file).points("train", measure)
    _, speeds = read_curves(job.metrics_file).points("train", "tokens_per_second")
    begin = statistics.mean(value for value in values[:5] if value is not None)
    end = statistics.mean(value for value in values[-10:] if value is not None)
    speed = statistics.median([value for value in speeds if value is not None] or [0.0])
    with capsys.disabled():
        print(
            f"\n{case.file}, {case.method}: {measure} {begin:.2f} -> {end:.2f} in {STEPS} steps, "
            f"{speed:.0f} tokens/s"
        )
    assert status.step == STEPS
    assert end > begin + 0.05 if case.method == "dpo" else end < begin - 0.2
