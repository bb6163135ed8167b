"""`python -m engine.train FOLDER [--lock-fd N]`: one training process for one job.

Exit codes: 0 completed, 1 failed, 75 paused, 76 cancelled, 77 disk full; the status decides, the code is
the fallback.
"""

import argparse
import os
import sys
import traceback
import warnings
from contextlib import suppress
from pathlib import Path

from engine import checkpoints, edits
from engine.errors import TunedeckError
from engine.job import Job
from engine.lock import Lock
from engine.settle import DISK_FULL
from engine.status import Failure, JobState
from engine.train import backends
from engine.train.reporter import EXIT_DISK_FULL, Reporter
from engine.train.room import is_disk_full


def main(arguments: list[str] | None = None) -> int:
    """Hold the job's lock, report from the first moment, then import torch and train."""
    parser = argparse.ArgumentParser(prog="python -m engine.train", description=__doc__)
    parser.add_argument("folder", type=Path, help="the job's folder")
    parser.add_argument("--lock-fd", type=int, help="descriptor that holds the worker lock")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    job = Job(options.folder.absolute())
    if not job.exists():
        print(f"{job.folder} is no job's folder", file=sys.stderr)
        return 2
    lock = Lock.take(job.worker_lock) if options.lock_fd is None else Lock(options.lock_fd)
    if lock is None:
        print(f"{job.id} has a living worker already", file=sys.stderr)
        return 4
    warnings.filterwarnings("ignore", category=FutureWarning)  # the libraries' talk to each other
    try:
        reporter = Reporter(job)
        reporter.begin()
        return _train(job, reporter)
    except OSError as error:
        if not is_disk_full(error, job.folder):
            raise
        return EXIT_DISK_FULL  # not even the end could be stored: the supervisor will


def _train(job: Job, reporter: Reporter) -> int:
    """Run the attempt; whatever goes wrong ends in the status, with its traceback in `log.txt`."""
    try:
        backend = backends.begin(
            edits.effective(job), job.folder, gpu=bool(reporter.status.gpus)
        )  # before anything imports a training library
        from engine.train.worker import DataChangedError, Worker

        try:
            return Worker(job, reporter, backend).run()
        except DataChangedError as error:
            failure = Failure(message=error.message, hint=error.hint)
            return reporter.end(JobState.PAUSED, reason="data", error=failure)
    except TunedeckError as error:
        print(f"error: {error.message}\n{error.hint}", flush=True)
        return reporter.fail(Failure(message=error.message, hint=error.hint))
    except Exception as error:  # noqa: BLE001 - this process's top level
        full = is_disk_full(error, job.folder)
        if full:  # the traceback needs room too
            checkpoints.discard_unfinished(job.checkpoints)
        with suppress(OSError):
            traceback.print_exc()
            sys.stderr.flush()
        if full:
            return reporter.end(JobState.PAUSED, reason="disk", error=DISK_FULL)
        from engine.train.diagnosis import diagnose

        return reporter.fail(diagnose(error, job.id))


if __name__ == "__main__":
    code = main()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(code)
