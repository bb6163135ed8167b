"""The edits of a job: what was changed at its pauses, and the spec that is in force with them.

`spec.yaml` never changes. `edits.jsonl` gets a line for each edit, under `worker.lock`, append only; the
spec in force is the spec with the edits in order. What may be edited is said in `engine.edits.rules`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.files import LineAppender, LineReader
from engine.job import Job

if TYPE_CHECKING:
    from engine.spec import JobSpec

SCHEMA = 1


@dataclass(frozen=True)
class Edit:
    """One line of `edits.jsonl`."""

    at: str
    """When, RFC 3339 UTC."""
    by: str
    """Who asked: `cli`, `deck`."""
    at_step: int
    """Step of the checkpoint that the job was to go on from."""
    changes: Mapping[str, Mapping[str, Any]]
    """Dotted field -> `before` and `after`; null is a field that the spec does not set."""

    def to_json(self) -> dict[str, Any]:
        """The line to store."""
        return {
            "schema": SCHEMA,
            "at": self.at,
            "by": self.by,
            "at_step": self.at_step,
            "changes": self.changes,
        }


def read(job: Job) -> list[Edit]:
    """The job's edits, oldest first; a line that was never finished is none."""
    return [
        Edit(
            at=str(line.get("at", "")),
            by=str(line.get("by", "")),
            at_step=step if isinstance(step := line.get("at_step"), int) else 0,
            changes=changes,
        )
        for line in LineReader(job.edits_file).objects()
        if isinstance(changes := line.get("changes"), dict)
        and all(isinstance(change, dict) for change in changes.values())
    ]


def append(job: Job, edit: Edit) -> None:
    """Add an edit; durable, and only for the holder of `worker.lock`."""
    lines = LineAppender(job.edits_file)
    try:
        lines.append(edit.to_json())
        lines.sync()
    finally:
        lines.close()


def document(job: Job) -> dict[str, Any]:
    """The spec in force as a plain mapping, unchecked.

    Raises:
        SpecError: `spec.yaml` cannot be read.
    """
    from engine.document import read_document

    return applied(read_document(job.spec_file), read(job))


def effective(job: Job) -> "JobSpec":
    """The spec in force, which the worker trains with.

    Raises:
        SpecError: `spec.yaml` or an edit was changed by hand to something that is no spec.
    """
    from engine import spec

    source = f"{job.spec_file} with its edits" if job.edits_file.exists() else str(job.spec_file)
    return spec.build(document(job), source=source, base_folder=job.folder)


def applied(data: Mapping[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """The mapping of a spec with edits put in."""
    result = dict(data)
    for edit in edits:
        for dotted, change in edit.changes.items():
            section, _, field = dotted.partition(".")
            values = dict(result.get(section) or {})
            if (after := change.get("after")) is None:
                values.pop(field, None)
            else:
                values[field] = after
            result[section] = values
    return result


def changed(edits: Iterable[Edit]) -> dict[str, tuple[Any, Any]]:
    """Dotted field -> what the spec says and what is in force, for all that the edits changed."""
    found: dict[str, tuple[Any, Any]] = {}
    for edit in edits:
        for dotted, change in edit.changes.items():
            first = found[dotted][0] if dotted in found else change.get("before")
            found[dotted] = (first, change.get("after"))
    return {dotted: pair for dotted, pair in found.items() if pair[0] != pair[1]}
