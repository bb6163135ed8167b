"""One living worker in the supervisor's hands: whether it lives, and how it is made to end.

A worker is the supervisor's child, or was adopted from an earlier supervisor: then its lock tells.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.job import Job
from engine.launch import JOB_MARK
from engine.process import (
    ProcessIdentity,
    identify,
    is_alive,
    send_signal,
    session_members,
)
from engine.status import JobStatus


@dataclass
class Worker:
    """A worker and what is known of its end."""

    job: Job
    gpus: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    """None for an adopted one: its exit code stays unknown."""
    identity: ProcessIdentity | None = None
    memory_before: dict[int, int] | None = None
    """Used bytes of its GPUs before it started."""
    seen_on_gpu: bool = False
    """Whether NVML ever listed its pid; inside a container it may not."""
    cancel_seen: float | None = None
    """When the supervisor first saw that it shall end without saving."""
    ended: float | None = None
    """When its end was first seen; from then on only what it left behind matters."""
    terminated: bool = False
    """Whether it got its SIGTERM."""
    reported: bool = False
    """Whether the log says that it cannot be ended."""

    def recognise(self, stored: JobStatus) -> None:
        """Learn who an adopted worker is, as soon as it has said so."""
        if self.identity is None and stored.pid and stored.start_ticks is not None:
            named = ProcessIdentity(stored.pid, stored.start_ticks, stored.boot_id or "")
            self.identity = named if is_alive(named) else None

    def lives(self) -> bool:
        """Whether the worker process is there; reaps it when it is ours and has ended."""
        if self.process is not None:
            return self.process.poll() is None
        known = self.identity is not None and is_alive(self.identity)
        return known or self.job.lock_held()

    @property
    def exit_code(self) -> int | None:
        """The exit code, or minus the signal; None when unknown."""
        return self.process.returncode if self.process is not None else None

    def members(self) -> list[ProcessIdentity]:
        """Every living process of the job: of its session, or started by it under its mark."""
        return processes_of(self.job, self.identity)


def processes_of(job: Job, leader: ProcessIdentity | None) -> list[ProcessIdentity]:
    """Every living process of a job, also those that left its session."""
    found = dict.fromkeys(_marked(job))
    if leader is not None:
        now = identify(leader.pid)
        if now is None or now == leader:  # else a stranger has that pid, and that session
            found.update(dict.fromkeys(session_members(leader.pid)))
        if now == leader:
            found[leader] = None
    return [one for one in found if one.pid not in {1, os.getpid()}]


def _marked(job: Job) -> Iterator[ProcessIdentity]:
    """Processes whose environment names the job's folder (Linux)."""
    mark = f"{JOB_MARK}={job.folder}".encode()
    for entry in Path("/proc").iterdir() if Path("/proc/self").exists() else ():
        if not entry.name.isdigit():
            continue
        try:
            marked = mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marked and (identity := identify(int(entry.name))) is not None:
            yield identity


def press(worker: Worker, *, now: float, stop_seconds: float) -> str | None:
    """The next rung of the stop ladder for a cancelled job; what was done, in words, or None.

    The control file was the first; a pause never comes here.
    """
    if worker.cancel_seen is None:
        worker.cancel_seen = now
        return None
    waited = now - worker.cancel_seen
    if waited >= 2 * stop_seconds:
        sent = [one.pid for one in worker.members() if send_signal(one, signal.SIGKILL)]
        return f"sent SIGKILL to {', '.join(map(str, sent))}" if sent else None
    if waited >= stop_seconds and not worker.terminated:
        worker.terminated = True
        if worker.identity is not None and send_signal(worker.identity, signal.SIGTERM):
            return f"sent SIGTERM to {worker.identity.pid}"
    return None


def clear_away(worker: Worker, *, overdue: bool) -> list[ProcessIdentity]:
    """What an ended worker left behind; once it is overdue, by SIGKILL."""
    left = worker.members()
    if overdue:
        for one in left:
            send_signal(one, signal.SIGKILL)
    return left
