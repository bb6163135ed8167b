"""Time per optimizer step of the worker against a plain TRL script: same data, seed and settings.

The two run in turn, so that a machine whose speed drifts is as hard on one as on the other; of each run the
median step counts, without the first ten. Goal: a ratio of at most 1.01.
"""

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

import engine.demo
from engine import spec
from engine.store import Store

STEPS, WARM_UP, ROUNDS = 60, 10, 5
ROOT = Path(__file__).parents[2]
DEMO = Path(engine.demo.__file__).parent


def main() -> None:
    """Print step times and their ratio."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "spec.yaml").write_text(yaml.safe_dump(_spec()))
        worker, plain = [], []
        for number in range(ROUNDS):
            worker.append(_worker(folder, number))
            plain.append(_plain(folder))
        for name in ("wall", "cpu"):
            ratios = [w[name] / p[name] for w, p in zip(worker, plain, strict=True)]
            print(
                f"overhead, {name} per step: worker {_ms(worker, name)}, plain {_ms(plain, name)}, "
                f"ratio {statistics.median(ratios):.3f} (median of {ROUNDS} pairs, "
                f"{min(ratios):.3f} to {max(ratios):.3f}; goal 1.01)",
                flush=True,
            )


def _spec() -> dict[str, Any]:
    """The demo's model and data, without evaluations, saves and samples."""
    return {
        "name": "overhead",
        "model": {"name": str(DEMO / "base")},
        "adapter": {
            "type": "lora",
            "r": 16,
            "lora_alpha": 32,
            "lora_dropout": 0.05,
            "target_modules": "all-linear",
        },
        "data": {"train": str(DEMO / "data" / "train.jsonl"), "format": "messages"},
        "training": {
            "max_steps": STEPS,
            "per_device_train_batch_size": 16,
            "learning_rate": 1.0e-3,
            "max_length": 256,
            "gradient_checkpointing": False,
            "train_sampling_strategy": "random",
            "save_strategy": "no",
        },
        "compute": {"gpus": 0},
    }


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_WAIT_POLICY": "passive", "HF_HUB_OFFLINE": "1"}


def _worker(folder: Path, number: int) -> dict[str, float]:
    job_spec = spec.load(folder / "spec.yaml")
    store = Store(folder / f"home-{number}")
    job = store.create("overhead", lambda new: _fill(new.spec_file, job_spec.to_yaml()))
    times = folder / "times.json"
    subprocess.run(
        [sys.executable, "-m", "tests.bench.timed_worker", str(job.folder), str(times)],
        env=_environment(),
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return _median_step(times)


def _fill(path: Path, content: str) -> None:
    path.write_text(content)


def _plain(folder: Path) -> dict[str, float]:
    times = folder / "times.json"
    subprocess.run(
        [sys.executable, "-m", "tests.bench.plain_sft", str(folder / "spec.yaml"), str(times)],
        env=_environment(),
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return _median_step(times)


def _median_step(times: Path) -> dict[str, float]:
    """Median wall, and mean CPU, of the steps after the warm-up, in seconds."""
    measured = json.loads(times.read_text())
    wall, cpu = measured["wall"][WARM_UP:], measured["cpu"][WARM_UP:]
    assert len(wall) == STEPS - WARM_UP, len(wall)
    return {
        "wall": statistics.median(b - a for a, b in itertools.pairwise(wall)),
        "cpu": (cpu[-1] - cpu[0]) / (len(cpu) - 1),
    }


def _ms(runs: list[dict[str, float]], name: str) -> str:
    return f"{1000 * statistics.median(run[name] for run in runs):.1f} ms"


if __name__ == "__main__":
    main()
