import os
import time
from pathlib import Path

import pytest

from engine.control import Control, Desired
from engine.job import Job
from engine.roster import LOOK_SECONDS, REREAD_SECONDS, Roster
from engine.status import JobState, JobStatus
from engine.store import Store
from tests.pretend_worker import stored_job


class Wall:
    """A clock that stands still, well after everything that the test wrote."""

    def __init__(self) -> None:
        self.ns = time.time_ns() + 3600 * 10**9

    def __call__(self) -> int:
        return self.ns


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def wish(job: Job) -> None:
    job.write_control(Control(desired=Desired.RUN, request_id="new"))


def touch(path: Path) -> None:
    later = path.stat().st_mtime_ns + 10**7
    os.utime(path, ns=(later, later))


def test_a_job_that_rests_is_looked_at_when_the_folder_of_all_jobs_was_touched(
    store: Store,
) -> None:
    job = stored_job(store, JobStatus(state=JobState.PAUSED))
    roster = Roster(store, Wall())
    assert roster.refresh() == []
    wish(job)
    touch(job.folder)
    assert roster.refresh() == [], "nobody said so"
    touch(store.jobs_folder)
    assert [entry.job for entry in roster.refresh()] == [job]


def test_nothing_is_overlooked_for_long(store: Store) -> None:
    job = stored_job(store, JobStatus(state=JobState.PAUSED))
    wall = Wall()
    roster = Roster(store, wall)
    roster.refresh()
    wish(job)
    touch(job.folder)
    wall.ns += int((LOOK_SECONDS + 1) * 1e9)
    assert [entry.job for entry in roster.refresh()] == [job]


def test_a_file_system_that_keeps_no_times_is_read_again(store: Store) -> None:
    job = stored_job(store, JobStatus(state=JobState.PAUSED))
    wall = Wall()
    roster = Roster(store, wall)
    roster.refresh()
    before = job.folder.stat().st_mtime_ns
    wish(job)
    os.utime(job.folder, ns=(before, before))
    wall.ns += int((REREAD_SECONDS + 1) * 1e9)
    assert [entry.job for entry in roster.refresh()] == [job]


def test_a_job_that_waits_or_lives_is_looked_at_every_time(store: Store) -> None:
    job = stored_job(store, JobStatus(state=JobState.RUNNING))
    roster = Roster(store, Wall())
    assert len(roster.refresh()) == 1
    job.write_status(JobStatus(state=JobState.COMPLETED))
    touch(job.folder)
    assert roster.refresh() == []


def test_what_changed_a_moment_ago_is_read_again(store: Store) -> None:
    """Two changes within one tick of the file system's clock leave one time."""
    job = stored_job(store, JobStatus(state=JobState.PAUSED))
    wall = Wall()
    wall.ns = job.folder.stat().st_mtime_ns + 1000
    roster = Roster(store, wall)
    roster.refresh()
    before = job.folder.stat().st_mtime_ns
    wish(job)
    os.utime(job.folder, ns=(before, before))
    assert [entry.job for entry in roster.refresh()] == [job]


def test_removed_jobs_and_folders_that_are_no_job_are_not_there(store: Store) -> None:
    job = stored_job(store, JobStatus())
    (store.jobs_folder / "no-job").mkdir()
    roster = Roster(store, Wall())
    assert [entry.job for entry in roster.refresh()] == [job]
    store.remove(job)
    assert roster.refresh() == []
    assert roster.entries == {}
