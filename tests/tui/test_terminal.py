"""The deck as a process on a real pseudo-terminal."""

import contextlib
import os
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pyte
import pytest

from engine.status import JobState
from tests.tui.builder import Bench

ROOT = Path(__file__).parent.parent.parent


class Terminal:
    """A deck and the screen that it paints."""

    def __init__(self, home: Path, columns: int, rows: int, *options: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.bytes_seen = 0
        self.received = b""
        environ = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
        for size in ("COLUMNS", "LINES"):  # processes that share the tests have them
            environ.pop(size, None)
        command = ["-m", "tui", "--home", str(home), *options]
        self.child: Any = pexpect.spawn(
            sys.executable,
            command,
            env=environ,
            dimensions=(rows, columns),
            # pexpect sets the size after the start, which a busy machine can make too late.
            preexec_fn=lambda: termios.tcsetwinsize(0, (rows, columns)),
            timeout=20,
        )

    def read(self, seconds: float) -> None:
        """Take in what comes within that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            with contextlib.suppress(pexpect.TIMEOUT):
                received = self.child.read_nonblocking(65536, timeout=left)
                self.bytes_seen += len(received)
                self.received += received
                self.stream.feed(received)

    def until(self, true: Callable[[str], bool]) -> str:
        """Read until the screen is as wanted."""
        deadline = time.monotonic() + 20
        while not true(shown := "\n".join(self.screen.display)):
            assert time.monotonic() < deadline, shown
            with contextlib.suppress(pexpect.EOF):
                self.read(0.1)
        return shown

    def close(self) -> None:
        """End the deck, however it stands."""
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            psutil.Process(self.child.pid).kill()
        with contextlib.suppress(OSError, pexpect.ExceptionPexpect):  # a test closed it itself
            self.child.close(force=True)


@pytest.fixture
def bench_with_jobs(bench: Bench) -> Bench:
    bench.job("sentences", JobState.RUNNING, step=300, ago=100)
    bench.job("waits", JobState.QUEUED)
    return bench


@pytest.fixture
def terminals() -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def make(*args: Any) -> Terminal:
        made.append(Terminal(*args))
        return made[-1]

    yield make
    for terminal in made:
        terminal.close()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_it_paints_and_q_leaves_with_0(
    bench_with_jobs: Bench, terminals: Callable[..., Terminal], columns: int, rows: int
) -> None:
    terminal = terminals(bench_with_jobs.home, columns, rows)
    shown = terminal.until(lambda s: "▶ running" in s and "train " in s and "q Quit" in s)
    assert "no GPU" in shown or "GPU 0" in shown
    terminal.child.send("q")
    terminal.child.expect(pexpect.EOF)
    assert b"2 jobs go on" in terminal.child.before
    terminal.child.close()
    assert terminal.child.exitstatus == 0


def test_a_closed_terminal_ends_the_deck_and_leaves_nothing_behind(
    bench_with_jobs: Bench, terminals: Callable[..., Terminal]
) -> None:
    terminal = terminals(bench_with_jobs.home, 80, 24)
    terminal.until(lambda s: "▶ running" in s)
    deck = psutil.Process(terminal.child.pid)
    family = [deck, *deck.children(recursive=True)]
    os.close(terminal.child.child_fd)
    gone, alive = psutil.wait_procs(family, timeout=2)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE], gone
    assert bench_with_jobs.store.jobs()[0].observed().state is JobState.RUNNING


def test_an_idle_deck_sends_nothing(bench: Bench, terminals: Callable[..., Terminal]) -> None:
    for number in range(5):
        bench.job(f"done-{number}", JobState.COMPLETED, step=50, ago=60)
    terminal = terminals(bench.home, 120, 40)
    terminal.until(lambda s: "✓ completed" in s and "train " in s)
    terminal.read(1.5)
    terminal.bytes_seen = 0
    terminal.read(3)
    assert terminal.bytes_seen < 500  # the machine's own memory may have moved by 2 % meanwhile
    terminal.child.send("j")
    terminal.read(1)
    assert terminal.bytes_seen > 0


def test_without_a_terminal_it_says_what_needs_none(bench: Bench) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tui", "--home", str(bench.home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "tunedeck ls" in ran.stderr
    assert ran.returncode == 2


def test_an_unknown_job_and_an_unknown_theme_are_refused_in_words(
    bench: Bench, terminals: Callable[..., Terminal]
) -> None:
    for options, words, code in (
        (("--job", "nope"), b"no job 'nope'", 3),
        (("--theme", "nope"), b"there are: ", 2),
    ):
        terminal = terminals(bench.home, 80, 24, *options)
        terminal.child.expect(pexpect.EOF)
        assert words in terminal.child.before
        terminal.child.close()
        assert terminal.child.exitstatus == code
