"""Attaching to a long run: time to the first plot and to the whole curve, keys answered meanwhile, memory.

Beside it, in the same run, wandb's LEET on a run with the same steps, when a `wandb` is on the PATH
(`pip install wandb` in an environment of its own). Both are started on a pseudo-terminal of 120x40; what they
send is stored with its time and replayed through a terminal emulator afterwards, so that looking costs neither.
"""

import contextlib
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pyte

from engine.metrics import MetricsWriter
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store
from tests.bench.startup import write_spec

ROWS, COLUMNS = 40, 120
SHORT, LONG = 100_000, 1_000_000
QUIET_SECONDS = 6.0
"""A picture that has not changed for so long is the whole one."""
LONGEST_SECONDS = 90.0

WRITE_RUN = """
import math, random, sys, wandb
steps, folder = int(sys.argv[1]), sys.argv[2]
settings = wandb.Settings(console="off", x_disable_stats=True)
run = wandb.init(mode="offline", project="bench", dir=folder, settings=settings)
random.seed(1)
for step in range(1, steps + 1):
    loss = 3 * math.exp(-4 * step / steps) + 0.3 + 0.2 * random.random()
    run.log({"loss": loss, "grad_norm": random.random(), "learning_rate": 2e-4 * (1 - step / steps)}, step=step)
run.finish()
"""


def measured(step: int, steps: int) -> dict[str, float]:
    """What a trainer logs at a step."""
    loss = 3 * math.exp(-4 * step / steps) + 0.3 + 0.2 * random.random()
    rate = 2e-4 * (1 - step / steps)
    return {"loss": loss, "grad_norm": random.random(), "learning_rate": rate}


class Recording:
    """A program on a pseudo-terminal, and everything that it sent, with times."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        self.begin = time.perf_counter()
        self.sent: list[tuple[float, bytes]] = []
        self.child: Any = pexpect.spawn(
            command[0],
            list(command[1:]),
            env={**os.environ, "TERM": "xterm-256color", **environ},
            dimensions=(ROWS, COLUMNS),
            timeout=None,
        )
        self._news = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(pexpect.EOF, OSError, ValueError):
            while True:
                block = self.child.read_nonblocking(65536, timeout=None)
                self.sent.append((time.perf_counter() - self.begin, block))
                self._news.set()

    def press(self, key: str) -> float:
        """Seconds from a key to the first byte that answers it."""
        self._news.clear()
        pressed = time.perf_counter()
        self.child.send(key)
        self._news.wait(5)
        return time.perf_counter() - pressed

    def until_quiet(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until nothing is sent any more."""
        while True:
            meanwhile()
            time.sleep(0.1)
            now = time.perf_counter() - self.begin
            last = self.sent[-1][0] if self.sent else now
            if now - max(last, 2.0) > QUIET_SECONDS or now > LONGEST_SECONDS:
                return

    def memory_mib(self) -> float:
        """Resident memory of the program and its children."""
        process = psutil.Process(self.child.pid)
        family = [process, *process.children(recursive=True)]
        return sum(float(one.memory_info().rss) for one in family) / 2**20

    def close(self, key: str) -> None:
        """Leave."""
        self.child.send(key)
        with contextlib.suppress(pexpect.TIMEOUT):
            self.child.expect(pexpect.EOF, timeout=5)
        self.child.close(force=True)

    def plots(self) -> list[float]:
        """When the plot, or what is said of it, changed; the first with more than a few cells."""
        screen = pyte.Screen(COLUMNS, ROWS)
        stream = pyte.ByteStream(screen)
        found: list[float] = []
        before: object = None
        for moment, block in self.sent:
            stream.feed(block)
            drawn = [
                "".join(c if "\u2800" < c <= "\u28ff" else " " for c in row)
                for row in screen.display
            ]
            now = (drawn, any("a sketch" in row for row in screen.display))
            if now != before and sum(c != " " for row in drawn for c in row) > 10:
                found.append(moment)
                before = now
        return found


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as scratch:
        _leet(Path(scratch))
        for steps in (SHORT, LONG):
            _deck(Path(scratch) / f"home-{steps}", steps)


def _deck(home: Path, steps: int) -> None:
    store = Store(home)
    random.seed(1)
    job = store.create("long-run", write_spec)
    metrics = MetricsWriter(job.metrics_file, 1)
    for step in range(1, steps + 1):
        metrics.append("train", step, measured(step, steps))
    metrics.close()
    job.write_status(
        JobStatus(
            state=JobState.COMPLETED,
            attempt=1,
            step=steps,
            total_steps=steps,
            created_at=utc_now(),
            ended_at=utc_now(),
        )
    )
    job.metrics_file.read_bytes()  # both programs find their files in the page cache
    deck = Recording([sys.executable, "-P", "-m", "tui"], {"TUNEDECK_HOME": str(home)})
    while not any(b"long-run" in block for _, block in deck.sent):
        time.sleep(0.01)
    time.sleep(0.3)
    answers: list[float] = []
    deck.until_quiet(lambda: answers.append(deck.press(" ")) if len(answers) < 30 else None)
    memory = deck.memory_mib()
    deck.close("q")
    plots = deck.plots()
    answers.sort()
    print(
        f"deck, a job with {steps:,} steps: first plot (of a million a sketch of the whole) "
        f"{plots[0]:.2f} s, every step read and drawn {plots[-1]:.2f} s after the start of "
        f"the process; {memory:.0f} MiB; keys answered "
        f"meanwhile p50 {1000 * answers[len(answers) // 2]:.0f} ms, worst {1000 * answers[-1]:.0f} ms "
        "(budget 3 s and 100 ms for a million)",
        flush=True,
    )


def _leet(scratch: Path) -> None:
    wandb = shutil.which("wandb")
    if wandb is None:
        print("wandb LEET: not measured, no `wandb` on the PATH", flush=True)
        return
    environ = {"WANDB_DIR": str(scratch), "WANDB_SILENT": "true", "WANDB_CONFIG_DIR": str(scratch)}
    subprocess.run(
        [Path(wandb).with_name("python"), "-c", WRITE_RUN, str(SHORT), str(scratch)],
        env={**os.environ, **environ},
        check=True,
        capture_output=True,
    )
    [run] = (scratch / "wandb").glob("offline-run-*")
    for path in run.glob("*.wandb"):
        path.read_bytes()
    leet = Recording([wandb, "leet", str(run)], environ)
    leet.until_quiet()
    memory = leet.memory_mib()
    leet.close("q")
    plots = leet.plots()
    if not plots:
        print("wandb LEET: showed no plot", flush=True)
        return
    print(
        f"wandb LEET, a run with {SHORT:,} steps: first plot {plots[0]:.2f} s, whole curve "
        f"{plots[-1]:.2f} s after the start of the process; {memory:.0f} MiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
