"""GPUs in the supervisor's hands: pretended ones, and a real one where there is one."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine import actions, launch
from engine.config import Settings
from engine.files import write_json
from engine.gpu import GPU, Host, Snapshot, Telemetry
from engine.job import Job
from engine.process import ProcessIdentity
from engine.release import SLACK_BYTES, is_released, watch
from engine.rounds import GPU_READ_SECONDS, Rounds
from engine.status import JobState, JobStatus
from engine.store import Store
from engine.workers import Worker, press, processes_of
from tests.engine.test_supervisor import states, until
from tests.pretend_worker import PretendSpec, stored_job, submit

S = JobState
GIB = 1024**3


class Pretended:
    """Two GPUs whose figures the test sets."""

    def __init__(self) -> None:
        self.used = {0: GIB, 1: GIB}
        self.pids: tuple[int, ...] | None = ()
        self.troubles: dict[int, str] = {}

    def read(self) -> Snapshot:
        gpus = tuple(
            GPU(i, f"GPU-{i}{i}", "Pretended", used, trouble=self.troubles.get(i))
            for i, used in self.used.items()
        )
        return Snapshot(gpus, Host(0, 1, False, None, 1, None), None, "")

    def processes_on(self, gpu: GPU) -> tuple[int, ...] | None:
        return self.pids


def wants_a_gpu(job: Job, order: float) -> None:
    job.write_control(replace(job.control(), order=order))
    write_json(job.launch_file, {"requires": {"gpus": "auto"}})


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def environment_of(pid: int) -> bytes:
    """What a process was given; the kernel shows nothing for an instant while it starts."""
    deadline = time.monotonic() + 10
    while not (environ := Path(f"/proc/{pid}/environ").read_bytes()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return environ


def test_each_gpu_has_one_job_and_is_free_only_when_its_memory_came_back(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "launch_supervisor", lambda store, environ=None: None)
    readings, clock = Pretended(), Clock()
    settings = Settings(release_seconds=60)
    rounds = Rounds(home, settings, readings=readings, clock=clock)
    jobs = [stored_job(home, JobStatus(), gpus="auto", steps=5, step_seconds=0.1) for _ in range(3)]
    for order, job in enumerate(jobs):
        wants_a_gpu(job, order)
    rounds.tick()
    assert [job.stored().gpus for job in jobs] == [(0,), (1,), None]
    second = rounds.workers[jobs[1].id].identity
    assert second is not None
    assert b"CUDA_VISIBLE_DEVICES=GPU-11\0" in environment_of(second.pid)
    readings.used = {0: 9 * GIB, 1: 9 * GIB}
    until(lambda: all(job.stored().state is S.COMPLETED for job in jobs[:2]))
    until(lambda: all(not worker.lives() for worker in rounds.workers.values()))
    rounds.tick()
    assert jobs[2].stored().state is S.QUEUED, "the memory is still taken"
    assert jobs[0].stored().gpu_released is None
    readings.used = {0: GIB, 1: 9 * GIB}
    rounds.tick()
    assert jobs[0].stored().gpu_released is True
    assert jobs[2].stored().gpus == (0,)
    clock.now += 61
    rounds.tick()
    assert jobs[1].stored().gpu_released is None, "nobody can know whose memory it is"
    assert jobs[1].id not in rounds.workers
    until(lambda: not rounds.tick())


def test_a_job_waits_while_its_gpu_is_in_trouble(
    home: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "launch_supervisor", lambda store, environ=None: None)
    readings, clock = Pretended(), Clock()
    readings.used = {0: GIB}
    rounds = Rounds(home, Settings(), readings=readings, clock=clock)
    assert rounds.gpus()[0].trouble is None
    readings.troubles = {0: "the GPU is lost: reboot"}
    job = stored_job(home, JobStatus(), gpus="auto", steps=1)
    wants_a_gpu(job, 1.0)
    rounds.tick()
    assert job.stored().state is S.QUEUED, "what was read before the trouble is not believed"
    assert rounds.gpus()[0].trouble == "the GPU is lost: reboot"
    readings.troubles = {}
    clock.now += GPU_READ_SECONDS
    rounds.tick()
    assert job.stored().gpus == (0,)
    until(lambda: not rounds.tick())


def test_a_worker_that_nvml_listed_has_released_its_memory_when_it_is_listed_no_more() -> None:
    readings = Pretended()
    worker = Worker(Job(Path("/nowhere")), (0,), identity=ProcessIdentity(77, 1, ""))
    readings.pids = (77,)
    watch(worker, readings, readings.read().gpus)
    assert is_released(worker, readings) is False
    readings.pids = ()
    assert is_released(worker, readings) is True
    readings.pids = None
    assert is_released(worker, readings) is None


def test_without_its_pid_only_the_memory_of_before_tells() -> None:
    readings = Pretended()
    worker = Worker(Job(Path("/nowhere")), (0,), memory_before={0: GIB})
    assert is_released(worker, readings) is True
    readings.used[0] = GIB + SLACK_BYTES + 1
    assert is_released(worker, readings) is None
    assert is_released(replace(worker, memory_before=None), readings) is None


def test_the_stop_ladder_waits_at_every_rung(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def send(identity: ProcessIdentity, number: int) -> bool:
        sent.append(f"{number} to {identity.pid}")
        return True

    monkeypatch.setattr("engine.workers.send_signal", send)
    monkeypatch.setattr("engine.workers.processes_of", lambda job, leader: [leader])
    worker = Worker(Job(Path("/nowhere")), identity=ProcessIdentity(77, 1, ""))
    said = [press(worker, now=now, stop_seconds=10) for now in (0, 9, 10, 11, 19.9, 20)]
    assert said == [None, None, "sent SIGTERM to 77", None, None, "sent SIGKILL to 77"]
    assert sent == ["15 to 77", "9 to 77"]


def test_the_processes_of_another_job_are_never_found(home: Store) -> None:
    job = stored_job(home, JobStatus())
    other = Job(job.folder.with_name(job.id + "-b"))
    mine = launch.launch_export(job, ["adapter"], "last")
    assert processes_of(job, None) == [], "an export is not the worker's"
    assert processes_of(other, None) == []
    os.kill(mine, 9)
    os.waitpid(mine, 0)


@pytest.mark.gpu
def test_a_real_gpu_is_given_by_its_uuid_and_comes_back(home: Store) -> None:
    with Telemetry() as telemetry:
        gpu = telemetry.read().gpus[0]
    job = submit(home, PretendSpec(gpus=1, steps=20, step_seconds=0.1))
    running = actions.wait_for(job, {S.RUNNING}, 20)
    assert running.gpus == (gpu.index,)
    environ = Path(f"/proc/{running.pid}/environ").read_bytes()
    assert f"CUDA_VISIBLE_DEVICES={gpu.uuid}\0".encode() in environ
    actions.wait_for(job, {S.COMPLETED}, 20)
    until(lambda: job.stored().gpu_released is not None, 20)
    assert job.stored().gpu_released is True
    assert states(job)[-1] == "completed"
