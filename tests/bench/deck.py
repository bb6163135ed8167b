"""The deck on a real pseudo-terminal: first paint, what it sends and computes when idle and when live."""

import contextlib
import math
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pexpect
import psutil

from engine.job import Job
from engine.lock import Lock
from engine.metrics import MetricsWriter
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store
from tests.bench.startup import fill, write_spec

JOBS, ROUNDS = 50, 5
LIVE_SECONDS, IDLE_SECONDS = 10, 10


class Terminal:
    """A deck on a pseudo-terminal whose output is counted."""

    def __init__(self, home: Path, rows: int, columns: int) -> None:
        self.begin = time.perf_counter()
        self.output = bytearray()
        environ = {**os.environ, "TUNEDECK_HOME": str(home), "TERM": "xterm-256color"}
        self.child: Any = pexpect.spawn(
            sys.executable,
            ["-P", "-m", "tui"],
            env=environ,
            dimensions=(rows, columns),
            timeout=None,
        )
        self._painted = threading.Event()
        self.painted_seconds = math.nan
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(pexpect.EOF, OSError, ValueError):
            while True:
                self.output += self.child.read_nonblocking(65536, timeout=None)
                if not self._painted.is_set() and re.search(rb"job-\d|Quit", self.output):
                    self.painted_seconds = time.perf_counter() - self.begin
                    self._painted.set()

    def wait_painted(self) -> float:
        """Seconds from the start to the first row of a job on the screen."""
        assert self._painted.wait(30), bytes(self.output[-500:])
        return self.painted_seconds

    def over(self, seconds: float) -> tuple[int, float]:
        """Bytes sent and CPU seconds used in that time."""
        process = psutil.Process(self.child.pid)
        sent, used = len(self.output), _cpu(process)
        time.sleep(seconds)
        return len(self.output) - sent, _cpu(process) - used

    def memory_mib(self) -> float:
        """Resident memory."""
        return float(psutil.Process(self.child.pid).memory_info().rss) / 2**20

    def close(self) -> None:
        """Leave the deck."""
        self.child.send("q")
        self.child.wait()
        self.child.close(force=True)


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        store = Store(home)
        fill(store, JOBS)
        paints = []
        for _ in range(ROUNDS):
            terminal = Terminal(home, 40, 120)
            paints.append(terminal.wait_painted())
            terminal.close()
        print(
            f"deck, first paint with {JOBS} jobs at 120x40: {statistics.median(paints):.2f} s "
            f"({min(paints):.2f} to {max(paints):.2f}; budget 1.2)",
            flush=True,
        )
        terminal = Terminal(home, 40, 120)
        terminal.wait_painted()
        time.sleep(4)
        sent, used = terminal.over(IDLE_SECONDS)
        print(
            f"deck, idle for {IDLE_SECONDS} s: {sent} bytes, {used / IDLE_SECONDS:.2%} CPU, "
            f"{terminal.memory_mib():.0f} MiB (budget 0 bytes, 0.5 %)",
            flush=True,
        )
        terminal.close()
        for rows, columns in ((40, 120), (24, 80)):
            _live(store, rows, columns)


def _live(store: Store, rows: int, columns: int) -> None:
    """Bytes and CPU of a tick while a job logs once a second."""
    job = store.create("job-live", write_spec)
    held = Lock.take(job.worker_lock)
    assert held is not None
    stop = threading.Event()
    writer = threading.Thread(target=train, args=(job, stop), daemon=True)
    writer.start()
    time.sleep(2)
    terminal = Terminal(store.home, rows, columns)
    terminal.wait_painted()
    time.sleep(4)
    sent, used = terminal.over(LIVE_SECONDS)
    print(
        f"deck, live at {columns}x{rows}: {sent / LIVE_SECONDS / 1000:.1f} kB and "
        f"{1000 * used / LIVE_SECONDS:.0f} ms CPU a second (budget 6 kB, 90 ms at 120x40)",
        flush=True,
    )
    terminal.close()
    stop.set()
    writer.join()
    held.close()


def train(job: Job, stop: threading.Event) -> None:
    """Write what a worker writes, a step a second after a history of 500."""
    metrics = MetricsWriter(job.metrics_file, 1)
    status = JobStatus(state=JobState.RUNNING, attempt=1, created_at=utc_now(), total_steps=2000)
    step = 0
    while not stop.is_set():
        step += 1
        loss = 2.5 * math.exp(-step / 300) + 0.3 + 0.05 * math.sin(step * 7.3)
        metrics.append("train", step, {"loss": loss, "learning_rate": 1e-4, "epoch": step / 500})
        if step % 50 == 0:
            metrics.append("eval", step, {"eval_loss": loss + 0.1})
        if step > 500:
            fresh = JobStatus.from_json(
                {**status.to_json(), "step": step, "loss": loss, "updated_at": utc_now()}
            )
            status = job.write_status(fresh, durable=False)
            stop.wait(1)
    metrics.close()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
