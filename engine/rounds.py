"""One look at all jobs: start the next, follow the living, settle the dead. Done by the supervisor.

Nothing is remembered that is not found again in the jobs' folders, except the exit codes of children.
"""

import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from engine import release, schedule, settle
from engine.config import Settings
from engine.control import Desired
from engine.gpu import GPU, Telemetry
from engine.job import Job
from engine.launch import launch_worker
from engine.lock import Lock
from engine.process import boot_id, identify
from engine.roster import Entry, Roster
from engine.status import Failure, JobState, utc_now
from engine.store import Store
from engine.workers import Worker, clear_away, press

log = logging.getLogger("tunedeck.supervisor")

S = JobState

RETRY_SECONDS = 10.0
"""How long a job is left alone after something went wrong with it here."""

GPU_READ_SECONDS = 30.0
"""How often the GPUs are counted again."""


class Rounds:
    """The workers of one home folder and what is done about them; `tick` is one look."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        *,
        environ: Mapping[str, str] = os.environ,
        readings: release.Readings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.workers: dict[str, Worker] = {}
        self._environ = environ
        self._readings: release.Readings = readings or Telemetry()
        self._clock = clock
        self._roster = Roster(store)
        self._gpus: tuple[GPU, ...] = ()
        self._gpus_read_at = float("-inf")
        self._left_alone_until: dict[str, float] = {}

    def tick(self) -> bool:
        """One look at everything; False when there is nothing to wait for."""
        entries = self._roster.refresh()
        for entry in entries:
            if entry.job.id not in self.workers:
                self._guarded(entry.job, partial(self._look_after, entry))
        for job_id, worker in list(self.workers.items()):
            entry_now = self._roster.entries.get(job_id)
            self._guarded(worker.job, partial(self._follow, worker, entry_now))
        self._start_next(entries)
        return bool(self.workers) or any(entry.asks_for_work for entry in entries)

    def has_work(self) -> bool:
        """Whether anything waits or lives, by reading everything again."""
        return bool(self._roster.refresh(everything=True))

    def adopt_living(self) -> None:
        """Take over the workers of an earlier supervisor, also those that are just ending."""
        self._roster.refresh()
        for entry in self._roster.entries.values():
            if entry.job.lock_held():
                self._adopt(entry)

    def gpus(self) -> tuple[GPU, ...]:
        """The GPUs there are, counted again now and then."""
        if self._clock() - self._gpus_read_at >= GPU_READ_SECONDS:
            self._gpus = self._readings.read().gpus
            self._gpus_read_at = self._clock()
        return self._gpus

    def _guarded(self, job: Job, action: Callable[[], None]) -> None:
        """Trouble with one job is logged with its traceback, and leaves the others alone."""
        if self._clock() < self._left_alone_until.get(job.id, 0.0):
            return
        try:
            action()
        except Exception:
            # The process's top level: whatever is wrong with one job must not end them all.
            log.exception("trouble with %s; tried again in %g s", job.id, RETRY_SECONDS)
            self._left_alone_until[job.id] = self._clock() + RETRY_SECONDS

    # --- jobs without a worker of ours

    def _look_after(self, entry: Entry) -> None:
        """Adopt a living job, settle a dead one, answer a wish that nobody else answered."""
        if entry.stored.state.living:
            if entry.job.lock_held():
                self._adopt(entry)
            else:
                self._settle(entry)
        elif settle.verdict_on(entry.stored, entry.control) is not None:
            self._settle(entry)

    def _adopt(self, entry: Entry) -> None:
        worker = Worker(entry.job, entry.stored.gpus or ())
        worker.recognise(entry.stored)
        self.workers[entry.job.id] = worker
        log.info("%s: adopted", entry.job.id)

    def _settle(self, entry: Entry, worker: Worker | None = None) -> bool:
        """Store what became of a job; False while someone else holds its lock."""
        job = entry.job
        held = Lock.take(job.worker_lock)
        if held is None:
            return False
        with held:
            if not job.exists():
                return True
            stored, control = job.stored(), job.control()
            if stored.state.living:
                code = worker.exit_code if worker is not None else None
                words = last_words(job) if code else ""
                verdict = settle.end_of_worker(
                    stored, control, boot_id=boot_id(), exit_code=code, last_words=words
                )
                if worker is None and verdict == settle.NEVER_BEGAN:
                    verdict = settle.Verdict(S.QUEUED, settle.QUEUE_CHANGES)
                stored = settle.bury(job, stored, control, verdict)
                log.info("%s: %s (%s)", job.id, stored.state, stored.reason or "no reason")
            if settle.verdict_on(stored, control) is not None:
                stored = settle.answer(job, stored, control)
                log.info("%s: %s, as asked", job.id, stored.state)
            entry.stored, entry.control = stored, control
        return True

    # --- workers

    def _follow(self, worker: Worker, entry: Entry | None) -> None:
        """Watch a worker live, make it end when it shall, and clear up after it."""
        now = self._clock()
        if entry is None:  # its folder was removed, which is only possible after its end
            del self.workers[worker.job.id]
            return
        worker.recognise(entry.stored)
        if worker.ended is None and worker.lives():
            release.watch(worker, self._readings, self.gpus())
            if entry.control.desired is not Desired.CANCEL:
                worker.cancel_seen = None
            elif done := press(worker, now=now, stop_seconds=self.settings.stop_seconds):
                log.warning("%s: does not stop: %s", worker.job.id, done)
            return
        if worker.ended is None:
            worker.ended = now
            self._settle(entry, worker)
        self._clear_up(worker, worker.ended, entry)

    def _clear_up(self, worker: Worker, ended: float, entry: Entry) -> None:
        """Its GPU is free for the next job only when nothing of it is left."""
        waited = self._clock() - ended
        overdue = waited >= self.settings.release_seconds
        left = clear_away(worker, overdue=2 * waited >= self.settings.release_seconds)
        if left and not (overdue and not worker.gpus):
            if overdue and not worker.reported:
                worker.reported = True
                pids = ", ".join(str(one.pid) for one in left)
                log.error("%s: cannot end %s: its GPU stays taken", worker.job.id, pids)
            return
        if entry.stored.state.living and not self._settle(entry, worker):
            return
        if worker.gpus:
            released = release.is_released(worker, self._readings)
            if not released and not overdue:
                return
            self._record_release(worker, released)
        del self.workers[worker.job.id]
        log.info("%s: ended, %s", worker.job.id, entry.stored.state)

    def _record_release(self, worker: Worker, released: bool | None) -> None:
        held = Lock.take(worker.job.worker_lock)
        if held is None:
            return
        with held:
            stored = worker.job.stored()
            if stored.state.settled or stored.state.resting:
                worker.job.write_status(replace(stored, gpu_released=released))
        if released is not True:
            log.warning("%s: whether its GPU memory came back: %s", worker.job.id, released)

    # --- starting

    def _start_next(self, entries: list[Entry]) -> None:
        now = self._clock()
        waiting = {
            entry.job.id: entry
            for entry in entries
            if entry.stored.state is S.QUEUED
            and entry.job.id not in self.workers
            and now >= self._left_alone_until.get(entry.job.id, 0.0)
        }
        if not waiting:
            return
        candidates = [
            schedule.candidate(job_id, entry.control, entry.launch)
            for job_id, entry in waiting.items()
        ]
        running = [schedule.Running(name, worker.gpus) for name, worker in self.workers.items()]
        gpus = [schedule.Gpu(gpu.index, gpu.uuid, gpu.trouble) for gpu in self.gpus()]
        for start in schedule.choose(candidates, running, gpus, self.settings.cpu_jobs):
            entry = waiting[start.job]
            self._guarded(entry.job, partial(self._start, entry, start.gpus))

    def _start(self, entry: Entry, indices: tuple[int, ...]) -> None:
        """Hand the job's lock to a new worker, unless the job is wanted otherwise by now."""
        job = entry.job
        now = [gpu for gpu in self._readings.read().gpus if gpu.index in indices] if indices else []
        if any(gpu.trouble for gpu in now):
            self._gpus_read_at = float("-inf")  # what was read before is no longer true
            return
        devices = ",".join(g.uuid or str(g.index) for g in self.gpus() if g.index in indices)
        used = release.used_bytes(now, indices) if indices else None
        held = Lock.take(job.worker_lock)
        if held is None:
            return
        with held:
            if not job.exists():
                return
            entry.control = job.control()
            entry.stored = settle.answer(job, job.stored(), entry.control)
            if entry.stored.state is not S.QUEUED:
                return
            entry.stored = job.move(
                entry.stored,
                S.STARTING,
                **_new_attempt(entry.stored.attempt + 1, indices),
            )
            try:
                process = launch_worker(job, held, self._environ, devices=devices)
            except (OSError, ValueError) as error:
                failure = Failure(
                    message=f"the worker could not be started: {error}",
                    hint="free memory or disk space, or mend that file; then `tunedeck resume ID`",
                )
                entry.stored = job.move(entry.stored, S.FAILED, error=failure)
                log.error("%s: %s", job.id, failure.message)
                return
        self.workers[job.id] = Worker(job, indices, process, identify(process.pid), used)
        place = f"GPU {', '.join(map(str, indices))}" if indices else "the CPU"
        log.info("%s: started on %s (pid %d)", job.id, place, process.pid)


def _new_attempt(attempt: int, gpus: tuple[int, ...]) -> dict[str, object]:
    """The status fields of a worker that is about to be started."""
    return {
        "attempt": attempt,
        "gpus": gpus,
        "started_at": utc_now(),
        "boot_id": boot_id(),
        "host": platform.node(),
        "warnings": (),
        "gpu_released": None,
        "start_ticks": None,
        "phase": None,
        "phase_progress": None,
        **settle.QUEUE_CHANGES,
    }


def last_words(job: Job) -> str:
    """The last line of a job's log, without control characters, at most 300 of it."""
    try:
        with job.log_file.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            tail = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return "".join(c if c.isprintable() else " " for c in last)[:300]
