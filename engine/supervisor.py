"""The headless worker mode: one process per home folder that starts, adopts and reaps workers.

It may be killed at any moment: everything that matters stands in the jobs' folders, workers go on
without it, and the next one continues from there.
"""

import argparse
import contextlib
import logging
import os
import platform
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from engine import __version__
from engine.config import Settings, read_settings
from engine.errors import MachineError, TunedeckError
from engine.files import read_json, write_json
from engine.launch import has_token
from engine.lock import Lock
from engine.process import boot_id, identify
from engine.rounds import Rounds
from engine.store import Store

log = logging.getLogger("tunedeck.supervisor")

LOG_BYTES = 1024 * 1024
"""A log larger than this is put aside (one old copy is kept) when a supervisor starts."""


class Supervisor:
    """Holds the home folder's lock and makes its rounds until there is nothing left to do."""

    def __init__(
        self,
        store: Store,
        rounds: Rounds,
        *,
        foreground: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.store = store
        self.rounds = rounds
        self._foreground = foreground
        self._environ = environ
        self._lock: Lock | None = None
        self._introduced: list[dict[str, object]] = []
        self._stopping = False
        self._wake_read, self.wake_descriptor = os.pipe()
        os.set_blocking(self.wake_descriptor, False)

    def take_over(self) -> None:
        """Become the supervisor of the home folder.

        Raises:
            MachineError: it cannot be written, or another supervisor runs.
        """
        self.store.prepare()
        try:
            self._lock = Lock.take(self.store.supervisor_lock)
            if self._lock is None:
                raise _runs_already(self.store)
            self._introduce()
        except OSError as error:
            raise MachineError(
                f"TUNEDECK_HOME cannot be written: {self.store.home} ({error.strerror})",
                "set TUNEDECK_HOME to a folder that you own, on a disk with free space",
            ) from error

    def run(self) -> None:
        """Work until told to stop or, on demand, until nothing was to do for `idle_seconds`."""
        self.rounds.adopt_living()
        idle, settings = 0.0, self.rounds.settings
        while not self._stopping:
            busy = self.rounds.tick()
            if busy or self._foreground:
                idle = 0.0
            elif idle >= settings.idle_seconds:
                if self.leave():
                    return
                idle = 0.0
                continue
            if self._gpus() != self._introduced:
                self._introduce()
            idle += self._sleep(settings.poll_seconds)
        log.info("told to leave; %d worker(s) go on", len(self.rounds.workers))
        self._unlock()

    def leave(self) -> bool:
        """Unlock, look again, and stay if there is work: a submit in this moment loses nothing.

        Whoever submits renames the job in and then probes the lock. Either it finds it free and
        starts a supervisor, or its job was there before the unlocking, and is seen here.
        """
        self._unlock()
        if not self.rounds.has_work():
            log.info("nothing to do: left")
            return True
        self._lock = Lock.take(self.store.supervisor_lock)
        if self._lock is None:
            log.info("another supervisor took over")
            return True
        self._introduce()
        return False

    def stop(self) -> None:
        """Leave after the current look; workers go on and are adopted later."""
        self._stopping = True
        self.wake()

    def wake(self) -> None:
        """Look at the jobs at once."""
        with contextlib.suppress(BlockingIOError):
            os.write(self.wake_descriptor, b"w")

    def close(self) -> None:
        """Give everything up."""
        self._unlock()
        os.close(self._wake_read)
        os.close(self.wake_descriptor)

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _sleep(self, seconds: float) -> float:
        """Until the next look, a child's end, or a wish to stop; returns the seconds meant."""
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 4096)
        return seconds

    def _gpus(self) -> list[dict[str, object]]:
        found = self.rounds.gpus()
        return [
            {"index": gpu.index, "uuid": gpu.uuid, "name": gpu.name, "trouble": gpu.trouble}
            for gpu in found
        ]

    def _introduce(self) -> None:
        """Say who supervises, for those who want to know; the lock is what counts."""
        self._introduced = self._gpus()
        me = identify(os.getpid())
        record = {
            "schema": 1,
            "version": __version__,
            "pid": os.getpid(),
            "start_ticks": me.start_ticks if me else None,
            "boot_id": boot_id(),
            "host": platform.node(),
            "foreground": self._foreground,
            "cpu_jobs": self.rounds.settings.cpu_jobs,
            "gpus": self._introduced,
            "has_token": has_token(self._environ),
        }
        write_json(self.store.supervisor_file, record, durable=False)


class SupervisorRuns(MachineError):
    """Another supervisor has the home folder already."""


def _runs_already(store: Store) -> SupervisorRuns:
    """The refusal of a second supervisor, with the pid of the first."""
    with contextlib.suppress(ValueError, OSError):
        if (record := read_json(store.supervisor_file)) is not None:
            return SupervisorRuns(
                f"a supervisor runs already (pid {record.get('pid')})",
                "it takes every queued job: nothing more is needed",
            )
    return SupervisorRuns("a supervisor runs already", "it takes every queued job")


def run(
    store: Store,
    *,
    foreground: bool = True,
    settings: Settings | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Supervise a home folder in this process; on the main thread, signals make it leave.

    Raises:
        MachineError: the folder cannot be written, or another supervisor runs.
        UsageError: the user's settings cannot be read.
    """
    store.prepare()
    chosen = settings or read_settings(store.config_file)
    supervisor = Supervisor(store, Rounds(store, chosen), foreground=foreground)
    try:
        supervisor.take_over()
        with _signals(supervisor):
            log.info("supervises %s (pid %d)", store.home, os.getpid())
            ready()
            supervisor.run()
    finally:
        supervisor.close()


@contextlib.contextmanager
def _signals(supervisor: Supervisor) -> Iterator[None]:
    """SIGTERM and SIGINT make it leave, a hang-up does nothing, a child's end wakes it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        supervisor.stop()

    def woken(number: int, frame: FrameType | None) -> None:
        """The wake-up descriptor has done it."""

    handlers: dict[int, Callable[[int, FrameType | None], None] | signal.Handlers] = {
        signal.SIGTERM: leave,
        signal.SIGINT: leave,
        signal.SIGHUP: signal.SIG_IGN,
        signal.SIGCHLD: woken,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    descriptor = signal.set_wakeup_fd(supervisor.wake_descriptor, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m engine.supervisor`: in the foreground, or detached as the verbs start it."""
    parser = argparse.ArgumentParser(prog="python -m engine.supervisor", description=__doc__)
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    detach = parser.parse_args(arguments).detach
    os.umask(0o077)
    store = Store()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        if detach:
            _detached(store)
        else:
            run(store)
    except TunedeckError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n")
        return error.exit_code
    except Exception:
        log.exception("the supervisor failed")  # the process's top level
        return 1
    return 0


def _detached(store: Store) -> None:
    """Supervise in a child that nobody waits for; this process leaves when the child does so."""
    ready, say = os.pipe()
    if os.fork():
        os.close(say)
        with os.fdopen(ready) as answers:
            answer = answers.read() or "it died at once"
        sys.stderr.write("" if answer == "ok" else f"{answer}\n")
        sys.stderr.flush()
        os._exit(0 if answer == "ok" else 1)
    os.close(ready)
    with os.fdopen(say, "w") as pipe:

        def tell(word: str) -> None:
            if not pipe.closed:
                pipe.write(word)
                pipe.close()

        try:
            store.prepare()
            _write_to(store.supervisor_log)
            run(store, foreground=False, ready=partial(tell, "ok"))
        except SupervisorRuns:
            tell("ok")
        except (TunedeckError, OSError) as error:
            tell(str(error))
            raise


def _write_to(path: Path) -> None:
    """Send this process's output to a log file, and read from nothing."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for descriptor, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    os.close(nothing)
    os.close(output)


if __name__ == "__main__":
    raise SystemExit(main())
