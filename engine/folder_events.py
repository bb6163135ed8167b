"""When to look: a thread that is told by the file system that something changed."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path


class FolderEvents:
    """A thread that calls back soon after anything changed directly inside the watched folders."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._folders: frozenset[Path] = frozenset()
        self._changed = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self.working = False
        """Whether the file system reports changes; without it only looking helps."""

    def watch(self, folders: Iterable[Path]) -> None:
        """Watch these folders from now on, and no others."""
        wanted = frozenset(folders)
        if self._closed or wanted == self._folders:
            return
        self._folders = wanted
        self._changed.set()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="folder-events", daemon=True)
            thread.start()
            self._thread = thread  # only now: `close` may come from another thread at any moment

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _run(self) -> None:
        import watchfiles  # late: only who watches pays for it

        while True:
            self._changed.clear()
            if self._closed:  # looked at after the clearing, so that no `close` is missed
                return
            present = [folder for folder in self._folders if folder.is_dir()]
            try:
                events = watchfiles.watch(
                    *present,
                    watch_filter=None,
                    debounce=100,
                    step=50,
                    stop_event=self._changed,
                    recursive=False,
                    raise_interrupt=False,
                )
                self.working = bool(present)
                for _ in events:
                    self._on_change()
            except (OSError, RuntimeError):  # no inotify here, its limit, or a folder that went
                self.working = False
            if not self._changed.is_set():
                self._changed.wait(5)
