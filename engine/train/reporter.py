"""The worker's voice and ear: writes `status.json`, its events and `memory.jsonl`, and hears the wishes.

A thread of its own refreshes the status while a long call holds the main thread, ends the process at once
on cancel, and on pause as long as there is nothing to save.
"""

import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, NoReturn

from engine.control import Desired
from engine.files import LineAppender
from engine.gpu import GPU, Telemetry, process_memory_bytes
from engine.job import Job
from engine.process import identify
from engine.status import Failure, JobState, JobStatus, Phase, utc_now
from engine.train.wish import Wish

EXIT_CODES = {
    JobState.COMPLETED: 0,
    JobState.FAILED: 1,
    JobState.PAUSED: 75,
    JobState.CANCELLED: 76,
}
EXIT_DISK_FULL = 77

LOOK_SECONDS = 0.2
TICK_SECONDS = 0.5
REFRESH_SECONDS = 5.0
MEMORY_SECONDS = 1.0


class Reporter:
    """Owns `status.json` for the life of this worker; the holder of `worker.lock` makes one."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.wish = Wish(job)
        self._guard = threading.RLock()
        self._status = job.stored()
        self._dirty = False
        self._ended = False
        self._interruptible = True
        self._written_at = 0.0
        self._memory_at = 0.0
        self._memory = LineAppender(job.memory_file)
        self._telemetry = Telemetry()
        self._thread = threading.Thread(target=self._beat, name="reporter", daemon=True)

    @property
    def status(self) -> JobStatus:
        """What was reported last."""
        return self._status

    def begin(self) -> None:
        """Say who this worker is, and start the thread."""
        me = identify(os.getpid())
        with self._guard:
            if self._status.state is not JobState.STARTING:
                self._status = replace(
                    self._status,
                    state=JobState.STARTING,
                    attempt=self._status.attempt + 1,
                    started_at=utc_now(),
                )
            self._status = replace(
                self._status,
                pid=os.getpid(),
                start_ticks=me.start_ticks if me else None,
                boot_id=me.boot_id if me else None,
                host=platform.node(),
                reason=None,
                error=None,
                ended_at=None,
                gpu_released=None,
                warnings=(),
            )
            self.phase(Phase.IMPORTING)
        self.wish.listen()
        self._thread.start()

    def phase(self, phase: Phase, progress: float | None = None) -> None:
        """Say what is being done now, and how much of it is done (0 to 1); a new phase is written at once."""
        with self._guard:
            new = self._status.phase != phase
            if new:
                self._status = replace(self._status, phase=str(phase), phase_started_at=utc_now())
            self._status = replace(self._status, phase_progress=progress)
            self._dirty = True
            if new:
                self._write(durable=False)

    def update(self, **changes: Any) -> None:
        """Change fields; the thread writes them, at most twice a second."""
        with self._guard:
            self._status = replace(self._status, **changes)
            self._dirty = True

    def warn(self, sentence: str) -> None:
        """Tell the user about something that does not stop the run, once."""
        with self._guard:
            if sentence in self._status.warnings:
                return
            self._status = replace(self._status, warnings=(*self._status.warnings, sentence))
            self.job.append_event("warning", message=sentence)
            self._write(durable=False)
        print(f"warning: {sentence}", flush=True)

    def event(self, kind: str, **facts: Any) -> None:
        """Add a line to the job's history."""
        with self._guard:
            self.job.append_event(kind, attempt=self._status.attempt, **facts)

    def move(self, state: JobState, **changes: Any) -> None:
        """Move on; durable."""
        with self._guard:
            if state is not self._status.state:
                self._status = self.job.move(self._status, state, **changes)
                self._written_at = time.monotonic()

    @contextmanager
    def uninterruptible(self) -> Iterator[None]:
        """While optimizer steps run, a pause waits for a step's end; elsewhere it may end us at once."""
        self._interruptible = False
        try:
            yield
        finally:
            self._interruptible = True

    def pause_wanted(self) -> bool:
        """Whether to stop at the end of this step."""
        return self.wish.look() is Desired.PAUSE

    def end(self, state: JobState, **changes: Any) -> int:
        """Store the last state; returns the exit code. Nothing is written after it."""
        with self._guard:
            if not self._ended:
                changes.setdefault("ack_request_id", self.wish.control.request_id or None)
                self._status = self.job.move(self._status, state, **changes)
                self._ended = True
        if state is JobState.PAUSED and changes.get("reason") == "disk":
            return EXIT_DISK_FULL
        return EXIT_CODES[state]

    def fail(self, failure: Failure) -> int:
        """Store a failure; returns the exit code."""
        return self.end(JobState.FAILED, error=failure, reason=None)

    def _leave(self, state: JobState, **changes: Any) -> NoReturn:
        """End the process from the thread: the main thread may be deep in a library."""
        with suppress(OSError):  # what cannot be stored, the exit code tells
            self.end(state, **changes)
        os._exit(EXIT_CODES[state])

    def _beat(self) -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            try:
                with self._guard:
                    if self._ended:
                        return
                    self._answer()
                    self._tick(time.monotonic())
                # Not under the guard: a lost GPU may hold each call for seconds, and the main thread
                # would wait with it.
                if time.monotonic() - self._memory_at >= MEMORY_SECONDS:
                    self._memory_at = time.monotonic()
                    self._measure_memory()
            except OSError as error:
                with suppress(OSError):  # the log may lie on the same full disk
                    print(f"the status cannot be written: {error}", flush=True)

    def _tick(self, now: float) -> None:
        due = TICK_SECONDS if self._dirty else REFRESH_SECONDS
        if now - self._written_at >= due:
            self._write(durable=False)

    def _answer(self) -> None:
        desired = self.wish.look()
        request = self.wish.control.request_id or None
        state = self._status.state
        if desired is Desired.CANCEL:
            self._leave(JobState.CANCELLED, reason=self.wish.reason)
        elif desired is Desired.PAUSE and self._interruptible:
            self._leave(JobState.PAUSED, reason=self.wish.reason)
        elif desired is Desired.PAUSE and state is JobState.RUNNING:
            self.move(JobState.PAUSING, ack_request_id=request)
        elif desired is Desired.RUN and state is JobState.PAUSING:
            self.move(JobState.RUNNING, ack_request_id=request)
        elif request != self._status.ack_request_id:
            self.update(ack_request_id=request)

    def _write(self, *, durable: bool) -> None:
        self._dirty = False
        self._written_at = time.monotonic()
        self._status = self.job.write_status(
            replace(self._status, updated_at=utc_now()), durable=durable
        )

    def _measure_memory(self) -> None:
        snapshot = self._telemetry.read()
        self._memory.append(
            {
                "time": round(time.time(), 3),
                "step": self._status.step,
                "rss_bytes": process_memory_bytes(os.getpid()),
                "cpu_percent": snapshot.host.cpu_percent,
                "host_used_bytes": snapshot.host.memory_used_bytes,
                "host_total_bytes": snapshot.host.memory_total_bytes,
                "gpus": [self._reading(gpu) for gpu in snapshot.gpus if self._uses(gpu)],
            }
        )

    def _uses(self, gpu: GPU) -> bool:
        """Whether a GPU is this job's: by its UUID, since an index may mean another one by now."""
        given = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        return gpu.uuid in given if gpu.uuid else gpu.index in (self._status.gpus or ())

    def _reading(self, gpu: GPU) -> dict[str, Any]:
        """One GPU's figures; None is unknown, as in `process_bytes` where NVML does not list us."""
        listed = None if gpu.trouble else self._telemetry.processes_on(gpu)
        return {
            "index": gpu.index,
            "uuid": gpu.uuid,
            "memory_used_bytes": gpu.memory_used_bytes,
            "memory_total_bytes": gpu.memory_total_bytes,
            "process_bytes": (listed or {}).get(os.getpid()),
            "utilization_percent": gpu.utilization_percent,
            "power_watts": gpu.power_watts,
            "temperature_celsius": gpu.temperature_celsius,
        }
