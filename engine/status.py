"""A job's states, their legal moves, what is stored of them, and what is shown given what is stored.

Everything here is pure: no file is read, and the time is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from engine.control import Control, Desired
from engine.errors import StateError


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def living(self) -> bool:
        """A worker process should exist."""
        return self in LIVING

    @property
    def settled(self) -> bool:
        """Nothing more will happen unless the user asks."""
        return self in SETTLED

    @property
    def resting(self) -> bool:
        """Not finished, holding nothing, waiting to be resumed."""
        return self in RESTING


S = JobState
LIVING = frozenset({S.STARTING, S.RUNNING, S.PAUSING, S.CANCELLING})
SETTLED = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED})
RESTING = frozenset({S.PAUSED, S.INTERRUPTED})

_SETTLES = frozenset({S.PAUSED, S.CANCELLED, S.COMPLETED, S.FAILED, S.INTERRUPTED})
MOVES: Mapping[JobState, frozenset[JobState]] = {
    S.QUEUED: frozenset({S.STARTING, S.PAUSED, S.CANCELLED, S.FAILED}),
    # Queued again: its supervisor died before the worker was there.
    S.STARTING: frozenset({S.RUNNING, S.PAUSING, S.CANCELLING, S.QUEUED}) | _SETTLES,
    S.RUNNING: frozenset({S.PAUSING, S.CANCELLING}) | _SETTLES,
    S.PAUSING: frozenset({S.CANCELLING, S.RUNNING}) | _SETTLES,
    S.CANCELLING: _SETTLES,
    S.PAUSED: frozenset({S.QUEUED, S.CANCELLED}),
    S.INTERRUPTED: frozenset({S.QUEUED, S.CANCELLED}),
    S.FAILED: frozenset({S.QUEUED}),
    S.CANCELLED: frozenset({S.QUEUED}),
    S.COMPLETED: frozenset(),
}
"""Every legal move; `JobStatus.moved` raises on any other."""


class Phase(StrEnum):
    """What a starting or running worker is doing."""

    IMPORTING = "importing"
    LOADING_MODEL = "loading model"
    TOKENIZING = "tokenizing"
    TRAINING = "training"
    EVALUATING = "evaluating"
    ANSWERING = "answering samples"
    SAVING = "saving"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a job failed, in one sentence, and what to do."""

    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """The content of `status.json`; `None` is unknown, never zero."""

    state: JobState = JobState.QUEUED
    reason: str | None = None
    """Why it rests: user, disk, queue, reboot; or what became of the worker."""
    phase: str | None = None
    phase_progress: float | None = None
    """Share of the phase that is done, 0 to 1."""
    phase_started_at: str | None = None
    seq: int = 0
    """Grows with every write; a reader that sees a smaller one has an old copy."""
    attempt: int = 0
    """How many workers this job has had."""
    step: int = 0
    total_steps: int | None = None
    epoch: float | None = None
    loss: float | None = None
    eval_loss: float | None = None
    learning_rate: float | None = None
    tokens_per_second: float | None = None
    eta_seconds: float | None = None
    pid: int | None = None
    """The process that the supervisor started."""
    start_ticks: int | None = None
    boot_id: str | None = None
    host: str | None = None
    gpus: tuple[int, ...] | None = None
    """Indices of the GPUs it was given; empty on CPU."""
    checkpoint_step: int | None = None
    """Step of the newest committed checkpoint."""
    ack_request_id: str | None = None
    """The last `control.json` request that was answered."""
    exact: bool | None = None
    """Whether a resume continues bit for bit; `exact_reason` says why not."""
    exact_reason: str | None = None
    gpu_released: bool | None = None
    """After the end: whether NVML shows the memory as given back."""
    error: Failure | None = None
    warnings: tuple[str, ...] = ()
    created_at: str | None = None
    started_at: str | None = None
    updated_at: str | None = None
    ended_at: str | None = None
    schema: int = 1
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields that a newer tunedeck wrote; kept as they are."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read a stored object; unknown fields are kept, an unknown state reads as interrupted.

        Raises:
            ValueError: a field is not of its kind.
        """
        known = {name: data[name] for name in _NAMES if name in data}
        _check(known)
        try:
            known["state"] = JobState(known.get("state", JobState.QUEUED))
        except ValueError:
            known |= _unknown(known["state"])
        if isinstance(error := known.get("error"), Mapping):
            known["error"] = Failure(
                message=str(error.get("message", "")), hint=str(error.get("hint", ""))
            )
        known["warnings"] = tuple(map(str, known.get("warnings") or ()))
        if known.get("gpus") is not None:
            known["gpus"] = tuple(known["gpus"])
        extra = {name: value for name, value in data.items() if name not in _NAMES}
        return cls(**known, extra=extra)

    def to_json(self) -> dict[str, Any]:
        """The object to store and to print."""
        data: dict[str, Any] = {name: getattr(self, name) for name in _NAMES}
        data["state"] = str(self.state)
        if self.error is not None:
            data["error"] = {"message": self.error.message, "hint": self.error.hint}
        data["warnings"] = list(self.warnings)
        data["gpus"] = None if self.gpus is None else list(self.gpus)
        return {**self.extra, **data}

    def moved(self, state: JobState, *, at: str, **changes: Any) -> "JobStatus":
        """The status after a move to `state`.

        Raises:
            StateError: the move is not in `MOVES`.
        """
        if state is not self.state and state not in MOVES[self.state]:
            raise StateError(
                f"a {self.state} job cannot become {state}",
                "look at it with `tunedeck status ID`",
            )
        if state.settled or state.resting:
            changes.setdefault("ended_at", at)
            changes.setdefault("phase", None)
            changes.setdefault("phase_progress", None)
            changes.setdefault("eta_seconds", None)
        return replace(self, state=state, updated_at=at, **changes)


UNREADABLE = "unreadable"
"""Reason of a job whose stored status says nothing that is understood here: what it really does is unknown."""


def unread(message: str, hint: str) -> JobStatus:
    """What is shown for a status that cannot be read."""
    error = Failure(message=message, hint=hint)
    return JobStatus(state=JobState.INTERRUPTED, reason=UNREADABLE, error=error)


def _unknown(word: Any) -> dict[str, Any]:
    """The fields of a status whose state has a word that is not known here."""
    message = f"its state {str(word)[:40]!r} is not known to this version of tunedeck"
    error = {"message": message, "hint": "update tunedeck; the job itself is not touched"}
    return {"state": JobState.INTERRUPTED, "reason": UNREADABLE, "error": error}


_KINDS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("seq", "attempt", "step", "schema"), (int,)),
    **dict.fromkeys(("total_steps", "pid", "start_ticks", "checkpoint_step"), (int, type(None))),
    **dict.fromkeys(
        (
            *("phase_progress", "epoch", "loss", "eval_loss", "learning_rate"),
            *("tokens_per_second", "eta_seconds"),
        ),
        (float, int, type(None)),
    ),
    **dict.fromkeys(
        (
            *("reason", "phase", "phase_started_at", "boot_id", "host", "ack_request_id"),
            *("exact_reason", "created_at", "started_at", "updated_at", "ended_at"),
        ),
        (str, type(None)),
    ),
    **dict.fromkeys(("exact", "gpu_released"), (bool, type(None))),
    **dict.fromkeys(("gpus", "warnings"), (list, tuple, type(None))),
    "error": (Mapping, type(None)),
}
"""What each stored field may hold; a file from elsewhere is not trusted further than this."""


def _check(known: Mapping[str, Any]) -> None:
    for name, value in known.items():
        kinds = _KINDS.get(name)
        if kinds is not None and not isinstance(value, kinds):
            newer = known.get("schema", 1) != 1
            by = "; a newer tunedeck wrote it" if newer else ""
            raise ValueError(f"its {name} is {str(value)[:40]!r}{by}")
    if not all(isinstance(index, int) for index in known.get("gpus") or ()):
        raise ValueError("its gpus are no numbers")


_NAMES = tuple(name for name in JobStatus.__dataclass_fields__ if name != "extra")


def observe(stored: JobStatus, control: Control, *, lock_held: bool) -> JobStatus:
    """What everyone is shown, given what is stored and whether a worker lives."""
    unanswered = bool(control.request_id) and control.request_id != stored.ack_request_id
    cancelled = unanswered and control.desired is Desired.CANCEL
    if stored.state.living and not lock_held:
        dead = S.CANCELLED if cancelled or stored.state is S.CANCELLING else S.INTERRUPTED
        return replace(stored, state=dead, phase=None, phase_progress=None)
    if lock_held and stored.state is S.PAUSED:
        return replace(stored, state=S.PAUSING)
    if lock_held and stored.state is S.CANCELLED:
        return replace(stored, state=S.CANCELLING)
    if unanswered and stored.state in {S.STARTING, S.RUNNING, S.PAUSING}:
        if control.desired is Desired.PAUSE:
            return replace(stored, state=S.PAUSING)
        if control.desired is Desired.CANCEL:
            return replace(stored, state=S.CANCELLING)
    return stored


def utc_now() -> str:
    """The time as stored: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(earlier: str | None, later: str | None) -> float | None:
    """Seconds from one stored time to another, or None when either is unknown or unreadable."""
    if not earlier or not later:
        return None
    try:
        begin, end = datetime.fromisoformat(earlier), datetime.fromisoformat(later)
        return (end - begin).total_seconds()
    except (TypeError, ValueError):
        return None
