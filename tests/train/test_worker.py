"""What the real worker does when it is stopped, when its data or a checkpoint is damaged, when it fails."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine import checkpoints
from engine.curves import read_curves
from engine.files import LineReader
from engine.job import Job
from engine.status import JobState
from tests.train import tiny
from tests.train.runs import Home, until_state, until_step

ROWS = 90


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A tiny SFT job with LoRA."""
    folder = tmp_path_factory.mktemp("material")
    return {
        "name": "tiny",
        "model": {"name": str(tiny.write_model(folder / "model")), "initialize": "random"},
        "adapter": {"type": "lora", "r": 4},
        "data": {"train": str(tiny.write_chats(folder / "data.jsonl", ROWS))},
        "training": {
            "per_device_train_batch_size": 2,
            "num_train_epochs": 2,
            "learning_rate": 5e-3,
            "save_steps": 3,
        },
        "compute": {"gpus": 0, "threads": 1},
    }


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


def _with(spec: dict[str, Any], **sections: dict[str, Any]) -> dict[str, Any]:
    return {**spec, **{name: {**spec[name], **fields} for name, fields in sections.items()}}


def _events(job: Job, kind: str) -> list[dict[str, Any]]:
    return [event for event in LineReader(job.events_file).objects() if event["kind"] == kind]


def _run_worker(job: Job) -> int:
    """A worker without a supervisor; it takes the lock itself."""
    return subprocess.run(
        [sys.executable, "-m", "engine.train", str(job.folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        check=False,
    ).returncode


def test_a_stopped_job_survives_changed_data_and_a_damaged_checkpoint(
    spec: dict[str, Any], home: Home, tmp_path: Path
) -> None:
    data = tmp_path / "data.jsonl"
    data.write_bytes(Path(spec["data"]["train"]).read_bytes())
    job = home.submit(_with(spec, data={"train": str(data)}))
    until_step(job, 7)
    os.kill(job.stored().pid or 0, signal.SIGTERM)
    paused = until_state(job, JobState.PAUSED)
    assert (paused.reason, paused.step) == ("signal", paused.checkpoint_step)

    original = data.read_bytes()
    data.write_bytes(original + original.splitlines(keepends=True)[0])
    refused = home.call("resume", job.id, check=4)
    assert "data changed" in refused.stderr
    assert job.observed().state is JobState.PAUSED

    assert _run_worker(job) == 75
    again = job.observed()
    assert (again.state, again.reason) == (JobState.PAUSED, "data")
    assert again.error is not None
    assert "changed" in again.error.message
    data.write_bytes(original)

    newest, *older = reversed(checkpoints.committed(job.checkpoints))
    weights = newest.folder / "optimizer.pt"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 0xFF
    weights.write_bytes(content)
    home.call("resume", job.id)
    done = until_state(job, JobState.COMPLETED)
    lost = newest.step - older[0].step
    assert done.warnings[-1] == (
        f"checkpoint-{newest.step} is damaged (optimizer.pt has other content): went back to "
        f"{older[0].step}, {lost} steps lost"
    )
    assert list(job.checkpoints.glob(f"rejected-{newest.step}-*"))
    assert _events(job, "resume")[-1]["from_step"] == older[0].step
    steps, _ = read_curves(job.metrics_file).points("train", "loss")
    assert steps == list(range(1, (done.total_steps or 0) + 1))

    _assert_exports_load(home, job)


def _assert_exports_load(home: Home, job: Job) -> None:
    """The adapter by plain PEFT, the merged model by plain transformers: the same logits."""
    printed = home.call("export", job.id, "--to", "adapter,merged").stdout.split()
    assert printed == [str(job.export_folder("adapter")), str(job.export_folder("merged"))]
    home.call("export", job.id, "--to", "adapter,merged")
    for kind in ("adapter", "merged"):
        report = json.loads((job.export_folder(kind) / "export.json").read_text())
        assert (report["state"], report["verified"]) == ("completed", True)
        assert not list(job.export_folder(kind).glob("*.pt"))
    script = f"""
import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed
adapter, merged = {str(job.export_folder("adapter"))!r}, {str(job.export_folder("merged"))!r}
model = {yaml.safe_load(job.spec_file.read_text())["model"]["name"]!r}
set_seed(42)
base = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(model)).float()
ids = torch.tensor([AutoTokenizer.from_pretrained(adapter)("red cat runs").input_ids])
plain = base.eval()(ids).logits
tuned = PeftModel.from_pretrained(base, adapter).eval()(ids).logits
whole = AutoModelForCausalLM.from_pretrained(merged).float().eval()(ids).logits
assert (tuned - plain).abs().max() > 1e-3, "the adapter changes nothing"
assert torch.allclose(tuned, whole, atol=1e-4), (tuned - whole).abs().max()
"""
    subprocess.run([sys.executable, "-c", script], check=True, stdin=subprocess.DEVNULL)


def test_a_run_that_would_learn_nothing_is_refused_in_words(
    spec: dict[str, Any], home: Home
) -> None:
    job = home.submit(_with(spec, training={"max_length": 2}))
    failed = until_failed(job)
    assert failed.error is not None
    assert "every label is masked" in failed.error.message
    assert "training.max_length (2)" in failed.error.hint
    assert failed.step == 0


def test_a_failure_inside_the_libraries_leaves_its_traceback_in_the_log(
    spec: dict[str, Any], home: Home
) -> None:
    wrong = {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"no_such": 1}}
    job = home.submit(_with(spec, training=wrong))
    failed = until_failed(job)
    assert failed.error is not None
    assert "no_such" in failed.error.message
    assert job.id in failed.error.hint
    assert "Traceback (most recent call last)" in job.log_file.read_text()


def until_failed(job: Job) -> Any:
    """Wait for a failure."""
    with pytest.raises(AssertionError, match="failed"):
        until_state(job, JobState.COMPLETED)
    return job.observed()


@pytest.mark.exact
def test_a_job_killed_after_its_last_save_trains_no_step_more(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    home = Home(tmp_path / "home", {"TUNEDECK_FAULT": "train-end:7:1"})
    try:
        job = home.submit(_with(spec, training={"max_steps": 7}))
        until_state(job, JobState.INTERRUPTED)
        assert checkpoints.committed(job.checkpoints)[-1].step == 7
        home.call("resume", job.id)
        done = until_state(job, JobState.COMPLETED)
        assert (done.step, done.total_steps) == (7, 7)
        assert read_curves(job.metrics_file).last("train")[0] == 7  # type: ignore[index]
    finally:
        home.close()
