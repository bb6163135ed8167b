"""The deck over a real sshd on loopback: skipped, saying so, where there is none."""

import contextlib
import os
import shlex
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
from tests.sshd import MISSING, NoServer, Server, serving
from tests.tui.builder import Bench

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 30.0

pytestmark = pytest.mark.skipif(MISSING, reason="needs sshd and ssh on this machine")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    try:
        with serving(tmp_path_factory.mktemp("sshd")) as served:
            yield served
    except NoServer as error:
        pytest.skip(str(error))


class Session:
    """The deck at the other end of a link."""

    def __init__(self, server: Server, home: Path, term: str, *options: str) -> None:
        self.screen = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        remote = f"cd / && PYTHONPATH={ROOT} exec {sys.executable} -m tui --home {shlex.quote(str(home))}"
        environ = {**os.environ, "TERM": term}
        command = server.command(remote, *options)
        self.child: Any = pexpect.spawn(
            command[0],
            command[1:],
            env=environ,
            dimensions=(24, 80),
            # pexpect sets the size after the start, which a busy machine can make too late.
            preexec_fn=lambda: termios.tcsetwinsize(0, (24, 80)),
            timeout=None,
        )

    def until(self, words: str, *, shown_now: bool = True) -> None:
        """Read until these words are on the screen, or are there no more."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (words in (shown := "\n".join(self.screen.display))) != shown_now:
            assert time.monotonic() < deadline, shown
            with contextlib.suppress(pexpect.TIMEOUT):
                self.stream.feed(self.child.read_nonblocking(65536, timeout=0.1))


@pytest.fixture
def sessions() -> Iterator[Callable[..., Session]]:
    made: list[Session] = []

    def make(*args: Any) -> Session:
        made.append(Session(*args))
        return made[-1]

    yield make
    for session in made:
        with contextlib.suppress(OSError, pexpect.ExceptionPexpect):
            session.child.close(force=True)


def decks(home: Path) -> list[psutil.Process]:
    """Every process of a deck on that home folder; the ssh client names it too, but is no Python."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        command = process.info["cmdline"] or []
        if "tui" in command and str(home) in command and "ssh" not in command[0]:
            found.append(process)
    return found


@pytest.mark.parametrize("term", ["xterm-256color", "screen", "tmux-256color", "linux"])
def test_it_works_on_every_kind_of_terminal(
    server: Server, bench: Bench, sessions: Callable[..., Session], term: str
) -> None:
    bench.job("sentences", JobState.RUNNING, step=300)
    session = sessions(server, bench.home, term, "-C")
    session.until("sentences")
    session.until("steps")
    session.child.send("?")
    session.until("Keys on Home")
    session.child.send("\x1b")
    session.until("Keys on Home", shown_now=False)  # or the two keys arrive as one: alt+q
    session.child.send("q")
    session.child.expect(pexpect.EOF, timeout=PATIENCE_SECONDS)
    assert session.child.wait() == 0


def test_a_dropped_link_leaves_no_deck_behind_and_every_job_running(
    server: Server, bench: Bench, sessions: Callable[..., Session]
) -> None:
    job = bench.job("sentences", JobState.RUNNING, step=300)
    session = sessions(server, bench.home, "xterm-256color")
    session.until("sentences")
    assert decks(bench.home)
    session.child.kill(9)  # the client is gone without a word
    deadline = time.monotonic() + PATIENCE_SECONDS
    while decks(bench.home):
        assert time.monotonic() < deadline, "the deck outlived its link"
        time.sleep(0.1)
    assert job.observed().state is JobState.RUNNING
    again = sessions(server, bench.home, "xterm-256color")
    again.until("sentences")
