"""What becomes of a job that has no worker: rules shared by the verbs and the supervisor.

The rules are pure; `answer` and `bury` apply them under the job's `worker.lock`. They are
level-triggered: whoever comes first finds the same answer, so a verb that is killed half-way is
finished by the supervisor.
"""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.control import Control, Desired
from engine.job import Job
from engine.status import Failure, JobState, JobStatus

EXIT_COMPLETED, EXIT_FAILED, EXIT_PAUSED, EXIT_CANCELLED, EXIT_DISK_FULL = 0, 1, 75, 76, 77

DISK_FULL = Failure(
    message="the disk is full: the last good checkpoint stays",
    hint="make room, then `tunedeck resume ID`",
)
"""What a pause for want of room says."""

_CRASHES = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE"})

_NAMES_OF_SIGNALS = {int(number): number.name for number in signal.Signals}


@dataclass(frozen=True)
class Verdict:
    """The state that a job without a worker gets, and the status fields that change with it."""

    state: JobState
    changes: Mapping[str, Any] = field(default_factory=dict)


NEVER_BEGAN = Verdict(JobState.INTERRUPTED, {"reason": "the worker never began"})
"""The supervisor died between storing `starting` and starting it; the next one queues it again."""


def is_unanswered(stored: JobStatus, control: Control) -> bool:
    """Whether the last wish was not yet acknowledged."""
    return bool(control.request_id) and control.request_id != stored.ack_request_id


def end_of_worker(
    stored: JobStatus,
    control: Control,
    *,
    boot_id: str,
    exit_code: int | None = None,
    last_words: str = "",
) -> Verdict:
    """What a job is whose status says that a worker lives, while none does.

    The exit code is a fallback for a worker that could not store its end; None when it is unknown
    because the supervisor that started the worker is gone. `last_words` is the end of the log.
    """
    cancelled = control.desired is Desired.CANCEL and is_unanswered(stored, control)
    if cancelled or stored.state is JobState.CANCELLING or exit_code == EXIT_CANCELLED:
        return Verdict(JobState.CANCELLED, {"reason": None})
    if exit_code is None:
        if stored.boot_id and boot_id and stored.boot_id != boot_id:
            return Verdict(JobState.INTERRUPTED, {"reason": "the machine was restarted"})
        if stored.state is JobState.STARTING and stored.pid is None:
            return NEVER_BEGAN
        return Verdict(
            JobState.INTERRUPTED, {"reason": "the worker ended without a word (killed?)"}
        )
    if exit_code == EXIT_COMPLETED:
        if stored.total_steps is None or stored.step < stored.total_steps:
            return _failure("the worker ended without finishing (exit code 0)", last_words)
        return Verdict(JobState.COMPLETED, {"reason": None})
    if exit_code == EXIT_PAUSED:
        return Verdict(JobState.PAUSED, {"reason": control.reason})
    if exit_code == EXIT_DISK_FULL:
        return Verdict(JobState.PAUSED, {"reason": "disk", "error": DISK_FULL})
    return _killed(-exit_code, last_words) if exit_code < 0 else _failed(exit_code, last_words)


def _killed(number: int, last_words: str) -> Verdict:
    name = _NAMES_OF_SIGNALS.get(number, f"signal {number}")
    if name in _CRASHES:
        return _failure(f"the worker crashed ({name})", last_words)
    reason = f"the worker was killed ({name})"
    if name == "SIGKILL":
        reason += "; if nobody did it, the machine ran out of memory"
    return Verdict(JobState.INTERRUPTED, {"reason": reason})


def _failed(exit_code: int, last_words: str) -> Verdict:
    return _failure(f"the worker ended with exit code {exit_code}", last_words)


def _failure(what: str, last_words: str) -> Verdict:
    message = f"{what}: {last_words}" if last_words else what
    error = Failure(message=message, hint="the log says more: `tunedeck logs ID`")
    return Verdict(JobState.FAILED, {"reason": None, "error": error})


QUEUE_CHANGES: Mapping[str, Any] = {"reason": None, "error": None, "ended_at": None, "pid": None}
"""What is forgotten of the attempt before when a job is queued again."""


def verdict_on(stored: JobStatus, control: Control) -> Verdict | None:
    """The move that an unanswered wish asks of a job without a worker; None when it asks none."""
    if not is_unanswered(stored, control):
        return None
    state, desired = stored.state, control.desired
    if desired is Desired.PAUSE and state is JobState.QUEUED:
        return Verdict(JobState.PAUSED, {"reason": control.reason})
    if desired is Desired.CANCEL and (state is JobState.QUEUED or state.resting):
        return Verdict(JobState.CANCELLED, {"reason": None})
    if desired is Desired.RUN and state is JobState.PAUSED:
        return Verdict(JobState.QUEUED, QUEUE_CHANGES)
    return None


def answer(job: Job, stored: JobStatus, control: Control) -> JobStatus:
    """Do what the wish asks and acknowledge it; only for the holder of `worker.lock`."""
    verdict = verdict_on(stored, control)
    if verdict is not None:
        return job.move(stored, verdict.state, **verdict.changes, ack_request_id=control.request_id)
    if is_unanswered(stored, control):
        return job.write_status(replace(stored, ack_request_id=control.request_id))
    return stored


def bury(job: Job, stored: JobStatus, control: Control, verdict: Verdict) -> JobStatus:
    """Store the end of a worker that could not do it; only for the holder of `worker.lock`."""
    changes = dict(verdict.changes)
    if control.desired is not Desired.RUN and verdict.state is not JobState.QUEUED:
        changes["ack_request_id"] = control.request_id
    return job.move(stored, verdict.state, **changes)
