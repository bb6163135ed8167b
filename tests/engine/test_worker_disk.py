"""A worker on a full disk: the process around the training, without torch."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.job import Job
from engine.lock import Lock
from engine.settle import DISK_FULL
from engine.status import JobState, JobStatus
from engine.store import Store
from engine.train.reporter import Reporter
from engine.train.room import is_disk_full
from tests.engine.cli_jobs import add_checkpoint, make_job

TRAINS = """\
import errno, os, sys, types
from pathlib import Path
from engine.train.__main__ import main

class Worker:
    def __init__(self, job, reporter, backend):
        self.job, self.reporter = job, reporter
    def run(self):
        self.reporter.move(self.reporter.status.state.RUNNING)
        half = self.job.checkpoints / "checkpoint-28"
        half.mkdir()
        (half / "model.safetensors").write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

stub = types.ModuleType("engine.train.worker")
stub.Worker, stub.DataChangedError = Worker, type("DataChangedError", (Exception,), {})
sys.modules["engine.train.worker"] = stub
os._exit(main([sys.argv[1]]))
"""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job that is about to start."""
    return make_job(Store(tmp_path / "home"), JobState.STARTING, attempt=1)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_pauses_even_where_the_log_takes_no_line_more(job: Job) -> None:
    add_checkpoint(job, 26)
    with Path("/dev/full").open("w") as log:
        ended = subprocess.run(
            [sys.executable, "-c", TRAINS, str(job.folder)],
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            timeout=60,
            check=False,
        )
    assert ended.returncode == 77
    stored = job.stored()
    assert (stored.state, stored.reason, stored.error) == (JobState.PAUSED, "disk", DISK_FULL)
    assert [one.name for one in job.checkpoints.iterdir()] == ["checkpoint-26"]


def test_a_status_that_cannot_be_stored_leaves_the_word_to_the_exit_code(job: Job) -> None:
    script = TRAINS.replace(
        "os._exit(main",
        "from engine.job import Job\n"
        "def full(*args, **kwargs): raise OSError(errno.ENOSPC, 'full')\n"
        "Job.write_status = full\n"
        "os._exit(main",
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(job.folder)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 77, ended.stderr


def test_an_end_that_could_not_be_stored_is_stored_later(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Lock.take(job.worker_lock)
    assert held is not None
    with held, monkeypatch.context() as patched:
        reporter = Reporter(job)

        def full(*args: object, **kwargs: object) -> JobStatus:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patched.setattr(Job, "write_status", full)
        with pytest.raises(OSError, match="No space"):
            reporter.fail(DISK_FULL)
        patched.undo()
        assert reporter.end(JobState.PAUSED, reason="disk", error=DISK_FULL) == 77
    assert job.stored().state is JobState.PAUSED
    assert json.loads(job.events_file.read_text().splitlines()[-1])["reason"] == "disk"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "x"),
        OSError(errno.EDQUOT, "x"),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_recognised_through_the_libraries_words(
    error: Exception, tmp_path: Path
) -> None:
    assert is_disk_full(error, tmp_path)
    wrapped = RuntimeError("unexpected pos 64 vs 0")
    wrapped.__cause__ = error
    assert is_disk_full(wrapped, tmp_path)
    assert not is_disk_full(RuntimeError("unexpected pos 64 vs 0"), tmp_path)
