"""What happened to a job, as `events.jsonl` tells it: read as it grows, and said in words.

It only reads; the holder of `worker.lock` writes, through `Job.append_event`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.files import LineReader
from engine.series import format_bytes
from engine.status import JobState
from engine.text import one_line

MOST_EVENTS = 5000
"""How many of the newest events are kept; a screen scrolls through far fewer."""

LONGEST_WORDS = 500
"""Columns of what an event says that are worth reading."""


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    time: str
    """When, as stored; empty where the line does not say."""
    kind: str
    """`state`, `checkpoint`, `resume`, `rewind`, `edit`, `warning`, `early_stop`, or a newer tunedeck's."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Everything else that the line says."""

    @property
    def state(self) -> JobState | None:
        """The state that the job came to; None where the event is no such move."""
        try:
            return JobState(str(self.facts.get("state"))) if self.kind == "state" else None
        except ValueError:
            return None


class History:
    """Follows `events.jsonl`; each `update` reads only what was added."""

    def __init__(self, path: Path) -> None:
        self._lines = LineReader(path)
        self.events: tuple[Event, ...] = ()
        """The newest events, oldest first."""

    def update(self) -> bool:
        """Read what is new; True when anything was."""
        restarts = self._lines.restarts
        new: list[Event] = []
        while True:
            offset = self._lines.offset
            new += [_event(line) for line in self._lines.objects()]
            if self._lines.offset == offset:
                break
        kept = self.events if self._lines.restarts == restarts else ()
        events = (*kept, *new)[-MOST_EVENTS:]
        changed = events != self.events
        self.events = events
        return changed


def _event(line: Mapping[str, Any]) -> Event:
    facts = {name: value for name, value in line.items() if name not in {"time", "kind"}}
    return Event(str(line.get("time") or ""), one_line(str(line.get("kind") or "?"), 40), facts)


def words(event: Event) -> str:
    """What happened, in one clean line; an event of an unknown kind shows what it holds."""
    return one_line(_words(event), LONGEST_WORDS)


def _words(event: Event) -> str:
    facts = event.facts
    match event.kind:
        case "state" if event.state is not None:
            return _state_words(event.state, facts)
        case "checkpoint" if isinstance(facts.get("step"), int):
            size = facts.get("size_bytes")
            said = f", {format_bytes(size)}" if isinstance(size, int) else ""
            return f"checkpoint {facts['step']} saved{said}"
        case "resume" if isinstance(facts.get("from_step"), int):
            step = facts["from_step"]
            return f"went on from step {step}" if step else "began again at the first step"
        case "edit" if isinstance(facts.get("changes"), Mapping):
            return _edit_words(facts)
        case "rewind" if isinstance(facts.get("step"), int):
            steps = facts.get("kept")
            kept = ", ".join(map(str, steps)) if isinstance(steps, list) and steps else "none"
            return f"went back to checkpoint {facts['step']}{_by(facts)}; set aside: {kept}"
        case "warning" | "early_stop" if facts.get("message"):
            return str(facts["message"])
    return f"{event.kind}: {_plain(facts)}" if facts else event.kind


def _state_words(state: JobState, facts: Mapping[str, Any]) -> str:
    step, attempt = facts.get("step"), facts.get("attempt")
    said = str(state)
    if state is JobState.QUEUED and attempt:
        said = "queued again"
    elif state is JobState.STARTING and isinstance(attempt, int) and attempt > 1:
        said = f"starting, attempt {attempt}"
    if step and state not in {JobState.QUEUED, JobState.STARTING}:
        said += f" at step {step}"
    reason = facts.get("error") or facts.get("reason")
    why = REASONS.get(str(reason), str(reason)) if reason else ""
    said += _by(facts)
    return f"{said}: {why}" if why else said


def _by(facts: Mapping[str, Any]) -> str:
    """Who asked for it, when that is known."""
    return f" by {facts['by']}" if facts.get("by") else ""


def _edit_words(facts: Mapping[str, Any]) -> str:
    changes = [
        f"{name} {_value(change.get('before'))} → {_value(change.get('after'))}"
        for name, change in facts["changes"].items()
        if isinstance(change, Mapping)
    ]
    return f"edited{_by(facts)}: {', '.join(changes)}"


def _value(value: Any) -> str:
    return "default" if value is None else str(value)


REASONS: Mapping[str, str] = {
    "user": "",
    "disk": "the disk was nearly full",
    "queue": "the queue asked for it",
    "reboot": "the machine restarted",
    "signal": "its process was asked to end",
}
"""Why a job rests, in words; that the user wanted it is no news beside who asked."""


def _plain(facts: Mapping[str, Any]) -> str:
    """Names and values, as they are."""
    pairs = (f"{name} {value}" for name, value in facts.items() if value is not None)
    return ", ".join(pairs)
