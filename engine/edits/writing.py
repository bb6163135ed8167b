"""An edit of one job: where the job stands, what an edit would do there, and its writing."""

from collections.abc import Mapping
from typing import Any

from engine import checkpoints, defaults, edits, spec
from engine.edits import rules
from engine.edits.course import Batch, Course, stored_batches
from engine.edits.editable import ACCUMULATION, BATCH
from engine.edits.rules import Preview, Standing
from engine.errors import MachineError, StateError
from engine.files import read_json
from engine.job import Job
from engine.status import utc_now


def standing(job: Job) -> Standing:
    """What the rules need to know of a job.

    Raises:
        SpecError: its spec or its edits were changed by hand to something that is no spec.
    """
    in_force = edits.effective(job)
    has_eval = in_force.data.eval is not None
    newest = next(reversed(checkpoints.committed(job.checkpoints)), None)
    step = newest.step if newest else 0
    course = _course(job, in_force, {} if newest is None else newest.facts)
    fields = defaults.resolved(
        spec.config_of(in_force.method), in_force.training, has_eval=has_eval
    )
    total = job.stored().total_steps
    if course is not None:
        try:
            now = course.continued(step, fields[BATCH], fields[ACCUMULATION])
            total = now.total_steps(fields["max_steps"], fields["num_train_epochs"])
        except StateError:  # an older edit that its newest checkpoint cannot go on with
            total = None
    return Standing(
        method=in_force.method,
        training=in_force.training,
        has_eval=has_eval,
        step=step,
        course=course,
        total_steps=total,
    )


def preview(job: Job, changes: Mapping[str, Any]) -> Preview:
    """What an edit would do; see `rules.preview`."""
    return rules.preview(standing(job), changes, job.id)


def write(job: Job, preview: Preview, *, by: str) -> None:
    """Store an edit and its event; only for the holder of `worker.lock`.

    Raises:
        MachineError: the disk is full or the folder cannot be written.
    """
    changes = {
        change.field: {"before": change.before, "after": change.after} for change in preview.changes
    }
    edit = edits.Edit(at=utc_now(), by=by, at_step=preview.at_step, changes=changes)
    try:
        edits.append(job, edit)
        job.append_event("edit", step=preview.at_step, by=by, changes=changes)
    except OSError as error:
        raise MachineError(
            f"{job.folder} cannot be written: {error.strerror}",
            "check the owner and the free space of TUNEDECK_HOME",
        ) from error


def first_batch(job: Job) -> Batch:
    """The batch of the spec as submitted, which the run began with."""
    submitted = spec.read_resolved(job.spec_file)
    fields = defaults.resolved(spec.config_of(submitted.method), submitted.training, has_eval=False)
    return Batch(0, int(fields[BATCH]), int(fields[ACCUMULATION]))


def _course(job: Job, in_force: spec.JobSpec, facts: Mapping[str, Any]) -> Course | None:
    """The course until the newest checkpoint; None where an epoch's rows were never recorded."""
    try:
        manifest = read_json(job.manifest_file) or {}
    except ValueError:
        return None
    rows = (manifest.get("data") or {}).get("prepared_rows")
    if not isinstance(rows, int) or rows < 1:
        return None
    fields = defaults.resolved(spec.config_of(in_force.method), in_force.training, has_eval=False)
    batches = stored_batches(facts, first_batch(job))
    return Course(rows, bool(fields["dataloader_drop_last"]), batches)
