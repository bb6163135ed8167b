"""The verbs: submit, pause, resume, cancel, edit, remove, export. All who act on jobs call only these.

A verb stores a wish in `control.json`; a living worker answers it, and where none lives the verb
takes `worker.lock` and answers it itself. Nothing here imports torch, and only `wait_for` waits.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine import launch, lock, schedule, settle, wishes
from engine.control import Control, Desired
from engine.errors import StateError, WaitTimeout
from engine.files import read_json, write_atomic, write_json
from engine.job import Job
from engine.process import ProcessIdentity, identify
from engine.requirements import requirements
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store

if TYPE_CHECKING:
    from engine.edits.editable import Editable
    from engine.edits.rules import Preview
    from engine.spec import JobSpec

S = JobState

EXPORT_KINDS = ("adapter", "merged")

RESUMABLE = frozenset({S.PAUSED, S.INTERRUPTED, S.FAILED, S.CANCELLED})


def submit(
    store: Store, spec: "JobSpec", *, by: str, environ: Mapping[str, str] = os.environ
) -> Job:
    """Queue a job and see to it that a supervisor runs.

    Raises:
        MachineError: the home folder cannot be written, or the GPUs asked for are not there.
        SpecError: a reward function is not confirmed by its hash.
    """
    from engine import rewards

    requires = requirements(spec, environ)
    request_id = os.urandom(8).hex()
    now = utc_now()

    def fill(job: Job) -> None:
        rewards.keep(spec.rewards, job.rewards)
        write_atomic(job.spec_file, spec.to_yaml().encode())
        stored_environment = launch.allow_listed(environ)
        write_json(
            job.launch_file,
            {"schema": 1, "by": by, "environment": stored_environment, "requires": requires},
        )
        job.write_control(
            Control(desired=Desired.RUN, request_id=request_id, order=time.time(), by=by, at=now)
        )
        job.write_status(
            JobStatus(state=S.QUEUED, created_at=now, updated_at=now, ack_request_id=request_id)
        )
        job.append_event("state", state=str(S.QUEUED), step=0, reason=None, attempt=0)

    job = store.create(spec.name, fill)
    ensure_supervisor(store)
    return job


def token_notice(store: Store, environ: Mapping[str, str] = os.environ) -> str | None:
    """What to say after a submit when workers will lack this shell's Hugging Face token."""
    if not launch.has_token(environ):
        return None
    record = supervisor(store)
    if record is None or record.get("has_token"):
        return None
    return (
        "this shell has HF_TOKEN, the running supervisor has not, and tokens are never written"
        " to a file: `hf auth login` gives it to every job"
    )


def pause(job: Job, *, by: str, reason: str = "user") -> JobStatus:
    """Ask for a checkpoint and the end of the worker; holds a queued job. Twice is no harm.

    Raises:
        StateError: nothing runs or waits that could be paused.
    """
    status = job.observed()
    if status.state is S.PAUSED:
        return _hold(job, status, reason)
    if status.state is S.PAUSING and job.control().desired is Desired.PAUSE:
        return status
    _refuse(job, status, "pause")
    wishes.ask(job, Desired.PAUSE, by=by, reason=reason)
    return wishes.answered(job)


def _hold(job: Job, status: JobStatus, reason: str) -> JobStatus:
    """A user's pause of a job that paused for another reason keeps it from going on by itself."""
    if status.reason == reason or reason != "user":
        return status
    with job.settling() as stored:
        if stored.state is not S.PAUSED or stored.reason == reason:
            return stored
        return job.write_status(replace(stored, reason=reason, updated_at=utc_now()))


def resume(store: Store, job: Job, *, by: str, from_step: int | None = None) -> JobStatus:
    """Queue a job again, before all others; it goes on from its newest good checkpoint.

    A resume that comes while the job is still pausing queues it as soon as the pause is done. With
    `from_step` it goes on from that checkpoint, and newer ones are set aside.

    Raises:
        StateError: it runs, waits, or is complete; its training data changed; or there is no such
            checkpoint.
    """
    status = job.observed()
    _refuse(job, status, "resume")
    wishes.refuse_changed_data(job)
    if from_step is not None:
        from engine.rewind import rewind

        rewind(job, from_step, by=by)
    wishes.ask(job, Desired.RUN, by=by, order=wishes.first_order(store, job))
    if status.state is not S.PAUSING:
        with suppress(StateError), job.settling() as stored:
            status = wishes.buried(job, stored)
            if status.state in RESUMABLE:
                acknowledged = job.control().request_id
                job.move(status, S.QUEUED, **settle.QUEUE_CHANGES, ack_request_id=acknowledged)
    ensure_supervisor(store)
    return job.observed()


def cancel(job: Job, *, by: str) -> JobStatus:
    """End a job without saving; its checkpoints stay. Twice is no harm while it is being done.

    Raises:
        StateError: it has ended already.
    """
    status = job.observed()
    if status.state is S.CANCELLING:
        return status
    _refuse(job, status, "cancel")
    wishes.ask(job, Desired.CANCEL, by=by)
    status = wishes.answered(job)
    if status.state.living:
        ensure_supervisor(_store_of(job))
    return status


def editable(job: Job) -> "list[Editable]":
    """Every field that an edit may change, with its type, its help and what is in force."""
    from engine.edits import rules, writing

    return rules.editable(writing.standing(job))


def preview_edit(job: Job, changes: Mapping[str, Any]) -> "Preview":
    """What `edit` would change and lead to; nothing is written.

    Raises:
        StateError: the job's state does not allow it.
        SpecError: with everything that cannot be changed or makes no sense, each with its reason.
    """
    from engine.edits import writing

    _refuse(job, job.observed(), "edit")
    return writing.preview(job, changes)


def edit(job: Job, changes: Mapping[str, Any], *, by: str) -> "Preview":
    """Change settings of a job at rest, for all that is still to be trained; returns what changed.

    `changes` is dotted field -> value (`training.learning_rate`); None puts the default back. The job
    stays as it is until it is resumed. What is in force already is left alone: twice is no harm.

    Raises:
        StateError, SpecError: as `preview_edit`.
        MachineError: the folder cannot be written.
    """
    from engine.edits import writing

    _refuse(job, job.observed(), "edit")
    with job.settling() as stored:
        status = wishes.buried(job, stored)
        _refuse(job, status, "edit")
        preview = writing.preview(job, changes)
        if preview.changes:
            writing.write(job, preview, by=by)
            total = preview.total_steps
            job.write_status(replace(status, total_steps=total, updated_at=utc_now()))
    return preview


def remove(store: Store, job: Job) -> None:
    """Delete a job's folder, with its checkpoints and exports.

    Raises:
        StateError: it runs, waits in the queue, or is being exported.
    """
    _refuse(job, job.observed(), "remove")
    store.remove(job)


def export(
    store: Store, job: Job, kinds: Sequence[str], *, checkpoint: str = "last"
) -> ProcessIdentity | None:
    """Start the export of a committed checkpoint in a process of its own; returns that process.

    Progress and end stand in `exports/<kind>/export.json`. `checkpoint`: `last`, `best`, a step.

    Raises:
        StateError: there is no such checkpoint, or an export of this job runs already.
    """
    unknown = [kind for kind in kinds if kind not in EXPORT_KINDS]
    if unknown or not kinds:
        raise StateError(
            f"cannot export to {', '.join(unknown) or 'nothing'}",
            f"the kinds are: {', '.join(EXPORT_KINDS)}",
        )
    _refuse(job, job.observed(), "export")
    steps = _committed_steps(job)
    if checkpoint not in {"last", "best"} and checkpoint not in {str(step) for step in steps}:
        raise StateError(
            f"{job.id} has no checkpoint {checkpoint}",
            f"there are: last, best, {', '.join(map(str, steps))}",
        )
    if "adapter" in kinds and "adapter" not in export_kinds(job):
        raise StateError(
            f"{job.id} is full fine-tuning: there is no adapter",
            f"export the model: `tunedeck export {job.id} --to merged`",
        )
    if lock.is_held(job.export_lock):
        raise StateError(f"{job.id} is being exported already", "wait for its end")
    return identify(launch.launch_export(job, kinds, checkpoint))


def export_kinds(job: Job) -> tuple[str, ...]:
    """What can be exported of a job: full fine-tuning has no adapter."""
    adapter = next(job.checkpoints.glob("checkpoint-*/adapter_config.json"), None)
    whole = next(job.checkpoints.glob("checkpoint-*/model*.safetensors"), None)
    return ("merged",) if whole and not adapter else EXPORT_KINDS


def wait_for(
    job: Job,
    wanted: Collection[JobState],
    timeout: float | None = None,
    *,
    poll_seconds: float = 0.1,
) -> JobStatus:
    """The status once it shows one of the wanted states.

    Raises:
        StateError: the job came to rest in another state.
        WaitTimeout: it took longer than `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        status = job.observed()
        if status.state in wanted:
            return status
        ended = status.state.settled or status.state.resting
        if ended and not _goes_on(job, status):
            why = f": {status.error.message}" if status.error else ""
            raise StateError(
                f"{job.id} is {status.state}{why}", f"look at it with `tunedeck status {job.id}`"
            )
        if deadline is not None and time.monotonic() >= deadline:
            raise WaitTimeout(
                f"{job.id} is still {status.state} after {timeout:g} s",
                "the request stands; look again with `tunedeck ls`",
            )
        time.sleep(poll_seconds)


def _goes_on(job: Job, status: JobStatus) -> bool:
    """Whether a job that looks ended is about to be settled or started by the supervisor."""
    unsettled = job.stored().state.living and lock.is_held(_store_of(job).supervisor_lock)
    return unsettled or settle.verdict_on(status, job.control()) is not None


def verbs(status: JobStatus, has_checkpoint: bool) -> dict[str, str | None]:
    """For each verb: None when it is possible now, else why not, in words."""
    state = status.state
    over = f"is {state} already" if state.settled else None
    return {
        "pause": over
        or {
            S.PAUSED: "is paused already",
            S.INTERRUPTED: "was interrupted: nothing runs that could be paused",
            S.CANCELLING: "is being cancelled",
        }.get(state),
        "resume": {
            S.QUEUED: "waits in the queue already",
            S.STARTING: "is starting",
            S.RUNNING: "is running",
            S.CANCELLING: "is being cancelled: resume it when that is done",
            S.COMPLETED: "is completed: there is nothing left to train",
        }.get(state),
        "cancel": over,
        "edit": {
            S.QUEUED: "waits in the queue: pause it first",
            S.COMPLETED: "is completed: there is nothing left to train",
        }.get(state)
        or ("has a living worker: pause it first" if state.living else None),
        "export": None if has_checkpoint else "has no checkpoint yet",
        "remove": "waits in the queue: cancel it first"
        if state is S.QUEUED
        else "has a living worker: cancel it first"
        if state.living
        else None,
    }


def has_checkpoint(job: Job) -> bool:
    """Whether there is a committed checkpoint: one that can be exported or resumed from."""
    return next(job.checkpoints.glob("checkpoint-*/commit.json"), None) is not None


def ensure_supervisor(store: Store) -> None:
    """Start a supervisor unless one runs, which is then made to look.

    Raises:
        MachineError: it cannot start; the message says why.
    """
    if not lock.is_held(store.supervisor_lock):
        launch.launch_supervisor(store)
        return
    with suppress(OSError):
        os.utime(store.jobs_folder)


def supervisor(store: Store) -> dict[str, Any] | None:
    """What the running supervisor says of itself (`pid`, `gpus`, `cpu_jobs`, ...), or None."""
    if not lock.is_held(store.supervisor_lock):
        return None
    try:
        return read_json(store.supervisor_file)
    except ValueError:
        return None


def waiting(store: Store, shown: Iterable[tuple[Job, JobStatus]]) -> dict[str, str]:
    """Job id -> what it waits for, in words, for every queued job among the observed ones."""
    record = supervisor(store)
    candidates, running = [], []
    for job, status in shown:
        if status.state is S.QUEUED:
            candidates.append(schedule.candidate(job.id, job.control(), job.launch()))
        elif status.state.living:
            running.append(schedule.Running(job.id, status.gpus or ()))
    if record is None:
        return {
            one.job: "waits for a supervisor: `tunedeck worker` starts one" for one in candidates
        }
    gpus = [
        schedule.Gpu(int(gpu["index"]), str(gpu["uuid"]), gpu.get("trouble"))
        for gpu in record.get("gpus", ())
    ]
    return schedule.waits_for(candidates, running, gpus, int(record.get("cpu_jobs", 1)))


def _store_of(job: Job) -> Store:
    return Store(job.folder.parent.parent)


def _refuse(job: Job, status: JobStatus, verb: str) -> None:
    why_not = verbs(status, has_checkpoint(job))[verb]
    if why_not is not None:
        raise StateError(f"{job.id} {why_not}", _instead(job, status.state, verb))


def _instead(job: Job, state: JobState, verb: str) -> str:
    """What to do where a verb is not possible."""
    if verb == "remove":
        return f"`tunedeck cancel {job.id} --wait` first"
    if verb == "edit" and state is not S.COMPLETED:
        return f"`tunedeck pause {job.id} --wait` first"
    if verb == "edit":
        return f"duplicate it with other settings: `tunedeck submit {job.spec_file} --set ...`"
    if state.living and verb == "export":
        return f"wait for its first save, or `tunedeck pause {job.id}`: that saves one"
    if state.living:
        return f"`tunedeck watch {job.id}` follows it"
    if state is S.QUEUED:
        return "`tunedeck ls` shows what it waits for"
    if state is S.COMPLETED:
        return f"`tunedeck export {job.id}` writes what it learned"
    if verb != "resume":
        return f"`tunedeck resume {job.id}` goes on with it"
    return f"look at it with `tunedeck status {job.id}`"


def _committed_steps(job: Job) -> list[int]:
    from engine import checkpoints

    return [one.step for one in checkpoints.committed(job.checkpoints)]
