import pytest

from engine import actions, checkpoints, history
from engine.errors import StateError
from engine.job import Job
from engine.lock import Lock
from engine.rewind import rewind
from engine.status import JobState
from tests.tui import builder
from tests.tui.builder import Bench

S = JobState


@pytest.fixture
def rested(bench: Bench) -> Job:
    job = bench.job("some", S.PAUSED, step=300, checkpoint=300)
    for step in (100, 200):
        builder.commit(job, step)
    return job


def test_going_back_keeps_the_newer_ones_aside(rested: Job) -> None:
    assert rewind(rested, 100, by="deck") == [200, 300]
    assert [one.step for one in checkpoints.committed(rested.checkpoints)] == [100]
    assert checkpoints.select(rested.checkpoints).checkpoint.step == 100  # type: ignore[union-attr]
    aside = checkpoints.aside(rested.checkpoints)
    assert [(one.step, one.why, one.rejected) for one in aside] == [
        (200, "went back to 100", False),
        (300, "went back to 100", False),
    ]
    assert all((one.folder / "adapter_model.safetensors").exists() for one in aside)
    assert rested.stored().checkpoint_step == rested.stored().step == 100
    told = history.History(rested.events_file)
    told.update()
    assert history.words(told.events[-1]) == (
        "went back to checkpoint 100 by deck; set aside: 200, 300"
    )


def test_resume_from_a_step_goes_back_and_queues(bench: Bench, rested: Job) -> None:
    status = actions.resume(bench.store, rested, by="deck", from_step=200)
    assert status.state is S.QUEUED
    assert [one.step for one in checkpoints.committed(rested.checkpoints)] == [100, 200]


def test_the_newest_needs_nothing_set_aside(rested: Job) -> None:
    before = rested.stored()
    assert rewind(rested, 300, by="deck") == []
    assert rested.stored() == before


def test_no_checkpoint_is_touched_where_going_back_is_refused(bench: Bench, rested: Job) -> None:
    with pytest.raises(StateError, match="no checkpoint '150'"):
        rewind(rested, 150, by="deck")
    broken = checkpoints.folder_of(rested.checkpoints, 200) / "adapter_model.safetensors"
    broken.write_bytes(b"short")
    with pytest.raises(StateError, match="wrong size"):
        rewind(rested, 200, by="deck")
    held = Lock.take(rested.export_lock)
    assert held is not None
    with pytest.raises(StateError, match="being exported"):
        rewind(rested, 100, by="deck")
    held.close()
    bench.live(rested)
    with pytest.raises(StateError, match="living worker"):
        rewind(rested, 100, by="deck")
    assert [one.step for one in checkpoints.committed(rested.checkpoints)] == [100, 200, 300]
