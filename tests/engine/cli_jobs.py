"""Job folders as the command line finds them, made without a worker or a supervisor."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.control import Control, Desired
from engine.job import Job
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store

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


def tunedeck(
    home: Path, *arguments: str, cwd: Path | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """The real command line in a process of its own, without a terminal."""
    environment = {**os.environ, "TUNEDECK_HOME": str(home), "PYTHONUTF8": "1"}
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
