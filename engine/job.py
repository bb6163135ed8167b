"""One job's folder: the only place that knows its file names.

| file | written by |
| --- | --- |
| `spec.yaml`, `launch.json`, `rewards/` | the creator, once |
| `control.json` | the verbs in `engine.actions` |
| `edits.jsonl` | the verb `edit`, holding `worker.lock` |
| `status.json`, `events.jsonl` | only the holder of `worker.lock` |
| `metrics.jsonl`, `memory.jsonl`, `samples.jsonl`, `manifest.json`, `checkpoints/` | the worker |
| `prepared/`, `quarantine.jsonl` | the worker |
| `preview.json` | the deck |
| `log.txt` | the worker's stdout and stderr |
| `exports/<kind>/` | the export process, under `export.lock` |
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import lock, status
from engine.control import Control, Desired
from engine.errors import MachineError, StateError
from engine.files import LineAppender, read_json, write_json
from engine.status import JobState, JobStatus

ID_PATTERN = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class Job:
    """A job's folder. Cheap to make: nothing is read until asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.folder == self.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def __repr__(self) -> str:
        return f"Job({self.id})"

    @property
    def id(self) -> str:
        """The folder's name; no file inside repeats it."""
        return self.folder.name

    @property
    def spec_file(self) -> Path:
        return self.folder / "spec.yaml"

    @property
    def rewards(self) -> Path:
        """The files of reward functions, as they were confirmed."""
        return self.folder / "rewards"

    @property
    def edits_file(self) -> Path:
        return self.folder / "edits.jsonl"

    @property
    def launch_file(self) -> Path:
        return self.folder / "launch.json"

    @property
    def status_file(self) -> Path:
        return self.folder / "status.json"

    @property
    def control_file(self) -> Path:
        return self.folder / "control.json"

    @property
    def events_file(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def metrics_file(self) -> Path:
        return self.folder / "metrics.jsonl"

    @property
    def memory_file(self) -> Path:
        return self.folder / "memory.jsonl"

    @property
    def samples_file(self) -> Path:
        return self.folder / "samples.jsonl"

    @property
    def log_file(self) -> Path:
        return self.folder / "log.txt"

    @property
    def manifest_file(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def worker_lock(self) -> Path:
        return self.folder / "worker.lock"

    @property
    def export_lock(self) -> Path:
        return self.folder / "export.lock"

    @property
    def prepared(self) -> Path:
        """The rows as they are trained on, kept between attempts until the job is completed."""
        return self.folder / "prepared"

    @property
    def preview_file(self) -> Path:
        """The first rows as tokens, once somebody asked to see them."""
        return self.folder / "preview.json"

    @property
    def quarantine_file(self) -> Path:
        """Rows that could not be learned from, where the spec keeps them."""
        return self.folder / "quarantine.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def exports(self) -> Path:
        return self.folder / "exports"

    def export_folder(self, kind: str) -> Path:
        """Where the artifact of that kind goes."""
        return self.exports / kind

    def exists(self) -> bool:
        """Whether this is a job's folder at all."""
        return self.spec_file.is_file()

    def stored(self) -> JobStatus:
        """The status as stored; a file that cannot be read is shown as such, never raised."""
        try:
            data = read_json(self.status_file)
            return JobStatus.from_json(data) if data is not None else JobStatus()
        except (ValueError, TypeError, OSError) as error:
            why = error.strerror if isinstance(error, OSError) else None
            return status.unread(
                f"status.json cannot be read: {why or error}", f"look at {self.status_file}"
            )

    def control(self) -> Control:
        """What the user wants; `run` when nobody asked yet or the file cannot be read."""
        try:
            data = read_json(self.control_file)
            return Control.from_json(data) if data is not None else Control()
        except (ValueError, TypeError, OSError):
            return Control()

    def lock_held(self) -> bool:
        """Whether a worker (or whoever settles the job) holds it now."""
        return lock.is_held(self.worker_lock)

    def observed(self) -> JobStatus:
        """The status that everyone is shown.

        A worker that begins or ends between the two looks would read as interrupted: a living state
        without a holder counts only when the status did not change meanwhile.
        """
        while True:
            stored, held = self.stored(), self.lock_held()
            vanished = stored.state.living and not held
            if not vanished or self.stored().seq == stored.seq:
                return status.observe(stored, self.control(), lock_held=held)

    def launch(self) -> dict[str, Any]:
        """The allow-listed environment of the submitting shell."""
        return read_json(self.launch_file) or {}

    def write_control(self, control: Control) -> None:
        """Store a wish; for the verbs."""
        write_json(self.control_file, control.to_json())

    def write_status(self, new: JobStatus, *, durable: bool = True) -> JobStatus:
        """Store a status with the next `seq`; only for the holder of `worker.lock`."""
        numbered = replace(new, seq=new.seq + 1)
        write_json(self.status_file, numbered.to_json(), durable=durable)
        return numbered

    def append_event(self, kind: str, **facts: Any) -> None:
        """Add a line to the job's history; only for the holder of `worker.lock`."""
        events = LineAppender(self.events_file)
        try:
            events.append({"time": status.utc_now(), "kind": kind, **facts})
        finally:
            events.close()

    def move(self, current: JobStatus, state: JobState, **changes: Any) -> JobStatus:
        """Store a legal move and its event; only for the holder of `worker.lock`."""
        new = self.write_status(current.moved(state, at=status.utc_now(), **changes))
        facts: dict[str, Any] = {}
        if by := _asked_by(self.control(), state):
            facts["by"] = by
        if new.error is not None:
            facts["error"] = new.error.message
        self.append_event(
            "state",
            state=str(state),
            step=new.step,
            reason=new.reason,
            attempt=new.attempt,
            **facts,
        )
        return new

    @contextmanager
    def settling(self) -> Iterator[JobStatus]:
        """Hold `worker.lock` to change a job that has no worker; yields the stored status.

        Raises:
            StateError: a worker holds the lock.
        """
        try:
            held = lock.Lock.take(self.worker_lock)
        except OSError as error:
            raise MachineError(
                f"{self.folder} cannot be written: {error.strerror}",
                "check the owner and the free space of TUNEDECK_HOME",
            ) from error
        if held is None:
            raise StateError(
                f"{self.id} has a living worker", "pause or cancel it first, or wait for its end"
            )
        with held:
            yield self.stored()


_WISHES = {
    JobState.QUEUED: Desired.RUN,
    JobState.PAUSING: Desired.PAUSE,
    JobState.PAUSED: Desired.PAUSE,
    JobState.CANCELLING: Desired.CANCEL,
    JobState.CANCELLED: Desired.CANCEL,
}
"""State -> the wish that leads to it."""


def _asked_by(control: Control, state: JobState) -> str:
    """Who asked for a state; empty for one that came by itself."""
    return control.by if _WISHES.get(state) is control.desired else ""
