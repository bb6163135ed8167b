"""Advisory file locks (`flock`) as proof of life: the kernel drops them when the last holder dies.

A lock belongs to the open file description: it can be handed to a child process by its descriptor, and a
forked child would keep it alive, so every held descriptor is closed in forked children.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

_held: set[int] = set()


def _close_in_child() -> None:
    for descriptor in _held:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _held.clear()


os.register_at_fork(after_in_child=_close_in_child)


class Lock:
    """A held exclusive lock; released by `close` or by the end of the process."""

    def __init__(self, descriptor: int) -> None:
        """Take over a descriptor that already holds the lock."""
        os.set_inheritable(descriptor, False)
        self.descriptor = descriptor
        _held.add(descriptor)

    @classmethod
    def take(cls, path: Path, *, patience_seconds: float = 1.0) -> Self | None:
        """The lock on `path`, or None while someone else holds it.

        A reader's probe may hold it for an instant: hence the patience.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return cls(descriptor)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return None
                time.sleep(0.01)
            except BaseException:
                os.close(descriptor)
                raise

    def close(self) -> None:
        """Close this process's copy; never LOCK_UN, which would release a child's copy too."""
        if self.descriptor in _held:
            _held.discard(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def is_held(path: Path) -> bool:
    """Whether some process holds the exclusive lock on `path`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
