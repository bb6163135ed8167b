import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from engine.lock import Lock, is_held
from engine.process import ProcessIdentity, identify, is_alive, send_signal

HOLD = """
import os, sys, time
from engine.lock import Lock
lock = Lock(int(sys.argv[1]))
if "fork" not in sys.argv or os.fork() == 0:
    print("ready", flush=True)
time.sleep(60)
"""


def holder(lock: Lock, *options: str) -> "subprocess.Popen[str]":
    """A process that inherits the lock; our copy is closed.

    With the option `fork` it is its child that says "ready", so that the child's hooks have run.
    """
    command = [sys.executable, "-c", HOLD, str(lock.descriptor), *options]
    process = subprocess.Popen(
        command,
        pass_fds=[lock.descriptor],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    lock.close()
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def taken(path: Path) -> Lock:
    lock = Lock.take(path, patience_seconds=0)
    assert lock is not None
    return lock


def test_a_lock_is_held_once_and_ends_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    assert not is_held(path)
    with taken(path):
        assert is_held(path)
        assert Lock.take(path, patience_seconds=0) is None
    assert not is_held(path)


def test_a_lock_handed_to_a_child_has_no_moment_without_an_owner(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    process = holder(taken(path))
    assert is_held(path)
    process.kill()
    process.wait()
    assert not is_held(path)
    assert process.stdout is not None
    process.stdout.close()


def test_a_forked_child_does_not_keep_the_lock_alive(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    process = holder(taken(path), "fork")
    try:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not is_held(path)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        assert process.stdout is not None
        process.stdout.close()


def test_a_zombie_holds_nothing_and_counts_as_dead(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    process = holder(taken(path))
    who = identify(process.pid)
    assert who is not None
    os.kill(process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    os.kill(process.pid, 0)
    assert not is_alive(who)
    assert not send_signal(who, signal.SIGTERM)
    assert not is_held(path)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_reader_that_probes_does_not_keep_others_from_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "worker.lock"
    taken(path).close()
    stop = threading.Event()

    def probe() -> None:
        while not stop.is_set():
            is_held(path)

    readers = [threading.Thread(target=probe) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(50):
        lock = Lock.take(path)
        assert lock is not None
        lock.close()
    stop.set()
    for reader in readers:
        reader.join()


def test_closing_twice_does_not_close_a_stranger(tmp_path: Path) -> None:
    first = taken(tmp_path / "a")
    first.close()
    second = taken(tmp_path / "b")
    first.close()
    assert is_held(tmp_path / "b")
    second.close()


def test_a_pid_that_was_used_again_is_another_process() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert is_alive(me)
    stranger = ProcessIdentity(me.pid, me.start_ticks + 1, me.boot_id)
    assert not is_alive(stranger)
    assert not send_signal(stranger, signal.SIGKILL)
    assert not send_signal(ProcessIdentity(1, 0, ""), signal.SIGKILL)
    started = time.monotonic()
    assert identify(2**22 + 1) is None
    assert time.monotonic() - started < 1
