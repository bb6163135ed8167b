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
import pyte

from engine.job import Job
from engine.lock import Lock
from engine.metrics import MetricsWriter
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store
from tests.bench.attach import COLUMNS, ROWS, Recording
from tests.bench.startup import fill, write_spec

JOBS, MANY_JOBS, ROUNDS = 50, 1000, 5
LIVE_SECONDS, IDLE_SECONDS = 10, 10
LATE_STEPS, LATE_SECONDS = 30, 1.13
"""Steps whose way to the screen is timed, and the seconds between them."""


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
        home = Path(scratch) / "few"
        store = Store(home)
        _first_paint(store, JOBS)
        _first_paint(Store(Path(scratch) / "many"), MANY_JOBS)
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
        _latency(store)


def _first_paint(store: Store, jobs: int) -> None:
    """Seconds from the start of the process to the first job on the screen."""
    fill(store, jobs)
    paints = []
    for _ in range(ROUNDS):
        terminal = Terminal(store.home, 40, 120)
        paints.append(terminal.wait_painted())
        terminal.close()
    print(
        f"deck, first paint with {jobs} jobs at 120x40: {statistics.median(paints):.2f} s "
        f"({min(paints):.2f} to {max(paints):.2f}; budget 1.2 with {JOBS})",
        flush=True,
    )


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


def _latency(store: Store) -> None:
    """Milliseconds from a metric in its file to the same metric on the screen."""
    job = store.create("job-late", write_spec)
    held = Lock.take(job.worker_lock)
    assert held is not None
    stop = threading.Event()
    written: dict[int, float] = {}
    command = [sys.executable, "-P", "-m", "tui", "--job", job.id]
    deck = Recording(command, {"TUNEDECK_HOME": str(store.home)})
    writer = threading.Thread(target=train, args=(job, stop, written, LATE_SECONDS), daemon=True)
    writer.start()
    while len(written) < LATE_STEPS:
        time.sleep(0.5)
    stop.set()
    writer.join()
    deck.close("q")
    held.close()
    late = []
    screen = pyte.Screen(COLUMNS, ROWS)
    stream = pyte.ByteStream(screen)
    shown: set[int] = set()
    for moment, block in deck.sent:
        stream.feed(block)
        whole = " ".join(screen.display)
        for step, at in written.items():
            if step not in shown and f"{step}/2000" in whole:
                shown.add(step)
                late.append(deck.begin + moment - at)
    late = sorted(late)[1:]
    print(
        f"deck, a metric written to painted: p50 {1000 * late[len(late) // 2]:.0f} ms, p95 "
        f"{1000 * late[int(0.95 * len(late))]:.0f} ms over {len(late)} steps (budget p95 300 ms)",
        flush=True,
    )


def train(
    job: Job,
    stop: threading.Event,
    written: dict[int, float] | None = None,
    pause_seconds: float = 1.0,
) -> None:
    """Write what a worker writes, a step a second after a history of 500; `written` gets the times."""
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
            if written is not None:
                written[step] = time.perf_counter()
            stop.wait(pause_seconds)
    metrics.close()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
