"""What the user wants of a job: run, pause or cancel.

Level-triggered: the file holds a wish, not a command queue. Pressing a key twice changes nothing, and a
worker that starts late still finds the wish. Written by the verbs in `engine.actions` only.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Desired(StrEnum):
    """What should become of the job."""

    RUN = "run"
    PAUSE = "pause"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True)
class Control:
    """The content of `control.json`."""

    desired: Desired = Desired.RUN
    request_id: str = ""
    """Changes with every request; the worker answers with it in `ack_request_id`."""
    order: float = 0.0
    """The queue's order: the smaller starts first."""
    by: str = ""
    """Who asked: `cli`, `deck`, `supervisor`."""
    at: str = ""
    """When, RFC 3339 UTC."""
    reason: str = "user"
    """Why: user, disk, queue or reboot; says which pause may end by itself."""
    schema: int = 1
    extra: dict[str, Any] = field(default_factory=dict)
    """Fields that a newer tunedeck wrote; kept as they are."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Control":
        """Read a stored object; an unknown wish is `run`, since that changes nothing."""
        known = {name: data[name] for name in _NAMES if name in data}
        try:
            known["desired"] = Desired(known.get("desired", Desired.RUN))
        except ValueError:
            known["desired"] = Desired.RUN
        order = known.get("order", 0.0)
        known["order"] = float(order) if isinstance(order, int | float) else 0.0
        extra = {name: value for name, value in data.items() if name not in _NAMES}
        return cls(**known, extra=extra)

    def to_json(self) -> dict[str, Any]:
        """The object to store."""
        return {**self.extra, **{name: getattr(self, name) for name in _NAMES}}


_NAMES = tuple(name for name in Control.__dataclass_fields__ if name != "extra")
