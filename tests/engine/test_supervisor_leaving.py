"""A submit in the very moment when an idle supervisor leaves: nothing is lost, nothing starts twice."""

import itertools
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine import actions, launch, rounds
from engine.config import Settings
from engine.errors import MachineError
from engine.gpu import GPU, Host, Snapshot
from engine.job import Job
from engine.lock import Lock
from engine.rounds import Rounds
from engine.status import JobState
from engine.store import Store
from engine.supervisor import Supervisor
from tests.pretend_worker import PretendSpec, submit

SETTINGS = Settings(idle_seconds=0, poll_seconds=0.01, release_seconds=0.5)

# The moments of a supervisor that leaves: before it unlocks, before it looks again, after that look,
# and when it is gone. The two acts of a submit, renaming the job in and probing the lock, fall into
# any two of them.
MOMENTS = list(itertools.combinations_with_replacement(range(4), 2))
REPETITIONS = 20


class NoGpu:
    def read(self) -> Snapshot:
        return Snapshot((), Host(0, 1, False, None, 1, None), None, "none")

    def processes_on(self, gpu: GPU) -> tuple[int, ...] | None:
        return None


class Leaving(Supervisor):
    """A supervisor that tells when it passes each moment of its leaving, the first time."""

    def __init__(self, store: Store, tell: Callable[[int], None] = lambda moment: None) -> None:
        super().__init__(store, Rounds(store, SETTINGS, readings=NoGpu()))
        self.tell = tell

    def leave(self) -> bool:
        tell, self.tell = self.tell, lambda moment: None
        look = self.rounds.has_work

        def looking() -> bool:
            tell(1)
            found = look()
            tell(2)
            return found

        tell(0)
        self.rounds.has_work = looking  # type: ignore[method-assign]
        try:
            left = super().leave()
        finally:
            self.rounds.has_work = look  # type: ignore[method-assign]
        tell(3)
        return left


@pytest.fixture
def starts(home: Store, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the jobs that were started; each is over at once."""
    started: list[str] = []

    def launch_worker(job: Job, held: Lock, environ: Any, *, devices: str) -> Any:
        started.append(job.id)
        stored = job.stored()
        job.write_status(replace(stored, state=JobState.COMPLETED), durable=False)
        return subprocess.Popen(["true"], start_new_session=True)

    monkeypatch.setattr(rounds, "launch_worker", launch_worker)
    monkeypatch.setattr("engine.files.os.fsync", lambda descriptor: None)
    return started


def test_a_submit_while_the_supervisor_leaves_is_never_lost(
    home: Store, starts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[threading.Thread] = []

    def supervise() -> None:
        supervisor = Leaving(home)
        try:
            supervisor.take_over()
            supervisor.run()
        except MachineError:
            pass  # another one runs
        finally:
            supervisor.close()

    def start_another(store: Store, environ: Any = None) -> None:
        others.append(threading.Thread(target=supervise))
        others[-1].start()

    monkeypatch.setattr(launch, "launch_supervisor", start_another)
    probe = actions.ensure_supervisor
    for created_at, probed_at in MOMENTS * REPETITIONS:
        jobs: list[Job] = []

        def act(moment: int, created: int = created_at, probed: int = probed_at) -> None:
            if moment == created:
                with monkeypatch.context() as patched:
                    patched.setattr(actions, "ensure_supervisor", lambda store: None)
                    jobs.append(submit(home, PretendSpec()))  # noqa: B023 - of this round
            if moment == probed:
                probe(home)

        leaving = Leaving(home, act)
        leaving.take_over()
        leaving.run()
        leaving.close()
        for thread in others:
            thread.join(10)
        others.clear()
        [job] = jobs
        assert job.stored().state is JobState.COMPLETED, f"lost at {created_at}, {probed_at}"
        assert starts == [job.id], "started twice"
        starts.clear()
        actions.remove(home, job)
    assert len(MOMENTS) * REPETITIONS == 200


def test_a_race_of_submits_against_leaving_processes_loses_nothing(home: Store) -> None:
    """The same with real processes: each supervisor leaves as soon as it is idle."""
    home.config_file.write_text("idle_seconds = 0\npoll_seconds = 0.01\nrelease_seconds = 1\n")
    jobs = [submit(home, PretendSpec(f"j{n}", steps=1, step_seconds=0)) for n in range(6)]
    for job in jobs:
        assert actions.wait_for(job, {JobState.COMPLETED}, 20).attempt == 1
    assert Path(home.supervisor_log).read_text().count("Traceback") == 0
