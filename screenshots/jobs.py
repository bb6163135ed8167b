"""The jobs that the pictures show: real fine-tunes of the bundled model, small enough to wait for."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from engine import actions, spec
from engine.demo.submission import SPEC as DEMO_SPEC
from engine.errors import StateError
from engine.job import Job
from engine.status import JobState
from engine.store import Store

BY = "cli"
"""Who asked for it, in the events of a job."""

PATIENCE_SECONDS = 600.0

SMALL = (
    "training.max_steps=120",
    "training.per_device_train_batch_size=8",
    "training.eval_steps=20",
    "training.save_steps=40",
    "training.logging_steps=2",
    "samples.limit=20",
)
"""Half a minute of training instead of the demo's four."""

LONG_SECONDS = 400.0
"""How long the job that trains while pictures are made would take."""


class Jobs:
    """The home folder of a user who has fine-tuned this and that."""

    def __init__(self, user: Path) -> None:
        """Work below that folder from now on, so that the pictures show `~` and no path of this machine."""
        self.user = user
        self.project = user / "letters"
        self.project.mkdir()
        for name in ("train", "eval", "test"):
            shutil.copy(DEMO_SPEC.parent / "data" / f"{name}.jsonl", self.project)
        shutil.copytree(DEMO_SPEC.parent / "base", self.project / "base")
        text = DEMO_SPEC.read_text(encoding="utf-8").replace("data/", "")
        (self.project / "letters.yaml").write_text(text, encoding="utf-8")
        os.environ.update(HOME=str(user), CUDA_VISIBLE_DEVICES="")
        for name in ("TUNEDECK_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
            os.environ.pop(name, None)
        os.chdir(self.project)
        self.store = Store()
        self._made: list[Job] = []

    def submit(self, name: str, *overrides: str) -> Job:
        """Queue a job."""
        loaded = spec.load(Path("letters.yaml"), (f"name={name}", *SMALL, *overrides))
        job = actions.submit(self.store, loaded, by=BY)
        self._made.append(job)
        print(job.id, file=sys.stderr)
        return job

    def submit_long(self, name: str, like: Job) -> Job:
        """Queue a job that trains for some minutes, judged by one that is done."""
        done = like.observed()
        begun, ended = (datetime.fromisoformat(t or "") for t in (done.started_at, done.ended_at))
        steps = round(LONG_SECONDS * done.step / (ended - begun).total_seconds(), -2)
        return self.submit(name, f"training.max_steps={steps:.0f}", "training.save_steps=100")

    def until(self, job: Job, state: JobState) -> None:
        """Wait for it to be in that state."""
        actions.wait_for(job, {state}, PATIENCE_SECONDS)

    def until_step(self, job: Job, step: int) -> None:
        """Wait for it to have trained that far."""
        _until(job, lambda: job.observed().step >= step, f"{job.id} reaches step {step}")

    def pause(self, job: Job) -> None:
        """Have it paused."""
        actions.pause(job, by=BY)
        self.until(job, JobState.PAUSED)

    def end(self) -> None:
        """Let no process of these jobs live on."""
        going = [job for job in self._made if not job.observed().state.settled]
        for job in going:
            try:
                actions.cancel(job, by=BY)
            except StateError:  # it ended by itself just now
                continue
        for job in going:
            _until(job, partial(_settled, job), f"{job.id} ends")


def _settled(job: Job) -> bool:
    return job.observed().state.settled


def _until(job: Job, true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        status = job.observed()
        if status.state is JobState.FAILED or time.monotonic() > deadline:
            why = status.error.message if status.error else status.state
            raise SystemExit(f"waited in vain until {what}: {why}\n{_log(job)}")
        time.sleep(0.1)


def _log(job: Job) -> str:
    """The end of its log, since its folder is about to go."""
    return "\n".join(job.log_file.read_text(encoding="utf-8").splitlines()[-20:])
