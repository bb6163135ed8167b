"""Job folders as a worker would leave them, written through the engine's own writers."""

import math
import os
import random
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from engine import checkpoints
from engine.control import Control
from engine.files import LineAppender, write_json
from engine.job import Job
from engine.lock import Lock
from engine.metrics import MetricsWriter
from engine.status import Failure, JobState, JobStatus
from engine.store import Store

GIB = 1024**3


def stamp(seconds_ago: float) -> str:
    """A stored time that lies so many seconds back."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Bench:
    """A home folder that fills with jobs; locks stand in for living workers."""

    home: Path

    def __post_init__(self) -> None:
        self.store = Store(self.home)
        self.store.prepare()
        self.locks: dict[str, Lock] = {}
        self.supervise()

    def supervise(self) -> None:
        """Hold the supervisor's lock: what is queued stays queued, and says what it waits for."""
        held = Lock.take(self.store.supervisor_lock)
        assert held is not None
        self.locks["supervisor"] = held
        write_json(self.store.supervisor_file, {"pid": os.getpid(), "gpus": [], "cpu_jobs": 1})

    def close(self) -> None:
        """Let every pretended worker die."""
        for lock in self.locks.values():
            lock.close()
        self.locks.clear()

    def job(
        self,
        name: str = "sentences",
        state: JobState = JobState.RUNNING,
        *,
        step: int = 0,
        total: int | None = 1000,
        model: str = "Qwen/Qwen3-0.6B",
        method: str = "sft",
        order: float | None = None,
        ago: float = 300.0,
        checkpoint: int | None = None,
        log: str = "",
        error: Failure | None = None,
        spec: dict[str, Any] | None = None,
        **status: Any,
    ) -> Job:
        """One job in that state, with everything its worker would have written until that step."""

        def fill(job: Job) -> None:
            content = spec or {
                "name": name,
                "method": method,
                "backend": "trl",
                "model": {"name": model, "dtype": "auto"},
                "adapter": {"type": "lora", "r": 16, "lora_alpha": 32.0},
                "data": {"train": "/data/sentences.jsonl", "eval": 0.05, "format": "auto"},
                "training": {"learning_rate": 2e-4, "num_train_epochs": 3},
            }
            job.spec_file.write_text(yaml.safe_dump(content, sort_keys=False))
            job.write_control(Control(order=time.time() - ago if order is None else order))
            facts: dict[str, Any] = {"created_at": stamp(ago + 5), "updated_at": stamp(0)}
            if state is not JobState.QUEUED:
                facts["started_at"] = stamp(ago)
                facts["attempt"] = 1
            if state.settled or state.resting:
                facts["ended_at"] = stamp(ago / 2)
            if state in {JobState.RUNNING, JobState.PAUSING, JobState.CANCELLING}:
                facts |= {"phase": "training", "tokens_per_second": 8421.0, "gpus": ()}
                facts["phase_started_at"] = stamp(ago)
                if total and step:
                    facts["eta_seconds"] = ago / step * (total - step)
            if step:
                facts |= {"loss": loss_at(step, total or 1000), "epoch": 3 * step / (total or 1000)}
                facts |= {"eval_loss": loss_at(step, total or 1000) + 0.06, "learning_rate": 1.4e-4}
            facts |= {"step": step, "total_steps": total, "error": error, **status}
            if checkpoint:
                facts["checkpoint_step"] = checkpoint
                commit(job, checkpoint)
            job.write_status(JobStatus(state=state, **facts))
            if step:
                measure(job, step, total or 1000)
                remember(job, step, total or 1000)
            job.log_file.write_text(log or default_log(name, step))

        made = self.store.create(name, fill)
        if state.living:
            self.live(made)
        return made

    def live(self, job: Job) -> None:
        """Hold the job's lock, as its worker would."""
        taken = Lock.take(job.worker_lock)
        assert taken is not None
        self.locks[job.id] = taken

    def die(self, job: Job) -> None:
        """Let go of the job's lock, as a killed worker would."""
        self.locks.pop(job.id).close()

    def set(self, job: Job, **changes: Any) -> None:
        """Change the stored status, as the job's worker would."""
        job.write_status(replace(job.stored(), **changes), durable=False)


def loss_at(step: int, total: int) -> float:
    """A loss that falls the way losses fall."""
    return 0.42 + 2.6 * math.exp(-6 * step / total) + 0.25 * math.exp(-1.2 * step / total)


def measure(job: Job, upto: int, total: int, *, start: int = 0, attempt: int = 1) -> None:
    """Write the measurements of the steps after `start`, with their noise."""
    noise = random.Random(job.folder.name[-4:] if start else 7)
    writer = MetricsWriter(job.metrics_file, attempt)
    every = max(1, total // 500)
    for step in range(start + 1, upto + 1):
        if step % every and step != 1:
            continue
        clean = loss_at(step, total)
        loss = clean * math.exp(noise.gauss(0, 0.09)) + abs(noise.gauss(0, 0.03))
        values = {"loss": loss, "learning_rate": 2e-4 * (1 - step / total), "grad_norm": 1.1}
        writer.append("train", step, values)
        if step % max(1, total // 12) == 0:
            writer.append("eval", step, {"eval_loss": clean + 0.05 + 0.04 * step / total})
    writer.close()


def remember(job: Job, upto: int, total: int, *, gpu: bool = False) -> None:
    """Write memory readings: it grows while loading, then breathes."""
    noise = random.Random(11)
    lines = LineAppender(job.memory_file)
    begin = time.time() - upto
    for second in range(0, upto, max(1, upto // 300)):
        grown = 1 - math.exp(-second / 12)
        rss = int((0.3 + 1.6 * grown + 0.05 * noise.random()) * GIB)
        gpus = []
        if gpu:
            used = int((2 + 16 * grown + 0.4 * noise.random()) * GIB)
            gpus = [
                {
                    "index": 0,
                    "memory_used_bytes": used,
                    "memory_total_bytes": 80 * GIB,
                    "utilization_percent": 97,
                    "power_watts": 611.0,
                    "temperature_celsius": 61,
                }
            ]
        lines.append(
            {
                "time": begin + second,
                "step": second,
                "rss_bytes": rss,
                "host_used_bytes": rss + int((2.4 + 0.2 * noise.random()) * GIB),
                "host_total_bytes": 16 * GIB,
                "gpus": gpus,
            }
        )
    lines.close()


def commit(job: Job, step: int) -> None:
    """A checkpoint with its commit."""
    folder = checkpoints.folder_of(job.checkpoints, step)
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(os.urandom(2048))
    checkpoints.commit(folder, step, {"eval_loss": loss_at(step, 1000) + 0.06})


def export(job: Job, kind: str, *, state: str = "completed", progress: float = 1.0) -> None:
    """An export as its process would leave it; one that runs needs `job.export_lock` held."""
    folder = job.export_folder(kind)
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"state": state, "progress": progress, "kind": kind, "checkpoint_step": 1000}
    write_json(folder / "export.json", facts)


def answer(job: Job) -> None:
    """Held-out answers before and after the training."""
    lines = LineAppender(job.samples_file)
    asked = [
        ("Turn it into the past: She walks to the river.", "She walked to the river."),
        ("Turn it into the past: They carry the old lamp.", "They carried the old lamp."),
        ("Turn it into the past: I find a quiet room.", "I found a quiet room."),
    ]
    before = ["She She walks the the", "the old lamp lamp.", "I find a a quiet"]
    after = [expected for _, expected in asked]
    for when, step, loss, exact, said in (
        ("before", 0, 4.113, 0.0, before),
        ("after", 1000, 0.412, 0.935, after),
    ):
        answers = [
            {"prompt": prompt, "expected": expected, "answer": answer}
            for (prompt, expected), answer in zip(asked, said, strict=True)
        ]
        lines.append(
            {
                "when": when,
                "step": step,
                "eval_loss": loss,
                "exact_match": exact,
                "rows": 200,
                "answers": answers,
            }
        )
    lines.close()


def default_log(name: str, step: int) -> str:
    """Log lines as training libraries write them, progress bars included."""
    lines = [
        f"tunedeck worker: {name}",
        "importing torch, transformers, trl: 6.1 s",
        "loading model: 311 tensors, 0.6 B parameters",
        "tokenizing: 2000 rows, longest 412 tokens",
        "trainable parameters: 10,092,544 of 606,142,464 (1.67 %)",
    ]
    for at in range(max(0, step - 60), step, 5):
        lines.append(f"step {at:>5}  loss {loss_at(at, 1000):.4f}  lr 1.4e-04  8421 tok/s")
    bar = "\r".join(f"{share:>3}%|{'█' * (share // 10):<10}| saving" for share in (10, 60, 100))
    return "\n".join(lines) + "\n\x1b[32m" + bar + "\x1b[0m\n"
