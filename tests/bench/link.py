"""The deck over SSH: bytes on the wire while a job logs once a second, with and without `ssh -C`."""

import contextlib
import os
import shlex
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pexpect

from engine.lock import Lock
from engine.store import Store
from tests.bench.deck import train
from tests.bench.startup import fill, write_spec
from tests.sshd import MISSING, Server, serving

ROOT = Path(__file__).parents[2]
LIVE_SECONDS = 10
SIZES = ((24, 80), (40, 120))


class Wire:
    """A port that leads to another one and counts what comes back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.received = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._port))
        threading.Thread(target=self._pass, args=(near, far, False), daemon=True).start()
        self._pass(far, near, True)

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(65536):
                self.received += len(block) * counted
                target.sendall(block)


def main() -> None:
    """Print the figures."""
    if MISSING:
        print("deck over SSH: not measured, no sshd here", flush=True)
        return
    with tempfile.TemporaryDirectory() as scratch:
        keys = Path(scratch) / "keys"
        keys.mkdir()
        store = Store(Path(scratch) / "home")
        fill(store, 20)
        job = store.create("job-live", write_spec)
        held = Lock.take(job.worker_lock)
        assert held is not None
        stop = threading.Event()
        threading.Thread(target=train, args=(job, stop), daemon=True).start()
        time.sleep(2)
        with serving(keys) as server:
            for rows, columns in SIZES:
                plain = _measured(server, store.home, rows, columns)
                packed = _measured(server, store.home, rows, columns, "-C")
                print(
                    f"deck over SSH at {columns}x{rows}: opening {plain[0] / 1000:.1f} kB, with -C "
                    f"{packed[0] / 1000:.1f} kB; a live second {plain[1] / 1000:.2f} kB, with -C "
                    f"{packed[1] / 1000:.2f} kB",
                    flush=True,
                )
        stop.set()
        held.close()


def _measured(
    server: Server, home: Path, rows: int, columns: int, *options: str
) -> tuple[float, float]:
    """Bytes on the wire for opening, and for each live second."""
    wire = Wire(server.port)
    remote = (
        f"cd / && PYTHONPATH={ROOT} exec {sys.executable} -m tui --home {shlex.quote(str(home))}"
    )
    command = server.command(remote, *options, port=wire.port)
    child: Any = pexpect.spawn(
        command[0],
        command[1:],
        env={**os.environ, "TERM": "xterm-256color"},
        dimensions=(rows, columns),
        timeout=None,
    )
    drain = threading.Thread(target=_drain, args=(child,), daemon=True)
    drain.start()
    time.sleep(6)
    opened = wire.received
    time.sleep(LIVE_SECONDS)
    live = (wire.received - opened) / LIVE_SECONDS
    child.send("q")
    drain.join(timeout=5)
    child.close(force=True)
    return float(opened), live


def _drain(child: Any) -> None:
    with contextlib.suppress(pexpect.EOF, OSError, ValueError):
        while True:
            child.read_nonblocking(65536, timeout=None)


if __name__ == "__main__":
    main()
