"""Real jobs on unsloth through the real worker, beside the same jobs on TRL."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from engine.curves import read_curves
from engine.job import Job
from engine.status import JobState
from tests.train.runs import Home, comparable, until_state, until_step, weights_hash

DEMO = Path(__file__).parents[2] / "engine" / "demo"
STEPS = 24
TOLERANCE = 1e-4
"""Largest difference of a loss between the backends: unsloth's own loss sums in another order."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


def _spec(backend: str, adapter: dict[str, Any], **training: Any) -> dict[str, Any]:
    """The demo's fine-tune, short."""
    return {
        "name": backend,
        "backend": backend,
        "model": {"name": str(DEMO / "base")},
        "adapter": adapter,
        "data": {
            "train": str(DEMO / "data" / "train.jsonl"),
            "eval": str(DEMO / "data" / "eval.jsonl"),
        },
        "training": {
            "max_steps": STEPS,
            "per_device_train_batch_size": 8,
            "learning_rate": 5e-3,
            "lr_scheduler_type": "constant",
            "eval_steps": STEPS // 2,
            **training,
        },
        "compute": {"gpus": 0, "threads": 1},
    }


LORA = {"type": "lora", "r": 8, "lora_dropout": 0.0}


def _losses(job: Job, kind: str = "train", name: str = "loss") -> list[float]:
    found = read_curves(job.metrics_file).points(kind, name)[1]
    assert None not in found
    return [float(value) for value in found if value is not None]


@pytest.mark.parametrize(
    ("adapter", "training"),
    [
        (LORA, {}),
        (LORA, {"loss_type": "nll"}),  # unsloth's own loss; with TRL's chunked one it steps aside
        ({"type": "none"}, {"learning_rate": 5e-4, "loss_type": "nll"}),
    ],
    ids=["lora", "lora, unsloth's loss", "full, unsloth's loss"],
)
def test_the_same_spec_learns_the_same_on_either_backend(
    home: Home, adapter: dict[str, Any], training: dict[str, Any]
) -> None:
    jobs = {}
    for backend in ("trl", "unsloth"):
        jobs[backend] = home.submit(_spec(backend, adapter, **training))
        until_state(jobs[backend], JobState.COMPLETED)
    assert "Unsloth" in jobs["unsloth"].log_file.read_text()
    assert "Unsloth" not in jobs["trl"].log_file.read_text()
    for kind, name in (("train", "loss"), ("eval", "eval_loss")):
        ours, theirs = (_losses(jobs[backend], kind, name) for backend in ("trl", "unsloth"))
        assert len(ours) == len(theirs) > 0
        apart = [abs(a - b) for a, b in zip(ours, theirs, strict=True)]
        print(f"{name}: trl {ours[-1]:.6f}, unsloth {theirs[-1]:.6f}, largest {max(apart):.2e}")
        assert max(apart) < TOLERANCE
    for backend, job in jobs.items():
        print(f"{backend}: {median(_losses(job, name='tokens_per_second')):.0f} tokens/s")
    first, *_, last = _losses(jobs["unsloth"])
    assert last < 0.8 * first
    measured = read_curves(jobs["unsloth"].metrics_file).tables["train"]
    assert ("entropy" in measured) == ("loss_type" not in training)


def test_a_paused_run_ends_with_the_weights_of_an_undisturbed_one(home: Home) -> None:
    spec = _spec("unsloth", {**LORA, "lora_dropout": 0.1}, loss_type="nll")
    undisturbed = home.submit(spec)
    until_state(undisturbed, JobState.COMPLETED)
    job = home.submit(spec)
    until_step(job, STEPS // 3)
    home.call("pause", job.id, "--wait")
    paused = job.observed()
    assert paused.state is JobState.PAUSED
    assert paused.step < STEPS
    home.call("resume", job.id)
    done = until_state(job, JobState.COMPLETED)
    assert done.attempt == 2
    assert done.exact
    assert weights_hash(job) == weights_hash(undisturbed)
    assert comparable(read_curves(job.metrics_file)) == comparable(
        read_curves(undisturbed.metrics_file)
    )
    _assert_its_exports_are_loaded_without_unsloth(home, job)
    _assert_another_job_goes_on_with_its_adapter(home, job)


def _assert_its_exports_are_loaded_without_unsloth(home: Home, job: Job) -> None:
    home.call("export", job.id, "--to", "adapter,merged")
    for kind in ("adapter", "merged"):
        report = json.loads((job.export_folder(kind) / "export.json").read_text())
        assert (report["state"], report["verified"]) == ("completed", True)
    script = f"""
import sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
adapter, merged = {str(job.export_folder("adapter"))!r}, {str(job.export_folder("merged"))!r}
base = AutoModelForCausalLM.from_pretrained({str(DEMO / "base")!r}).float().eval()
ids = torch.tensor([AutoTokenizer.from_pretrained(adapter)("my parcel never came").input_ids])
plain = base(ids).logits
tuned = PeftModel.from_pretrained(base, adapter).eval()(ids).logits
whole = AutoModelForCausalLM.from_pretrained(merged).float().eval()(ids).logits
assert (tuned - plain).abs().max() > 1e-2, "the adapter changes nothing"
assert torch.allclose(tuned, whole, atol=1e-3), (tuned - whole).abs().max()
assert "unsloth" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True, stdin=subprocess.DEVNULL)


def _assert_another_job_goes_on_with_its_adapter(home: Home, job: Job) -> None:
    """Its first loss is what training came to, far below that of a fresh adapter."""
    adapter = {"type": "lora", "path": str(job.export_folder("adapter"))}
    went_on = home.submit(_spec("unsloth", adapter, max_steps=2, save_strategy="no"))
    until_state(went_on, JobState.COMPLETED)
    assert _losses(went_on)[0] < 0.5 * _losses(job)[0]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {
                "method": "dpo",
                "data": {"train": "pairs.jsonl"},
            },
            "dpo with backend: unsloth needs a GPU, and this job gets none",
        ),
        (
            {"model": {"name": str(DEMO / "base"), "quantization": "4bit"}},
            "model.quantization: 4bit needs a GPU, and this job gets none",
        ),
    ],
    ids=["dpo", "qlora"],
)
def test_what_needs_a_gpu_is_refused_before_anything_starts(
    home: Home, asked: dict[str, Any], said: str
) -> None:
    pair = {"prompt": "hello", "chosen": "good day", "rejected": "what"}
    (home.store.home / "pairs.jsonl").write_text(json.dumps(pair) + "\n")
    spec = {**_spec("unsloth", LORA), "training": {}, **asked}
    (home.store.home / "spec.yaml").write_text(json.dumps(spec))
    done = home.call("submit", "spec.yaml", check=5)
    assert said in done.stderr
    assert "backend: trl" in done.stderr or "quantization: none" in done.stderr
    assert not home.store.jobs()
