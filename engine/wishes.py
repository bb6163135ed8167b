"""A wish and its answer where no worker lives to give it: the inside of the verbs."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from engine import settle
from engine.control import Control, Desired
from engine.errors import MachineError, StateError
from engine.files import read_json
from engine.job import Job
from engine.process import boot_id
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store


def ask(
    job: Job, desired: Desired, *, by: str, reason: str = "user", order: float | None = None
) -> Control:
    """Store a new wish."""
    before = job.control()
    wish = replace(
        before,
        desired=desired,
        request_id=os.urandom(8).hex(),
        order=before.order if order is None else order,
        by=by,
        at=utc_now(),
        reason=reason,
    )
    try:
        job.write_control(wish)
    except OSError as error:
        raise MachineError(
            f"{job.folder} cannot be written: {error.strerror}",
            "check the owner and the free space of TUNEDECK_HOME",
        ) from error
    return wish


def answered(job: Job) -> JobStatus:
    """The observed status, after answering the wish here when no worker lives to do it."""
    if not job.lock_held():
        # Whoever came first for the lock starts the worker or settles the job: both read the wish.
        with suppress(StateError), job.settling() as stored:
            settle.answer(job, buried(job, stored), job.control())
    return job.observed()


def buried(job: Job, stored: JobStatus) -> JobStatus:
    """A job whose worker died without a word gets its end stored first; the lock is ours."""
    if not stored.state.living:
        return stored
    control = job.control()
    verdict = settle.end_of_worker(stored, control, boot_id=boot_id())
    return settle.bury(job, stored, control, verdict)


def first_order(store: Store, job: Job) -> float:
    """An order below that of every queued job."""
    own = job.control().order
    queued = [
        other.control().order
        for other in store.jobs()
        if other != job and other.stored().state is JobState.QUEUED
    ]
    least = min(queued, default=own + 1.0)
    return min(own, least - 1.0)


def refuse_changed_data(job: Job) -> None:
    """Refuse to go on with other data than the job began with; the worker looks again itself."""
    try:
        manifest = read_json(job.manifest_file) or {}
    except ValueError:
        return
    data = manifest.get("data") or {}
    fingerprint, files = data.get("fingerprint"), data.get("files")
    if not fingerprint or not files:
        return
    from engine.data import fingerprint as fingerprint_of

    paths = [Path(name) for name in files]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise StateError(
            f"the data changed: {missing[0]} is gone, so {job.id} cannot go on exactly",
            "put it back as it was, or submit a new job",
        )
    if fingerprint_of(paths) != fingerprint:
        raise StateError(
            f"the data changed since {job.id} began ({', '.join(path.name for path in paths)})",
            "put it back as it was, or submit a new job with the new data",
        )
