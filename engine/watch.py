"""Job folders seen over time: what is new since the last look, as typed facts.

It only reads. File events say *when* to look; every look also works without them, so that a file system
that reports nothing (NFS) or a missed event costs a heartbeat and no truth. Whoever owns the thread
decides how often to look.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from engine import answers, checkpoints, edits, lock
from engine.checkpoints import Aside, Checkpoint
from engine.curves import CHUNK_BYTES, Curves, MetricsReader, sketch
from engine.edits import Edit
from engine.files import LineReader, open_regular, read_json, unreadable
from engine.history import Event, History
from engine.job import Job
from engine.machine import Machine, Readings
from engine.status import JobState, JobStatus
from engine.store import Store
from engine.text import clean_line, clean_text

SETTLED_RE_READ_SECONDS = 30.0
"""How old the picture of a settled job may become: only an explicit resume changes one."""

MOST_BRACKETS = 5_000
"""More in a spec than this are not parsed: nested ones cost the square of their number."""
LARGEST_SPEC_BYTES = 1024 * 1024
"""A larger file is no spec."""

MOST_SPEC_VALUES = 100_000
"""A spec whose aliases stand for more than that is no spec."""

LONGEST_WORD = 200
"""Characters of a name that are kept."""

LONGEST_LOG_LINE = 2000
"""Characters of a log line that are kept; a screen shows far fewer."""

Signature = tuple[int, int, int] | None
"""Inode, size and change time of a file; None when it is not there."""


def signature(path: Path) -> Signature:
    """What changes when a file is replaced or written to."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


# --- all jobs -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class JobView:
    """One job as a list shows it."""

    job: Job
    name: str
    method: str
    model: str
    status: JobStatus
    """As observed: what everyone is shown."""
    order: float
    """The queue's order: the smaller starts first."""

    @property
    def id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def state(self) -> JobState:
        """Where the job is in its life."""
        return self.status.state


@dataclass
class _Seen:
    view: JobView
    signature: tuple[Signature, Signature, bool]
    spec: Signature
    at: float


class JobsWatch:
    """The jobs of a store; each `look` reads only what changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: dict[str, _Seen] = {}
        self._listed: Signature = None
        self._shown: tuple[JobView, ...] | None = None

    def look(self, now: float, *, everything: bool = False) -> tuple[JobView, ...] | None:
        """Every job, oldest first, when anything changed since the last look; else None.

        Raises:
            MachineError: the jobs folder cannot be read.
        """
        listed = signature(self._store.jobs_folder)
        if everything or listed != self._listed or listed is None:
            present = {job.id: job for job in self._store.jobs()}
            for gone in self._seen.keys() - present.keys():
                del self._seen[gone]
            self._listed = listed
        else:
            present = {known: seen.view.job for known, seen in self._seen.items()}
        for job_id, job in present.items():
            self._look_at(job_id, job, now, everything=everything)
        views = tuple(self._seen[job_id].view for job_id in sorted(self._seen))
        if views == self._shown:
            return None
        self._shown = views
        return views

    def active_folders(self) -> list[Path]:
        """The folders in which something may happen by itself."""
        return [seen.view.job.folder for seen in self._seen.values() if not seen.view.state.settled]

    def _look_at(self, job_id: str, job: Job, now: float, *, everything: bool) -> None:
        seen = self._seen.get(job_id)
        fresh = seen is not None and now - seen.at < SETTLED_RE_READ_SECONDS
        if seen is not None and fresh and seen.view.state.settled and not everything:
            return
        held = job.lock_held()
        current = (signature(job.status_file), signature(job.control_file), held)
        spec = signature(job.spec_file)
        if seen is not None and (current, spec) == (seen.signature, seen.spec):
            seen.at = now
            return
        if seen is not None and spec == seen.spec:
            name, method, model = seen.view.name, seen.view.method, seen.view.model
        else:
            name, method, model = _card(job)
        status = job.observed()
        view = JobView(
            job=job,
            name=name,
            method=method,
            model=model,
            status=_without_heartbeat(status),
            order=job.control().order,
        )
        self._seen[job_id] = _Seen(view, current, spec, now)


def _without_heartbeat(status: JobStatus) -> JobStatus:
    """The status without what a living worker changes only to show that it lives."""
    return replace(status, seq=0, updated_at=None) if status.state.living else status


def read_spec(job: Job) -> dict[str, Any]:
    """A job's spec as a plain mapping, without its checks; empty when it cannot be read."""
    return _spec_of(job)[0]


def _spec_of(job: Job) -> tuple[dict[str, Any], str | None]:
    """The spec, and why it cannot be read."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    why = "it holds no mapping"
    try:
        with open_regular(job.spec_file) as file:
            if os.fstat(file.fileno()).st_size > LARGEST_SPEC_BYTES:
                return {}, "spec.yaml cannot be read: it is larger than 1 MiB"
            text = file.read()
        if text.count(b"[") + text.count(b"{") > MOST_BRACKETS:
            return {}, "spec.yaml cannot be read: it is nested too deeply"
        content = yaml.load(text, loader)
        if isinstance(content, dict):
            if _is_small(content):
                return content, None
            why = f"its aliases stand for more than {MOST_SPEC_VALUES} values"
    except OSError as error:
        why = error.strerror or str(error)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = f"not valid YAML{f' at line {mark.line + 1}' if mark else ''}"
    except (ValueError, RecursionError, AttributeError, LookupError, TypeError) as error:
        why = f"a value in it makes no sense: {error}"  # PyYAML, of a date or a number
    return {}, f"spec.yaml cannot be read: {why}"


def _is_small(content: object) -> bool:
    """Whether it stays small when every alias is written out."""
    waiting, seen = [content], 0
    while waiting:
        seen += 1
        if seen > MOST_SPEC_VALUES:
            return False
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            waiting += value
    return True


def _card(job: Job) -> tuple[str, str, str]:
    """Name, method and model for a list; the id stands in for a name that is not there."""
    spec = read_spec(job)
    model = spec.get("model")
    model_name = model.get("name") if isinstance(model, dict) else None
    return (
        _word(spec.get("name") or job.id),
        _word(spec.get("method") or "?"),
        _word(model_name or "?"),
    )


def _word(value: object) -> str:
    return clean_text(str(value))[:LONGEST_WORD]


# --- one job --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ExportView:
    """One export of a job, as its process reports it."""

    kind: str
    folder: Path
    facts: Mapping[str, Any]

    @property
    def state(self) -> str:
        """What the export process says of itself; `unknown` before it said anything."""
        return clean_text(str(self.facts.get("state") or "unknown"))

    @property
    def progress(self) -> float | None:
        """Share that is done, 0 to 1."""
        value = self.facts.get("progress")
        return float(value) if isinstance(value, int | float) else None

    @property
    def running(self) -> bool:
        """Whether its process is at work."""
        return self.state == "running"


@dataclass(frozen=True)
class Details:
    """What a job has to show beside its curves."""

    spec: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: tuple[Checkpoint, ...] = ()
    exports: tuple[ExportView, ...] = ()
    samples: tuple[Mapping[str, Any], ...] = ()
    events: tuple[Event, ...] = ()
    """What happened to it, oldest first."""
    edits: tuple[Edit, ...] = ()
    """What was changed at its pauses, oldest first."""
    aside: tuple[Aside, ...] = ()
    """Folders among its checkpoints that are none."""
    troubles: tuple[str, ...] = ()
    """Which of its files cannot be read, and why."""


class JobFollower:
    """Everything that grows in one job's folder; each method returns None when nothing is new."""

    def __init__(self, job: Job, *, log_bytes: int = 32 * 1024) -> None:
        self.job = job
        self._log_bytes = log_bytes
        self._metrics = MetricsReader(job.metrics_file)
        self._memory = LineReader(job.memory_file)
        self._readings = Readings()
        self._log: Signature | str = "never read"
        self._history = History(job.events_file)
        self._details: tuple[object, ...] | None = None

    def metrics(self) -> Curves | None:
        """The job's curves, one chunk of the file further: more may come at once."""
        return self._metrics.curves if self._metrics.update() else None

    def sketch(self) -> Curves | None:
        """The shape of a long run's curves, before they are read; None when there is no need."""
        return sketch(self.job.metrics_file)

    @property
    def share(self) -> float:
        """How much of the metrics was read, 0 to 1."""
        return self._metrics.share

    def memory(self) -> Machine | None:
        """What its machine did, one chunk of the file further."""
        restarts = self._memory.restarts
        new = self._memory.objects(CHUNK_BYTES)
        if self._memory.restarts != restarts:
            self._readings = Readings()
        if not new:
            return None
        self._readings.extend(new)
        return self._readings.machine()

    def log(self) -> list[str] | None:
        """The last lines of the log, clean enough for any terminal."""
        current = signature(self.job.log_file)
        if current == self._log:
            return None
        self._log = current
        return read_tail(self.job.log_file, self._log_bytes)

    def lengthen_log(self, log_bytes: int) -> None:
        """Read that much of the log's end from now on."""
        self._log_bytes = max(self._log_bytes, log_bytes)
        self._log = "never read"

    def details(self) -> Details | None:
        """Spec, checkpoints, exports and samples."""
        exports = _export_folders(self.job.exports)
        watched = [self.job.checkpoints, self.job.samples_file, self.job.exports]
        # A commit inside a checkpoint's folder shows only in the events.
        watched += [self.job.events_file, self.job.edits_file, self.job.spec_file]
        watched += [folder / "export.json" for folder in exports]
        exporting = lock.is_held(self.job.export_lock)
        unread = self._unreadable()
        current = (exporting, *unread, *(signature(path) for path in watched))
        if current == self._details:
            return None
        self._details = current
        self._history.update()
        spec, why = _spec_of(self.job)
        troubles = [*([why] if why else ()), *unread]
        return Details(
            spec=spec,
            checkpoints=tuple(checkpoints.committed(self.job.checkpoints)),
            exports=tuple(_read_export(folder, alive=exporting) for folder in exports),
            samples=tuple(answers.read(self.job.samples_file)),
            events=self._history.events,
            edits=tuple(edits.read(self.job)),
            aside=tuple(checkpoints.aside(self.job.checkpoints)),
            troubles=tuple(troubles),
        )

    def _unreadable(self) -> list[str]:
        """What is wrong with the files that are followed; the spec has words of its own."""
        job = self.job
        followed = (job.control_file, job.metrics_file, job.memory_file, job.log_file)
        others = (job.events_file, job.edits_file, job.samples_file)
        return [why for path in (*followed, *others) if (why := unreadable(path)) is not None]

    def folders(self) -> list[Path]:
        """Where its files lie."""
        return [self.job.folder, *_export_folders(self.job.exports)]


def read_tail(path: Path, max_bytes: int) -> list[str]:
    """The last whole lines of a text file, at most about `max_bytes` of them."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            start = max(0, size - max_bytes)
            file.seek(start)
            block = file.read(max_bytes)
    except OSError:
        return []
    lines = block.decode("utf-8", errors="replace").split("\n")
    if start and len(lines) > 1:
        del lines[0]
    if lines and not lines[-1]:
        lines.pop()
    return [clean_line(line[-LONGEST_LOG_LINE:]).expandtabs(4) for line in lines]


def _export_folders(exports: Path) -> list[Path]:
    try:
        with os.scandir(exports) as entries:
            names = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
            return [exports / name for name in sorted(names)]
    except OSError:
        return []


def _read_export(folder: Path, *, alive: bool) -> ExportView:
    """An export as its process reports it; one that reports nothing any more has failed."""
    try:
        facts = read_json(folder / "export.json") or {}
    except (ValueError, OSError):
        facts = {}
    if facts.get("state") == "running" and not alive:
        error = {
            "message": "the export ended without a word",
            "hint": f"see {folder.parent}/log.txt",
        }
        facts = {**facts, "state": "failed", "error": error}
    return ExportView(clean_text(folder.name), folder, facts)
