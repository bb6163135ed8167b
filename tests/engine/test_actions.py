"""The verbs without a supervisor: what they refuse, and what they do themselves."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engine import actions, launch
from engine.control import Control, Desired
from engine.errors import JobNotFound, MachineError, StateError, WaitTimeout
from engine.files import LineReader, read_json, write_json
from engine.job import Job
from engine.lock import Lock
from engine.status import JobState, JobStatus
from engine.store import Store
from tests.pretend_worker import PretendSpec, stored_job, submit

S = JobState


@pytest.fixture(autouse=True)
def asked_for(home: Store, monkeypatch: pytest.MonkeyPatch) -> list[Store]:
    """The stores for which a supervisor was asked; none is started."""
    asked: list[Store] = []
    monkeypatch.setattr(
        launch, "launch_supervisor", lambda store, environ=None: asked.append(store)
    )
    return asked


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As while a worker, an export or a supervisor lives."""
    lock = Lock.take(path)
    assert lock is not None
    with lock:
        yield


def in_state(store: Store, state: JobState, **changes: Any) -> Job:
    return stored_job(store, JobStatus(state=state, **changes))


def commit_checkpoint(job: Job, step: int = 5) -> None:
    folder = job.checkpoints / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    write_json(folder / "commit.json", {"schema": 1, "step": step, "files": {}})


def test_submit_stores_everything_before_the_job_is_seen(
    home: Store, asked_for: list[Store]
) -> None:
    environ = {"HF_HOME": "/models", "HF_TOKEN": "secret-token"}
    spec: Any = PretendSpec("My job!", gpus=0)
    job = actions.submit(home, spec, by="cli", environ=environ)
    assert "my-job" in job.id
    assert job.observed().state is S.QUEUED
    assert job.observed().created_at is not None
    control = job.control()
    assert (control.desired, control.by) == (Desired.RUN, "cli")
    assert control.request_id == job.stored().ack_request_id != ""
    assert job.launch()["environment"] == {"HF_HOME": "/models"}
    assert job.launch()["requires"]["gpus"] == 0
    assert [event["state"] for event in LineReader(job.events_file).objects()] == ["queued"]
    assert [one.home for one in asked_for] == [home.home]
    everything = b"".join(p.read_bytes() for p in job.folder.rglob("*") if p.is_file())
    assert b"secret-token" not in everything


def test_several_gpus_are_refused_until_they_are_built(home: Store) -> None:
    with pytest.raises(MachineError, match="not built yet") as refused:
        submit(home, PretendSpec(gpus=2))
    assert refused.value.exit_code == 5
    assert home.jobs() == []


def test_a_gpu_that_is_not_there_is_refused(home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(MachineError, match=r"compute\.gpus: 1"):
        submit(home, PretendSpec(gpus=1))
    assert home.jobs() == []


def test_a_token_that_the_supervisor_lacks_is_said(home: Store) -> None:
    assert actions.token_notice(home, {"HF_TOKEN": "t"}) is None, "none runs: it will get it"
    write_json(home.supervisor_file, {"pid": os.getpid(), "start_ticks": 1, "boot_id": ""})
    with held(home.supervisor_lock):
        notice = actions.token_notice(home, {"HF_TOKEN": "t"})
        assert notice is not None
        assert "hf auth login" in notice
        assert actions.token_notice(home, {}) is None


def test_a_queued_job_is_held_by_pause_and_freed_by_resume(
    home: Store, asked_for: list[Store]
) -> None:
    job = submit(home, PretendSpec())
    assert actions.pause(job, by="cli").state is S.PAUSED
    assert job.stored().reason == "user"
    assert job.stored().ack_request_id == job.control().request_id
    assert actions.resume(home, job, by="cli").state is S.QUEUED
    assert (job.stored().reason, job.stored().ended_at) == (None, None)
    assert len(asked_for) == 2


def test_pausing_a_paused_job_is_no_error_and_keeps_it_from_going_on_by_itself(home: Store) -> None:
    job = in_state(home, S.PAUSED, reason="disk")
    assert actions.pause(job, by="cli", reason="queue").reason == "disk"
    assert actions.pause(job, by="cli").reason == "user"


@pytest.mark.parametrize("state", [S.PAUSED, S.INTERRUPTED, S.FAILED, S.CANCELLED, S.RUNNING])
def test_what_rests_failed_or_died_is_resumed_at_the_head_of_the_queue(
    home: Store, state: JobState
) -> None:
    first = submit(home, PretendSpec())
    job = in_state(home, state, error=None, step=7)
    resumed = actions.resume(home, job, by="cli")
    assert (resumed.state, resumed.step) == (S.QUEUED, 7)
    assert job.control().order < first.control().order
    again = in_state(home, S.PAUSED)
    actions.resume(home, again, by="cli")
    assert again.control().order < job.control().order


@pytest.mark.parametrize("state", [S.QUEUED, S.COMPLETED])
def test_resume_is_refused_in(home: Store, state: JobState) -> None:
    job = in_state(home, state)
    with pytest.raises(StateError) as refused:
        actions.resume(home, job, by="cli")
    assert refused.value.exit_code == 4
    assert job.stored().state is state


@pytest.mark.parametrize("state", [S.STARTING, S.RUNNING, S.CANCELLING])
def test_resume_of_a_living_job_is_refused(home: Store, state: JobState) -> None:
    job = in_state(home, state)
    with held(job.worker_lock), pytest.raises(StateError):
        actions.resume(home, job, by="cli")
    assert job.control().request_id == ""


def test_resume_while_still_pausing_is_a_wish_for_later(home: Store) -> None:
    job = in_state(home, S.PAUSING)
    with held(job.worker_lock):
        assert actions.resume(home, job, by="cli").state is S.PAUSING
    assert job.control().desired is Desired.RUN
    assert job.control().request_id


@pytest.mark.parametrize("state", [S.COMPLETED, S.FAILED, S.CANCELLED])
def test_pause_and_cancel_of_a_settled_job_are_refused(home: Store, state: JobState) -> None:
    job = in_state(home, state)
    for verb in (actions.pause, actions.cancel):
        with pytest.raises(StateError, match=f"is {state} already"):
            verb(job, by="cli")


@pytest.mark.parametrize("state", [S.QUEUED, S.PAUSED, S.INTERRUPTED, S.RUNNING, S.PAUSING])
def test_cancel_ends_every_unsettled_job_without_a_worker_at_once(
    home: Store, state: JobState
) -> None:
    job = in_state(home, state)
    commit_checkpoint(job)
    assert actions.cancel(job, by="cli").state is S.CANCELLED
    assert job.stored().state is S.CANCELLED
    assert actions.has_checkpoint(job)


@pytest.mark.parametrize("state", [S.STARTING, S.RUNNING])
def test_a_living_job_shows_the_wish_at_once_and_twice_is_no_harm(
    home: Store, state: JobState, asked_for: list[Store]
) -> None:
    job = in_state(home, state)
    with held(job.worker_lock):
        assert actions.pause(job, by="cli").state is S.PAUSING
        request = job.control().request_id
        assert actions.pause(job, by="cli").state is S.PAUSING
        assert job.control().request_id == request
        assert actions.cancel(job, by="cli").state is S.CANCELLING
        assert [one.home for one in asked_for] == [home.home], (
            "someone must make it end if it does not listen"
        )
        with pytest.raises(StateError, match="being cancelled"):
            actions.pause(job, by="cli")
        assert job.stored().state is state, "only the holder of the lock writes the status"


def test_pause_of_a_dead_worker_says_that_it_was_interrupted(home: Store) -> None:
    job = in_state(home, S.RUNNING)
    with pytest.raises(StateError, match="interrupted"):
        actions.pause(job, by="cli")


def test_data_that_changed_during_a_pause_is_refused_and_the_job_stays_paused(
    home: Store, tmp_path: Path
) -> None:
    from engine.data import fingerprint

    data = tmp_path / "train.jsonl"
    data.write_text('{"text": "one"}\n')
    job = in_state(home, S.PAUSED)
    stored = {"fingerprint": fingerprint([data]), "files": [str(data)]}
    write_json(job.manifest_file, {"data": stored})
    data.write_text('{"text": "two"}\n')
    with pytest.raises(StateError, match="the data changed") as refused:
        actions.resume(home, job, by="cli")
    assert refused.value.exit_code == 4
    assert job.observed().state is S.PAUSED
    data.unlink()
    with pytest.raises(StateError, match="is gone"):
        actions.resume(home, job, by="cli")
    data.write_text('{"text": "one"}\n')
    assert actions.resume(home, job, by="cli").state is S.QUEUED


def test_remove_needs_a_job_that_neither_runs_nor_waits(home: Store) -> None:
    waiting = submit(home, PretendSpec())
    with pytest.raises(StateError, match="waits in the queue"):
        actions.remove(home, waiting)
    running = in_state(home, S.RUNNING)
    with held(running.worker_lock), pytest.raises(StateError):
        actions.remove(home, running)
    done = in_state(home, S.COMPLETED)
    with held(done.export_lock), pytest.raises(StateError, match="export"):
        actions.remove(home, done)
    actions.remove(home, done)
    with pytest.raises(JobNotFound):
        home.find(done.id)
    assert sorted(p.name for p in home.jobs_folder.iterdir()) == sorted([running.id, waiting.id])


def test_export_needs_a_committed_checkpoint(home: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[Any] = []

    def launch_export(*given: Any) -> int:
        launched.append(given)
        return os.getpid()

    monkeypatch.setattr(launch, "launch_export", launch_export)
    job = in_state(home, S.RUNNING)
    (job.checkpoints / "checkpoint-3").mkdir()
    with pytest.raises(StateError, match="no checkpoint yet") as refused:
        actions.export(home, job, ["adapter"])
    assert refused.value.exit_code == 4
    commit_checkpoint(job)
    with pytest.raises(StateError, match="no checkpoint 4"):
        actions.export(home, job, ["adapter"], checkpoint="4")
    with pytest.raises(StateError, match="cannot export to gguf"):
        actions.export(home, job, ["gguf"])
    assert launched == []
    with held(job.worker_lock):
        actions.export(home, job, ["adapter", "merged"], checkpoint="5")
    assert launched == [(job, ["adapter", "merged"], "5")]
    with held(job.export_lock), pytest.raises(StateError, match="already"):
        actions.export(home, job, ["adapter"])


def test_full_fine_tuning_has_no_adapter_to_export(home: Store) -> None:
    job = in_state(home, S.COMPLETED)
    commit_checkpoint(job)
    assert actions.export_kinds(job) == ("adapter", "merged")
    (next(job.checkpoints.glob("checkpoint-*")) / "model.safetensors").touch()
    assert actions.export_kinds(job) == ("merged",)
    with pytest.raises(StateError, match="there is no adapter") as refused:
        actions.export(home, job, ["adapter", "merged"])
    assert job.id in refused.value.hint


def test_an_export_is_a_process_of_its_own_on_the_cpu(home: Store) -> None:
    """The module may be missing here; how it is started is what counts."""
    job = in_state(home, S.COMPLETED)
    pid = launch.launch_export(job, ["adapter"], "last")
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert (job.exports / "log.txt").exists()


def test_wait_for_returns_refuses_and_gives_up(home: Store) -> None:
    job = in_state(home, S.PAUSED)
    assert actions.wait_for(job, {S.PAUSED}).state is S.PAUSED
    with pytest.raises(StateError, match="is paused"):
        actions.wait_for(job, {S.COMPLETED})
    queued = submit(home, PretendSpec())
    with pytest.raises(WaitTimeout) as late:
        actions.wait_for(queued, {S.RUNNING}, 0.05, poll_seconds=0.01)
    assert late.value.exit_code == 124


def test_wait_for_does_not_give_up_on_a_pause_that_ends_by_itself(home: Store) -> None:
    job = in_state(home, S.PAUSED)
    job.write_control(Control(desired=Desired.RUN, request_id="new"))
    with pytest.raises(WaitTimeout):
        actions.wait_for(job, {S.RUNNING}, 0.05, poll_seconds=0.01)


def test_every_state_says_what_can_be_done_and_why_not() -> None:
    possible = {
        state: {
            verb for verb, why in actions.verbs(JobStatus(state=state), True).items() if not why
        }
        for state in S
    }
    assert possible == {
        S.QUEUED: {"pause", "cancel", "export"},
        S.STARTING: {"pause", "cancel", "export"},
        S.RUNNING: {"pause", "cancel", "export"},
        S.PAUSING: {"pause", "resume", "cancel", "export"},
        S.PAUSED: {"resume", "cancel", "edit", "export", "remove"},
        S.INTERRUPTED: {"resume", "cancel", "edit", "export", "remove"},
        S.CANCELLING: {"cancel", "export"},
        S.CANCELLED: {"resume", "edit", "export", "remove"},
        S.FAILED: {"resume", "edit", "export", "remove"},
        S.COMPLETED: {"export", "remove"},
    }
    assert actions.verbs(JobStatus(), False)["export"] == "has no checkpoint yet"


def test_the_order_and_what_waits_for_what_is_visible(home: Store) -> None:
    jobs = [submit(home, PretendSpec(f"j{n}")) for n in range(3)]
    shown = [(job, job.observed()) for job in jobs]
    assert all("tunedeck worker" in text for text in actions.waiting(home, shown).values())
    running = in_state(home, S.RUNNING, gpus=())
    write_json(home.supervisor_file, {"pid": os.getpid(), "gpus": [], "cpu_jobs": 1})
    with held(home.supervisor_lock), held(running.worker_lock):
        said = actions.waiting(home, [*shown, (running, running.observed())])
    assert said[jobs[0].id].startswith("waits for stored-")
    assert said[jobs[2].id].startswith("3rd in the queue: after j1-")


def test_a_home_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="cannot be written") as refused:
        submit(Store(tmp_path / "file" / "home"), PretendSpec())
    assert refused.value.exit_code == 5


def test_a_control_file_of_a_newer_release_keeps_its_fields(home: Store) -> None:
    job = submit(home, PretendSpec())
    write_json(job.control_file, {**job.control().to_json(), "later": 7})
    actions.pause(job, by="cli")
    assert (read_json(job.control_file) or {})["later"] == 7
