"""The jobs as the supervisor sees them: reads again only what changed, so that idling costs nothing.

Whoever changes a job that rests touches the folder of all jobs, and a new job changes it by itself:
one `stat` a tick tells that nothing happened. Jobs that wait or live are looked at every time.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine import settle
from engine.control import Control
from engine.job import Job
from engine.status import JobState, JobStatus
from engine.store import Store

UNSURE_NS = 2_000_000_000
"""What changed so recently may change again within one tick of the file system's clock."""

LOOK_SECONDS = 5.0
"""All jobs are looked at this often, whether the folder was touched or not."""

REREAD_SECONDS = 60.0
"""And read this often, for file systems that do not keep their times."""


@dataclass
class Entry:
    """One job as last read."""

    job: Job
    stored: JobStatus
    control: Control
    launch: dict[str, Any] = field(default_factory=dict)
    """Read once: it never changes."""
    changed_ns: int = 0
    sure: bool = False

    @property
    def asks_for_work(self) -> bool:
        """Whether it waits, lives, or wishes something: then no supervisor may leave."""
        state = self.stored.state
        return (
            state is JobState.QUEUED
            or state.living
            or settle.verdict_on(self.stored, self.control) is not None
        )


class Roster:
    """All jobs of a home folder."""

    def __init__(self, store: Store, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self.entries: dict[str, Entry] = {}
        self._store = store
        self._wall_ns = wall_ns
        self._active: list[Entry] = []
        self._folder_ns = -1
        self._looked_ns = 0
        self._read_ns = 0

    def refresh(self, *, everything: bool = False) -> list[Entry]:
        """The jobs that ask for work, with their newest stored status and control."""
        now = self._wall_ns()
        if everything or abs(now - self._read_ns) > REREAD_SECONDS * 1e9:
            self._read_ns = now
            self.entries.clear()
        if everything or self._something_changed(now):
            self._look_at_all(now)
        else:
            for entry in self._active:
                self._look_at(entry.job.id, now)
        self._active = [entry for entry in self.entries.values() if entry.asks_for_work]
        return self._active

    def _something_changed(self, now: int) -> bool:
        folder_ns = _changed_ns(self._store.jobs_folder)
        same = folder_ns == self._folder_ns and abs(now - folder_ns) > UNSURE_NS
        self._folder_ns = folder_ns
        return not same or abs(now - self._looked_ns) > LOOK_SECONDS * 1e9

    def _look_at_all(self, now: int) -> None:
        self._looked_ns = now
        names = [job.id for job in self._store.jobs()]
        for gone in self.entries.keys() - set(names):
            del self.entries[gone]
        for name in names:
            self._look_at(name, now)

    def _look_at(self, name: str, now: int) -> None:
        """Read a job again if its folder changed: control and status are replaced, never edited."""
        entry = self.entries.get(name)
        changed_ns = _changed_ns(entry.job.folder if entry else self._store.jobs_folder / name)
        if entry is not None and entry.sure and changed_ns == entry.changed_ns:
            return
        job = entry.job if entry else Job(self._store.jobs_folder / name)
        if not job.exists():
            self.entries.pop(name, None)
            return
        launch = entry.launch if entry else _launch(job)
        sure = abs(now - changed_ns) > UNSURE_NS
        self.entries[name] = Entry(job, job.stored(), job.control(), launch, changed_ns, sure)


def _changed_ns(folder: "os.PathLike[str]") -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116 - half the time of Path.stat
    except OSError:
        return -1


def _launch(job: Job) -> dict[str, Any]:
    try:
        return job.launch()
    except (ValueError, OSError):
        return {}
