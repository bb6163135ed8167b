"""What only a CUDA GPU shows: memory given back by a pause, bfloat16, telemetry (`make gpu-check`)."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.curves import read_curves
from engine.files import LineReader
from engine.gpu import Telemetry
from engine.status import JobState
from tests.train import tiny
from tests.train.runs import Home, until, until_state, until_step

pytestmark = pytest.mark.gpu


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


@pytest.fixture
def spec(tmp_path: Path) -> dict[str, Any]:
    """A job large enough to hold a visible amount of GPU memory."""
    model = tiny.write_model(tmp_path / "model", hidden_size=1024, layers=8)
    return {
        "name": "cuda",
        "model": {"name": str(model), "initialize": "random"},
        "adapter": {"type": "none"},
        "data": {"train": str(tiny.write_chats(tmp_path / "data.jsonl", 400)), "eval": 0.1},
        "training": {"per_device_train_batch_size": 8, "num_train_epochs": 3},
        "compute": {"gpus": 1},
    }


def _used_bytes() -> int:
    with Telemetry() as telemetry:
        used = telemetry.read().gpus[0].memory_used_bytes
    assert used is not None
    return used


def test_pause_frees_the_gpu_and_resume_goes_on(home: Home, spec: dict[str, Any]) -> None:
    before = _used_bytes()
    job = home.submit(spec)
    until_step(job, 10)
    during = _used_bytes()
    assert during > before + 500 * 1024**2
    asked = time.monotonic()
    home.call("pause", job.id, "--wait")
    freed = until(job, lambda status: status.gpu_released is not None, "the memory's return")
    print(f"pause to memory freed: {time.monotonic() - asked:.1f} s")
    assert freed.gpu_released is True
    assert _used_bytes() < before + 100 * 1024**2
    home.call("resume", job.id)
    done = until_state(job, JobState.COMPLETED)
    assert done.exact is False
    assert done.exact_reason
    losses = read_curves(job.metrics_file).points("train", "loss")[1]
    assert losses[0] is not None
    assert losses[-1] is not None
    assert losses[-1] < losses[0]
    measured = [line["gpus"] for line in LineReader(job.memory_file).objects()]
    assert any(gpus and gpus[0]["memory_used_bytes"] > before for gpus in measured)


def test_lora_trains_in_bfloat16_and_exports(home: Home, spec: dict[str, Any]) -> None:
    spec["adapter"] = {"type": "lora", "r": 8}
    spec["training"]["max_steps"] = 10
    job = home.submit(spec)
    until_state(job, JobState.COMPLETED)
    home.call("export", job.id, "--to", "adapter,merged")
