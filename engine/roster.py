"""The jobs as the supervisor sees them: reads again only what changed, so that idling costs nothing.

Every file of a job is replaced or appended; control and status are replaced, which changes the
modification time of the job's folder. One `stat` a job and tick finds that.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine import settle
from engine.control import Control
from engine.job import Job
from engine.status import JobState, JobStatus
from engine.store import Store

UNSURE_NS = 2_000_000_000
"""A folder that changed so recently may change again within one tick of the file system's clock."""

REREAD_SECONDS = 30.0
"""Everything is read again this often, for file systems that do not keep their times."""


@dataclass
class Entry:
    """One job as last read; rewritten in place when its folder changes."""

    job: Job
    stored: JobStatus
    control: Control
    launch: dict[str, Any] = field(default_factory=dict)
    """Read once: it never changes."""
    changed_ns: int = 0
    sure: bool = False

    @property
    def asks_for_work(self) -> bool:
        """Whether a supervisor must not leave yet."""
        state = self.stored.state
        return (
            state is JobState.QUEUED
            or state.living
            or settle.verdict_on(self.stored, self.control) is not None
        )


class Roster:
    """All jobs of a home folder; `refresh` reads what changed since the last time."""

    def __init__(self, store: Store, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._store = store
        self._wall_ns = wall_ns
        self._entries: dict[str, Entry] = {}
        self._read_all_ns = 0

    def refresh(self, *, everything: bool = False) -> list[Entry]:
        """Every job, with its newest stored status and control."""
        now = self._wall_ns()
        everything = everything or abs(now - self._read_all_ns) > REREAD_SECONDS * 1e9
        if everything:
            self._read_all_ns = now
        self._entries = {entry.job.id: entry for entry in self._present(now, everything=everything)}
        return list(self._entries.values())

    def _present(self, now: int, *, everything: bool) -> Iterator[Entry]:
        for job in self._store.jobs():
            try:
                changed_ns = job.folder.stat().st_mtime_ns
            except OSError:
                continue
            entry = self._entries.get(job.id)
            if entry is None and not job.exists():
                continue
            if entry is None or everything or not entry.sure or changed_ns != entry.changed_ns:
                launch = entry.launch if entry else _launch(job)
                sure = abs(now - changed_ns) > UNSURE_NS
                entry = Entry(job, job.stored(), job.control(), launch, changed_ns, sure)
            yield entry


def _launch(job: Job) -> dict[str, Any]:
    try:
        return job.launch()
    except (ValueError, OSError):
        return {}
