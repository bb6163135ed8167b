"""Wall time of what a person types: `tunedeck ls` with 200 jobs beside bare Python with argparse and json."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engine.job import Job
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store

JOBS, ROUNDS = 200, 9


def main() -> None:
    """Print the medians and their ratios."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        fill(Store(home), JOBS)
        environ = {**os.environ, "TUNEDECK_HOME": str(home)}
        commands = {
            "python -c 'import argparse, json'": ["-c", "import argparse, json"],
            f"tunedeck ls, {JOBS} jobs": ["-P", "-m", "engine.cli", "ls"],
            f"tunedeck ls --line, {JOBS} jobs": ["-P", "-m", "engine.cli", "ls", "--line"],
            "tunedeck status -": ["-P", "-m", "engine.cli", "status", "-"],
            "import tui.app": ["-c", "import tui.app"],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, arguments in commands.items():
                times[name].append(_seconds(arguments, environ))
    bare = statistics.median(times["python -c 'import argparse, json'"])
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"start-up, {name}: {1000 * median:.0f} ms, {median / bare:.1f} x bare", flush=True)


def fill(store: Store, count: int) -> None:
    """Settled jobs, as a store looks after months."""
    for number in range(count):
        job = store.create(f"job-{number}", write_spec)
        job.write_status(
            JobStatus(
                state=JobState.COMPLETED,
                step=100,
                total_steps=100,
                loss=0.5,
                created_at=utc_now(),
                ended_at=utc_now(),
            ),
            durable=False,
        )


def write_spec(job: Job) -> None:
    """The least that makes a folder a job."""
    job.spec_file.write_text(
        "name: bench\nmodel:\n  name: some/model\ndata:\n  train: rows.jsonl\n"
    )


def _seconds(arguments: list[str], environ: dict[str, str]) -> float:
    begin = time.perf_counter()
    command = [sys.executable, *arguments]
    subprocess.run(command, env=environ, check=True, capture_output=True)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
