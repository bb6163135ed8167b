"""Going back to an older checkpoint: newer ones are kept aside, so that a resume begins where it was asked to.

Nothing is deleted, and the worker needs to know nothing of it: it goes on from the newest checkpoint, as ever.
"""

from dataclasses import replace

from engine import checkpoints, lock, wishes
from engine.errors import StateError
from engine.job import Job
from engine.status import utc_now


def rewind(job: Job, step: int, *, by: str) -> list[int]:
    """Make that checkpoint the newest; returns the steps of those that were set aside for it.

    Raises:
        StateError: it is not there or damaged, a worker lives, or an export reads the newer ones.
        MachineError: the folder cannot be written.
    """
    checkpoints.choose(job.checkpoints, str(step))
    with job.settling() as stored:
        if lock.is_held(job.export_lock):
            raise StateError(f"{job.id} is being exported", "go back when that is done")
        status = wishes.buried(job, stored)
        kept = checkpoints.keep_newer(job.checkpoints, step)
        if kept:
            job.write_status(replace(status, step=step, checkpoint_step=step, updated_at=utc_now()))
            job.append_event("rewind", step=step, kept=kept, by=by)
    return kept
