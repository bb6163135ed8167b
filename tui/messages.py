"""What the feed tells the deck: facts in the past tense, of which only the newest counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.message import Message

from engine.curves import Curves
from engine.gpu import Snapshot
from engine.machine import Machine
from engine.watch import Details, JobView


@dataclass
class Latest(Message):
    """A message that replaces an older one of its kind which nobody has read yet."""

    def can_replace(self, message: Message) -> bool:
        """Whether an unread `message` has become worthless."""
        return type(message) is type(self)


@dataclass
class JobsChanged(Latest):
    """Something changed in at least one job."""

    jobs: tuple[JobView, ...]
    waits: Mapping[str, str]
    """Job id -> what it waits for, in words, for every queued job."""


@dataclass
class MetricsGrew(Latest):
    """The followed job was measured again."""

    job_id: str
    curves: Curves
    share: float = 1.0
    """How much of a long run was read; below 1 the curves are a sketch of the whole."""


@dataclass
class MemoryGrew(Latest):
    """The followed job's memory was read again."""

    job_id: str
    machine: Machine


@dataclass
class LogGrew(Latest):
    """The followed job's log has other last lines."""

    job_id: str
    lines: Sequence[str]


@dataclass
class DetailsChanged(Latest):
    """The followed job has other checkpoints, exports or samples."""

    job_id: str
    details: Details


@dataclass
class TelemetryRead(Latest):
    """The GPUs and the host's memory were read."""

    snapshot: Snapshot


@dataclass
class SecondPassed(Latest):
    """A second passed while at least one job was working: elapsed times are out of date."""


@dataclass
class FeedFailed(Latest):
    """The jobs cannot be read at the moment."""

    message: str
    hint: str


@dataclass
class FeedBroke(Message):
    """The reading thread met an error of our own, and ended."""

    error: Exception


@dataclass
class VerbDone(Message):
    """A key did what it says."""

    text: str
    warning: bool = False


@dataclass
class VerbRefused(Message):
    """A key could not do what it says, and why."""

    message: str
    hint: str = ""
