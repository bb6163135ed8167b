"""Drives real jobs through the real command line, each scenario in a home of its own."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import yaml

from engine import checkpoints
from engine.curves import Curves, read_curves
from engine.job import Job
from engine.status import JobState, JobStatus
from engine.store import Store

WAIT_SECONDS = 180.0
UNCOMPARED = {"step", "attempt", "time", "tokens_per_second", "step_time"}
"""What names a row, and measurements of the clock, which no two runs share; so is every `eval_*_per_second`."""


class Deadline(AssertionError):
    """What a test waited for did not happen."""


class Home:
    """A `$TUNEDECK_HOME` with its supervisor, seen through `tunedeck`."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = Store(folder)
        self._environ = {
            **os.environ,
            "TUNEDECK_HOME": str(folder),
            "HF_HUB_OFFLINE": "1",
            "NO_COLOR": "1",
            **(environ or {}),
        }

    def call(self, *arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run `tunedeck ARGUMENTS`; asserts the exit code."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "engine.cli", *arguments],
            env=self._environ,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            stdin=subprocess.DEVNULL,
            cwd=self.store.home,
        )
        if check is not None:
            assert done.returncode == check, (arguments, done.stdout, done.stderr)
        return done

    def submit(self, spec: Mapping[str, Any]) -> Job:
        """Queue a job."""
        name = f"spec-{len(self.store.jobs())}.yaml"
        path = self.store.home / name
        path.write_text(yaml.safe_dump(dict(spec)))
        printed = self.call("submit", str(path)).stdout.split()
        assert len(printed) == 1, printed
        return self.store.find(printed[0])

    def close(self) -> None:
        """End what this home started: its supervisor and the workers of its jobs."""
        pids = [job.stored().pid for job in self.store.jobs()]
        supervisor = self.store.supervisor_file
        if supervisor.exists():
            pids.insert(0, json.loads(supervisor.read_text()).get("pid"))
        for pid in pids:
            if pid and psutil.pid_exists(pid) and self._is_ours(pid):
                os.kill(pid, signal.SIGKILL)

    def _is_ours(self, pid: int) -> bool:
        try:
            command = psutil.Process(pid).cmdline()
        except psutil.Error:
            return False
        return any(part in {"engine.train", "engine.supervisor"} for part in command)


def until(
    job: Job, true: Callable[[JobStatus], bool], what: str, seconds: float = WAIT_SECONDS
) -> JobStatus:
    """Wait for a shown status."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = job.observed()
        if true(status):
            return status
        if status.state is JobState.FAILED:
            raise Deadline(f"{what}: failed: {status.error}\n{tail(job)}")
        time.sleep(0.02)
    raise Deadline(f"{what} did not come true: {job.observed()}\n{tail(job)}")


def until_state(job: Job, *states: JobState) -> JobStatus:
    """Wait for one of these states."""
    return until(job, lambda status: status.state in states, " or ".join(states))


def until_step(job: Job, step: int) -> None:
    """Wait for a measured step."""

    def measured(status: JobStatus) -> bool:
        last = read_curves(job.metrics_file).last("train")
        return (last is not None and last[0] >= step) or status.state is JobState.COMPLETED

    until(job, measured, f"step {step}")


def kill_worker(job: Job) -> None:
    """`kill -9` its training process."""
    pid = job.stored().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until_state(job, JobState.INTERRUPTED)


def tail(job: Job) -> str:
    """The end of a job's log."""
    try:
        return "\n".join(job.log_file.read_text(errors="replace").splitlines()[-25:])
    except OSError:
        return ""


def weights_hash(job: Job) -> str:
    """SHA-256 over the weights of the newest checkpoint."""
    newest = checkpoints.committed(job.checkpoints)[-1].folder
    files = sorted(newest.glob("*.safetensors"))
    assert files, list(newest.iterdir())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def comparable(curves: Curves) -> dict[str, dict[int, dict[str, float]]]:
    """The clean curves without what only the clock decides: kind -> step -> what was measured."""
    return {
        kind: {
            int(step): {
                key: float(column[at])
                for key, column in table.items()
                if _is_comparable(key) and column[at] == column[at]
            }
            for at, step in enumerate(table["step"])
        }
        for kind, table in curves.tables.items()
    }


def _is_comparable(key: str) -> bool:
    return key not in UNCOMPARED and not key.endswith(("_per_second", "_runtime"))
