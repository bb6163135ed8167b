import itertools

import pytest

from engine.control import Control, Desired
from engine.errors import StateError
from engine.status import MOVES, Failure, JobState, JobStatus, observe, seconds_between

S = JobState
NOW = "2026-11-20T10:00:00.000Z"


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations(S, 2)))
def test_only_the_moves_of_the_table_are_legal(before: JobState, after: JobState) -> None:
    status = JobStatus(state=before)
    if after in MOVES[before]:
        assert status.moved(after, at=NOW).state is after
    else:
        with pytest.raises(StateError):
            status.moved(after, at=NOW)


def test_completed_is_final_and_every_unsettled_state_can_be_cancelled() -> None:
    assert MOVES[S.COMPLETED] == set()
    for state in S:
        if not state.settled:
            assert S.CANCELLED in MOVES[state]


def test_rest_and_end_clear_what_was_under_way() -> None:
    running = JobStatus(state=S.RUNNING, phase="training", phase_progress=0.5, eta_seconds=9.0)
    for state in (S.PAUSED, S.COMPLETED, S.FAILED, S.INTERRUPTED, S.CANCELLED):
        ended = running.moved(state, at=NOW)
        assert (ended.phase, ended.phase_progress, ended.eta_seconds) == (None, None, None)
        assert ended.ended_at == NOW


@pytest.mark.parametrize(
    ("stored", "desired", "lock_held", "shown"),
    [
        (S.RUNNING, Desired.RUN, True, S.RUNNING),
        (S.RUNNING, Desired.RUN, False, S.INTERRUPTED),
        (S.PAUSING, Desired.PAUSE, False, S.INTERRUPTED),
        (S.RUNNING, Desired.CANCEL, False, S.CANCELLED),
        (S.CANCELLING, Desired.CANCEL, False, S.CANCELLED),
        (S.STARTING, Desired.PAUSE, True, S.PAUSING),
        (S.RUNNING, Desired.PAUSE, True, S.PAUSING),
        (S.RUNNING, Desired.CANCEL, True, S.CANCELLING),
        (S.PAUSING, Desired.CANCEL, True, S.CANCELLING),
        (S.PAUSED, Desired.PAUSE, True, S.PAUSING),
        (S.PAUSED, Desired.PAUSE, False, S.PAUSED),
        (S.CANCELLED, Desired.CANCEL, True, S.CANCELLING),
        (S.QUEUED, Desired.RUN, False, S.QUEUED),
        (S.COMPLETED, Desired.PAUSE, True, S.COMPLETED),
    ],
)
def test_everyone_is_shown_the_same_state(
    stored: JobState, desired: Desired, lock_held: bool, shown: JobState
) -> None:
    control = Control(desired=desired, request_id="new")
    assert observe(JobStatus(state=stored), control, lock_held=lock_held).state is shown


def test_an_answered_wish_changes_nothing() -> None:
    control = Control(desired=Desired.PAUSE, request_id="old")
    stored = JobStatus(state=S.RUNNING, ack_request_id="old")
    assert observe(stored, control, lock_held=True) == stored


def test_a_status_is_stored_and_read_back_as_it_was() -> None:
    status = JobStatus(
        state=S.FAILED, gpus=(0,), error=Failure(message="m", hint="h"), warnings=("w",), loss=0.5
    )
    assert JobStatus.from_json(status.to_json()) == status


def test_fields_of_a_newer_release_are_kept_and_an_unknown_state_reads_as_interrupted() -> None:
    read = JobStatus.from_json({"state": "dreaming", "later": 7})
    assert read.state is S.INTERRUPTED
    assert read.to_json()["later"] == 7


def test_times_that_are_unknown_or_unreadable_give_no_figure() -> None:
    assert seconds_between("2026-11-20T10:00:00Z", "2026-11-20T10:00:01.5Z") == 1.5
    assert seconds_between(None, NOW) is None
    assert seconds_between("yesterday", NOW) is None
    assert seconds_between("2026-11-20T10:00:00", NOW) is None, "without a zone"
