"""Job folders as the command line finds them, made without a worker or a supervisor."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.control import Control, Desired
from engine.files import LineAppender
from engine.job import Job
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store

GIB = 1024**3
SPEC = """\
name: {name}
method: sft
backend: trl
model:
  name: {model}
  initialize: pretrained
data:
  train: /data/train.jsonl
"""


def make_job(
    store: Store,
    state: JobState,
    *,
    name: str = "gsm8k",
    model: str = "Qwen/Qwen3-0.6B",
    log: str | None = None,
    order: float = 1.0,
    **fields: Any,
) -> Job:
    """A job in that state, stored as its worker would have left it."""

    def fill(job: Job) -> None:
        job.spec_file.write_text(SPEC.format(name=name, model=model), encoding="utf-8")
        job.write_control(Control(desired=Desired.RUN, order=order))
        job.write_status(JobStatus(state=state, **{"created_at": utc_now(), **fields}))
        if log is not None:
            job.log_file.write_text(log, encoding="utf-8")

    return store.create(name, fill)


def add_checkpoint(job: Job, step: int) -> None:
    """A committed checkpoint without files."""
    folder = job.checkpoints / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "commit.json").write_text(f'{{"schema": 1, "step": {step}, "files": {{}}}}')


def measure(
    job: Job,
    steps: int = 40,
    *,
    rate: float = 2e-4,
    broken_from: int | None = None,
    attempts: int = 1,
    gpu: bool = False,
    tokens_per_step: int = 100,
) -> None:
    """Write what a worker measures: a loss that falls with the rate, evaluations, tokens, memory.

    A second of work a step; a second attempt goes on after the half, an hour later.
    """
    lines, memory = LineAppender(job.metrics_file), LineAppender(job.memory_file)
    half = steps // 2
    for step in range(1, steps + 1):
        later = attempts > 1 and step > half
        time = 1e9 + step + (3600 if later else 0)
        attempt = 2 if later else 1
        place = {"v": 1, "attempt": attempt, "step": step, "time": time}
        if later and step == half + 1:
            lines.append({**place, "kind": "resume", "step": half, "from_step": half})
        loss = 1 + 2 / (1 + step * rate / 2e-4)
        broken = broken_from is not None and step >= broken_from
        values = {
            "loss": None if broken else loss,
            "learning_rate": rate,
            "num_tokens": step * tokens_per_step,
            "tokens_per_second": float(tokens_per_step),
        }
        lines.append({**place, "kind": "train", **values})
        if step % 10 == 0:
            lines.append({**place, "kind": "eval", "eval_loss": loss + 0.1})
        device = {"index": 0, "memory_used_bytes": (10 + step % 3) * GIB}
        memory.append(
            {
                "time": time,
                "rss_bytes": GIB,
                "host_total_bytes": 16 * GIB,
                "gpus": [{**device, "memory_total_bytes": 80 * GIB}] if gpu else [],
            }
        )
    lines.close()
    memory.close()


def tunedeck(
    home: Path,
    *arguments: str,
    cwd: Path | None = None,
    stdin: str = "",
    encoding: str = "utf-8",
    environ: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """The real command line in a process of its own, without a terminal."""
    environment = {**os.environ, "TUNEDECK_HOME": str(home), "PYTHONIOENCODING": encoding}
    environment |= {"PYTHONUTF8": "1", **(environ or {})}
    root = Path(__file__).parents[2]
    environment["PYTHONPATH"] = str(root)
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *arguments],
        env=environment,
        cwd=cwd or home.parent,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
