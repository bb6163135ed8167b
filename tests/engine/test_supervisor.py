"""The queue with real processes and a pretended training."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import actions
from engine.config import Settings
from engine.control import Control, Desired
from engine.errors import MachineError
from engine.files import LineReader
from engine.job import Job
from engine.process import ProcessIdentity, identify, is_alive, send_signal
from engine.rounds import Rounds
from engine.status import JobState, JobStatus
from engine.store import Store
from engine.supervisor import run
from engine.workers import processes_of
from tests.conftest import supervisor_of
from tests.pretend_worker import PretendSpec, stored_job, submit

S = JobState
LONG = PretendSpec(steps=2000, step_seconds=0.02, save_steps=5)


def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


def states(job: Job) -> list[str]:
    return [e["state"] for e in LineReader(job.events_file).objects() if e["kind"] == "state"]


def started(store: Store, spec: PretendSpec = LONG) -> Job:
    job = submit(store, spec)
    actions.wait_for(job, {S.RUNNING}, 10, poll_seconds=0.01)
    return job


def processes(job: Job) -> list[ProcessIdentity]:
    return processes_of(job, None)


def worker_of(job: Job) -> ProcessIdentity:
    status = job.stored()
    assert status.pid is not None
    assert status.start_ticks is not None
    return ProcessIdentity(status.pid, status.start_ticks, status.boot_id or "")


def test_a_submitted_job_runs_to_its_end(home: Store) -> None:
    job = submit(home, PretendSpec())
    status = actions.wait_for(job, {S.COMPLETED}, 10)
    assert (status.step, status.attempt, status.gpus) == (3, 1, ())
    assert states(job) == ["queued", "starting", "running", "completed"]


def test_ten_jobs_at_once_run_one_after_another_in_order(home: Store) -> None:
    jobs = [submit(home, PretendSpec(f"j{n}", steps=2)) for n in range(10)]
    for job in jobs:
        actions.wait_for(job, {S.COMPLETED}, 30)
    spans = [
        [
            e["time"]
            for e in LineReader(job.events_file).objects()
            if e["state"] in {"starting", "completed"}
        ]
        for job in jobs
    ]
    assert all(len(span) == 2 for span in spans)
    flat = [moment for span in spans for moment in span]
    assert flat == sorted(flat)


def test_pause_keeps_the_checkpoint_and_resume_goes_on_from_it(home: Store) -> None:
    job = started(home, PretendSpec(steps=60, step_seconds=0.02, save_steps=100))
    actions.pause(job, by="test")
    paused = actions.wait_for(job, {S.PAUSED}, 10)
    assert paused.checkpoint_step == paused.step > 0
    assert actions.pause(job, by="test").state is S.PAUSED
    actions.resume(home, job, by="test")
    done = actions.wait_for(job, {S.COMPLETED}, 20)
    assert (done.step, done.attempt) == (60, 2)


def test_kill_of_the_supervisor_leaves_the_worker_and_the_next_one_adopts_it(home: Store) -> None:
    job = started(home)
    behind = submit(home, PretendSpec("behind"))
    worker, supervisor = worker_of(job), supervisor_of(home)
    assert supervisor is not None
    send_signal(supervisor, signal.SIGKILL)
    until(lambda: not is_alive(supervisor))
    step = job.stored().step
    until(lambda: job.stored().step > step)
    actions.ensure_supervisor(home)
    time.sleep(2.5)  # longer than anything that was left behind would live
    assert supervisor_of(home) not in {None, supervisor}
    assert behind.stored().state is S.QUEUED
    assert worker_of(job) == worker
    assert is_alive(worker)
    actions.cancel(job, by="test")
    actions.wait_for(job, {S.CANCELLED}, 10)
    actions.wait_for(behind, {S.COMPLETED}, 10)
    assert job.stored().attempt == behind.stored().attempt == 1


def test_a_supervisor_that_is_killed_again_and_again_loses_no_job_and_runs_none_twice(
    home: Store,
) -> None:
    jobs = [submit(home, PretendSpec(f"j{n}", steps=4, step_seconds=0.02)) for n in range(5)]
    moments = random.Random(7)
    for _ in range(8):
        time.sleep(moments.uniform(0.0, 0.4))
        if (supervisor := supervisor_of(home)) is not None:
            send_signal(supervisor, signal.SIGKILL)
            until(lambda gone=supervisor: not is_alive(gone))  # type: ignore[misc]
        actions.ensure_supervisor(home)
    for job in jobs:
        until(lambda job=job: job.stored().state is S.COMPLETED, 20)  # type: ignore[misc]
        measured = [m for m in LineReader(job.metrics_file).objects() if m["kind"] == "train"]
        lines = [(m["attempt"], m["step"]) for m in measured]
        assert lines == [(lines[0][0], step) for step in range(1, 5)], "trained once"


def test_told_to_leave_the_supervisor_leaves_and_the_worker_goes_on(home: Store) -> None:
    job = started(home)
    supervisor = supervisor_of(home)
    assert supervisor is not None
    send_signal(supervisor, signal.SIGHUP)
    time.sleep(0.2)
    assert is_alive(supervisor)
    send_signal(supervisor, signal.SIGTERM)
    until(lambda: not is_alive(supervisor))
    assert is_alive(worker_of(job))
    assert job.observed().state is S.RUNNING


def test_a_resume_that_comes_during_the_pause_queues_the_job_when_it_is_done(home: Store) -> None:
    job = started(home, PretendSpec(steps=9999, step_seconds=0.02, pause_seconds=1))
    actions.pause(job, by="test")
    until(lambda: job.stored().state is S.PAUSING)
    assert actions.resume(home, job, by="test").state is S.PAUSING
    assert actions.wait_for(job, {S.RUNNING}, 10).attempt == 2
    assert job.stored().ack_request_id == job.control().request_id


def test_a_killed_worker_is_interrupted_and_says_by_what(home: Store) -> None:
    job = started(home)
    send_signal(worker_of(job), signal.SIGKILL)
    until(lambda: job.stored().state is S.INTERRUPTED)
    assert "SIGKILL" in (job.stored().reason or "")
    actions.resume(home, job, by="test")
    actions.wait_for(job, {S.RUNNING}, 10)
    assert job.stored().attempt == 2


def test_a_worker_that_listens_to_nothing_is_cancelled_by_force(home: Store) -> None:
    job = started(
        home,
        PretendSpec(
            steps=9999, step_seconds=0.02, ignores=("control", "sigterm"), leaves_child=True
        ),
    )
    worker = worker_of(job)
    actions.cancel(job, by="test")
    assert actions.cancel(job, by="test").state is S.CANCELLING
    actions.wait_for(job, {S.CANCELLED}, 10)
    assert not is_alive(worker)
    assert processes(job) == []


def test_a_pause_is_never_escalated_to_a_kill(home: Store) -> None:
    job = started(home, PretendSpec(steps=9999, step_seconds=0.02, ignores=("control",)))
    actions.pause(job, by="test")
    time.sleep(1.5)
    assert job.observed().state is S.PAUSING
    assert is_alive(worker_of(job))


def test_what_a_dead_worker_left_behind_is_cleared_away(home: Store) -> None:
    job = started(home, PretendSpec(steps=9999, step_seconds=0.02, leaves_child=True))
    until(lambda: len(processes(job)) == 2)
    send_signal(worker_of(job), signal.SIGKILL)
    until(lambda: job.stored().state is S.INTERRUPTED)
    until(lambda: not job.lock_held(), 2)
    assert len(processes(job)) == 1, "the forked child would have kept the job alive"
    until(lambda: processes(job) == [], 12)


@pytest.mark.parametrize(
    ("spec", "state", "said"),
    [
        (PretendSpec(fails_at=2), S.FAILED, "pretended failure"),
        (PretendSpec(exits_at=(2, 3)), S.FAILED, "exit code 3: pretended last words"),
        (PretendSpec(exits_at=(2, 0)), S.FAILED, "without finishing"),
        (PretendSpec(exits_at=(2, 75)), S.PAUSED, "user"),
        (PretendSpec(exits_at=(2, 77)), S.PAUSED, "the disk is full"),
    ],
)
def test_the_exit_code_decides_where_the_status_could_not(
    home: Store, spec: PretendSpec, state: JobState, said: str
) -> None:
    job = submit(home, spec)
    until(lambda: job.stored().state is state)
    stored = job.stored()
    assert said in (stored.error.message if stored.error else str(stored.reason))


def test_a_restart_of_the_machine_is_named(home: Store) -> None:
    job = stored_job(home, JobStatus(state=S.RUNNING, pid=4, start_ticks=1, boot_id="another"))
    assert job.observed().state is S.INTERRUPTED
    actions.ensure_supervisor(home)
    until(lambda: job.stored().state is S.INTERRUPTED)
    assert job.stored().reason == "the machine was restarted"


def test_a_job_whose_worker_never_began_is_started_again(home: Store) -> None:
    boot = identify(os.getpid())
    assert boot is not None
    job = stored_job(home, JobStatus(state=S.STARTING, attempt=1, boot_id=boot.boot_id))
    actions.ensure_supervisor(home)
    until(lambda: job.stored().state is S.COMPLETED)
    assert job.stored().attempt == 2


def test_a_wish_that_nobody_answered_is_answered(home: Store) -> None:
    """The verb was killed between storing the wish and answering it."""
    job = stored_job(home, JobStatus(state=S.PAUSED))
    job.write_control(Control(desired=Desired.RUN, request_id="new"))
    actions.ensure_supervisor(home)
    actions.wait_for(job, {S.COMPLETED}, 10)


def test_a_second_supervisor_is_refused_with_the_pid_of_the_first(home: Store) -> None:
    started(home)
    first = supervisor_of(home)
    assert first is not None
    with pytest.raises(MachineError, match=f"pid {first.pid}") as refused:
        run(home, foreground=True)
    assert refused.value.exit_code == 5


def test_an_idle_supervisor_leaves(home: Store) -> None:
    actions.ensure_supervisor(home)
    supervisor = supervisor_of(home)
    assert supervisor is not None
    until(lambda: not is_alive(supervisor), 5)
    assert actions.supervisor(home) is None


def test_a_home_that_cannot_be_written_is_refused(home: Store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = Store(tmp_path / "file" / "home")
    for action in (lambda: run(blocked), lambda: actions.ensure_supervisor(blocked)):
        with pytest.raises(MachineError, match="cannot be written"):
            action()


def test_settings_that_cannot_be_read_are_said_and_lose_no_job(home: Store) -> None:
    home.config_file.write_text("cpu_jobs = 0\nspeed = 3")
    with pytest.raises(MachineError, match="cpu_jobs: must be at least 1"):
        submit(home, PretendSpec())
    assert [job.stored().state for job in home.jobs()] == [S.QUEUED]


def test_a_job_that_cannot_be_started_fails_and_leaves_the_others_alone(home: Store) -> None:
    no_log = stored_job(home, JobStatus(state=S.QUEUED))
    no_log.log_file.mkdir()
    torn = stored_job(home, JobStatus(state=S.QUEUED))
    torn.launch_file.write_text("{")
    good = submit(home, PretendSpec())
    actions.wait_for(good, {S.COMPLETED}, 10)
    for broken in (no_log, torn):
        until(lambda job=broken: job.stored().state is S.FAILED)  # type: ignore[misc]
        assert "could not be started" in str(broken.stored().error)


def test_trouble_that_nobody_thought_of_leaves_the_other_jobs_alone(
    home: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad = stored_job(home, JobStatus(state=S.QUEUED))
    good = stored_job(home, JobStatus(state=S.QUEUED))
    good.write_control(Control(order=1.0))
    stored = Job.stored

    def odd(job: Job) -> JobStatus:
        if job == bad and job.lock_held():
            raise TypeError("a fault in the code")
        return stored(job)

    monkeypatch.setattr(Job, "stored", odd)
    rounds = Rounds(home, Settings(release_seconds=1))
    until(lambda: rounds.tick() and good.stored().state is S.COMPLETED)
    assert "a fault in the code" in caplog.text
    assert caplog.text.count("Traceback") == 1, "left alone for a while"
    assert bad.stored().state is S.QUEUED
    until(lambda: bool(rounds.tick()) and not rounds.workers)


def test_a_queued_job_keeps_the_environment_of_the_shell_that_submitted_it(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(home, PretendSpec(steps=20, step_seconds=0.02))
    monkeypatch.setenv("HF_HOME", "/elsewhere")
    second = started(home)
    environ = Path(f"/proc/{worker_of(second).pid}/environ").read_bytes().split(b"\0")
    assert b"HF_HOME=/elsewhere" in environ
    assert b"PYTHONSAFEPATH=1" in environ
    assert b"CUDA_VISIBLE_DEVICES=" in environ
    assert not [e for e in environ if e.startswith(b"PYTHONPATH=")]
