"""The deck over a real sshd on loopback: skipped, saying so, where there is none."""

import contextlib
import getpass
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
import psutil
import pyte
import pytest

from engine.status import JobState
from tests.tui.builder import Bench

ROOT = Path(__file__).parents[2]
SSHD = shutil.which("sshd") or next(
    (path for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(path).exists()), None
)
PATIENCE_SECONDS = 30.0

pytestmark = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None, reason="needs sshd and ssh on this machine"
)


@dataclass(frozen=True)
class Server:
    """An sshd of our own, with keys of its own."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    def command(self, remote: str, *options: str) -> list[str]:
        """`ssh -t` to it."""
        given = {
            "IdentityFile": self.folder / "user",
            "UserKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "no",
            "LogLevel": "ERROR",
            "SetEnv": "LC_ALL=C.UTF-8",
        }
        flags = [part for name, value in given.items() for part in ("-o", f"{name}={value}")]
        who = f"{getpass.getuser()}@127.0.0.1"
        return ["ssh", "-F", "none", "-tt", "-p", str(self.port), *flags, *options, who, remote]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sshd")
    folder.chmod(0o700)
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    shutil.copy(folder / "user.pub", folder / "authorized_keys")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "sshd_config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPermitRootLogin yes\nStrictModes no\n"
        f"UsePAM no\nPidFile {folder}/pid\nAcceptEnv LC_ALL\nPasswordAuthentication no\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    log = (folder / "log").open("wb")
    process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(config)], stderr=log)
    made = Server(port, folder, process)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while subprocess.run(made.command("true"), capture_output=True, check=False).returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.skip(f"sshd does not work here: {(folder / 'log').read_text()[-300:]}")
        time.sleep(0.2)
    yield made
    process.terminate()
    process.wait()


class Session:
    """The deck at the other end of a link."""

    def __init__(self, server: Server, home: Path, term: str, *options: str) -> None:
        self.screen = pyte.Screen(80, 24)
        self.stream = pyte.ByteStream(self.screen)
        remote = f"cd / && PYTHONPATH={ROOT} exec {sys.executable} -m tui --home {shlex.quote(str(home))}"
        environ = {**os.environ, "TERM": term}
        command = server.command(remote, *options)
        self.child: Any = pexpect.spawn(
            command[0], command[1:], env=environ, dimensions=(24, 80), timeout=None
        )

    def until(self, words: str) -> None:
        """Read until these words are on the screen."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while words not in (shown := "\n".join(self.screen.display)):
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
    session.until("sentences")
    session.child.send("q")
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
