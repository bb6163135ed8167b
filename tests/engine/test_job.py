from pathlib import Path

import pytest

from engine.control import Control, Desired
from engine.errors import MachineError, StateError
from engine.files import LineReader
from engine.job import Job
from engine.lock import Lock
from engine.status import JobState, JobStatus


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path)


def test_a_move_is_stored_numbered_and_remembered(job: Job) -> None:
    first = job.write_status(JobStatus())
    moved = job.move(first, JobState.STARTING, attempt=1)
    assert job.stored() == moved
    assert moved.seq == first.seq + 1
    [event] = LineReader(job.events_file).objects()
    assert (event["kind"], event["state"], event["attempt"]) == ("state", "starting", 1)


def test_an_illegal_move_stores_nothing(job: Job) -> None:
    done = job.write_status(JobStatus(state=JobState.COMPLETED))
    with pytest.raises(StateError):
        job.move(done, JobState.RUNNING)
    assert job.stored() == done
    assert not job.events_file.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"gpus": 3, "state": "queued"}'])
def test_a_status_that_cannot_be_read_is_shown_as_such(job: Job, content: str) -> None:
    job.status_file.write_text(content)
    stored = job.stored()
    assert stored.state is JobState.INTERRUPTED
    assert stored.error is not None
    assert "status.json" in stored.error.message


def test_a_wish_that_cannot_be_read_changes_nothing(job: Job) -> None:
    job.control_file.write_text("{")
    assert job.control() == Control()


def test_what_is_shown_follows_lock_and_wish(job: Job) -> None:
    job.write_status(JobStatus(state=JobState.RUNNING))
    assert job.observed().state is JobState.INTERRUPTED
    with Lock.take(job.worker_lock) or pytest.fail("the lock is free"):
        assert job.observed().state is JobState.RUNNING
        job.write_control(Control(desired=Desired.PAUSE, request_id="a"))
        assert job.observed().state is JobState.PAUSING


def test_settling_needs_a_job_without_a_worker(job: Job) -> None:
    job.write_status(JobStatus(state=JobState.PAUSED))
    with job.settling() as stored:
        assert stored.state is JobState.PAUSED
        assert job.lock_held()
    assert not job.lock_held()
    held = Lock.take(job.worker_lock)
    assert held is not None
    with held, pytest.raises(StateError, match="living worker"), job.settling():
        pass


def test_settling_where_nothing_can_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="cannot be written"), Job(tmp_path / "file").settling():
        pass
