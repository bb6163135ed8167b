"""An sshd of our own on loopback, for tests and benches."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 30.0
SSHD = shutil.which("sshd") or next(
    (path for path in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(path).exists()), None
)
MISSING = SSHD is None or shutil.which("ssh") is None
"""Whether this machine has none."""


class NoServer(Exception):
    """sshd is there and does not work."""


@dataclass(frozen=True)
class Server:
    """An sshd of our own, with keys of its own."""

    port: int
    folder: Path
    process: "subprocess.Popen[bytes]"

    def command(self, remote: str, *options: str, port: int | None = None) -> list[str]:
        """`ssh -t` to it, or to a `port` that leads to it."""
        given = {
            "IdentityFile": self.folder / "user",
            "UserKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "no",
            "LogLevel": "ERROR",
            "SetEnv": "LC_ALL=C.UTF-8",
        }
        flags = [part for name, value in given.items() for part in ("-o", f"{name}={value}")]
        who = f"{getpass.getuser()}@127.0.0.1"
        return [
            "ssh",
            "-F",
            "none",
            "-tt",
            "-p",
            str(port or self.port),
            *flags,
            *options,
            who,
            remote,
        ]


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A running server whose keys and log lie in that folder.

    Raises:
        NoServer: it does not answer; with the end of its log.
    """
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
            raise NoServer(f"sshd does not work here: {(folder / 'log').read_text()[-300:]}")
        time.sleep(0.2)
    try:
        yield made
    finally:
        process.terminate()
        process.wait()
        log.close()
