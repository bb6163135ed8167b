"""A worker without torch, started through TUNEDECK_WORKER: same files, same exit codes, quick.

Its spec is a `PretendSpec`, stored as JSON in `spec.yaml`. Also the place where tests get one.
"""

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from engine.control import Desired
from engine.files import write_json
from engine.job import Job
from engine.lock import Lock
from engine.metrics import MetricsWriter
from engine.process import identify
from engine.status import Failure, JobState, JobStatus


@dataclass(frozen=True)
class PretendSpec:
    """What the pretended training does; stands in for a JobSpec."""

    name: str = "pretend"
    steps: int = 3
    step_seconds: float = 0.01
    save_steps: int = 1
    pause_seconds: float = 0.0
    """How long it is `pausing`."""
    gpus: int | str = 0
    rewards: tuple[()] = ()
    """It learns from none."""
    ignores: tuple[str, ...] = ()
    """Of `control` and `sigterm`, what it does not listen to."""
    fails_at: int | None = None
    """A step at which it stores `failed` and exits with 1."""
    exits_at: tuple[int, int] | None = None
    """A step at which it leaves with an exit code, storing nothing."""
    leaves_child: bool = False
    """Whether it forks a child that outlives it."""
    data: dict[str, Any] = field(default_factory=dict)
    """`data` of the manifest that it writes."""

    @property
    def compute(self) -> Any:
        return SimpleNamespace(gpus=self.gpus)

    def to_yaml(self) -> str:
        return json.dumps(asdict(self))


class Pretended:
    """One run of the pretended worker."""

    def __init__(self, job: Job) -> None:
        values = json.loads(job.spec_file.read_text())
        self.job = job
        self.spec = PretendSpec(**values)
        self.terminated = False
        me = identify(os.getpid())
        assert me is not None
        self.status = job.write_status(
            replace(
                job.stored(),
                pid=me.pid,
                start_ticks=me.start_ticks,
                boot_id=me.boot_id,
                phase="importing",
            )
        )
        signal.signal(signal.SIGTERM, self.on_terminate)

    def on_terminate(self, number: int, frame: object) -> None:
        if "sigterm" not in self.spec.ignores:
            self.terminated = True

    def run(self) -> NoReturn:
        spec, job = self.spec, self.job
        write_json(job.manifest_file, {"data": spec.data})
        if spec.leaves_child and os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        metrics = MetricsWriter(job.metrics_file, self.status.attempt)
        begin = self.status.checkpoint_step or 0
        if self.status.attempt > 1:
            metrics.resumed(begin)
        self.obey()
        self.status = job.move(
            self.status, JobState.RUNNING, phase="training", total_steps=spec.steps
        )
        for step in range(begin + 1, spec.steps + 1):
            time.sleep(spec.step_seconds)
            self.status = job.write_status(replace(self.status, step=step), durable=False)
            metrics.append("train", step, {"loss": 1 / step})
            if spec.fails_at == step:
                self.end(JobState.FAILED, 1, error=Failure(message="pretended failure"))
            if spec.exits_at and spec.exits_at[0] == step:
                print("pretended last words", flush=True)
                os._exit(spec.exits_at[1])
            if step % spec.save_steps == 0:
                self.save(step)
            self.obey()
        self.end(JobState.COMPLETED, 0)

    def save(self, step: int) -> None:
        folder = self.job.checkpoints / f"checkpoint-{step}"
        folder.mkdir(exist_ok=True)
        write_json(folder / "commit.json", {"schema": 1, "step": step, "files": {}})
        self.status = self.job.write_status(replace(self.status, checkpoint_step=step))

    def obey(self) -> None:
        control = self.job.control()
        desired = Desired.RUN if "control" in self.spec.ignores else control.desired
        if desired is Desired.CANCEL:
            self.end(JobState.CANCELLED, 76, ack_request_id=control.request_id)
        if desired is Desired.PAUSE or self.terminated:
            self.status = self.job.move(
                self.status, JobState.PAUSING, ack_request_id=control.request_id
            )
            time.sleep(self.spec.pause_seconds)
            if self.status.step:
                self.save(self.status.step)
            self.end(JobState.PAUSED, 75, reason=control.reason)

    def end(self, state: JobState, code: int, **changes: Any) -> NoReturn:
        self.job.move(self.status, state, **changes)
        sys.exit(code)


def submit(store: Any, spec: PretendSpec) -> Job:
    """Queue a pretended training as the command line queues a real one."""
    from engine import actions

    queued: Any = spec
    return actions.submit(store, queued, by="test")


def stored_job(store: Any, status: JobStatus, **spec: Any) -> Job:
    """A job of a given stored status, as if it had got there."""

    def fill(job: Job) -> None:
        job.spec_file.write_text(PretendSpec(**spec).to_yaml())
        write_json(job.launch_file, {"requires": {"gpus": 0}})
        job.write_status(replace(status, created_at="2026-01-01T00:00:00.000Z"))

    created: Job = store.create("stored", fill)
    return created


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lock-fd", type=int)
    options = parser.parse_args()
    lock = Lock(options.lock_fd)
    Pretended(Job(options.folder)).run()
