"""A job's measurements, as lines; `engine.curves` reads them back.

A line is `{"v": 1, "attempt": 1, "kind": "train", "step": 3, "time": 1.7e9, "epoch": 0.1, "loss": ...}`.
After a kill the next attempt measures some steps again: its `resume` line carries `from_step`, and readers
drop what earlier attempts wrote beyond it.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.files import LineAppender

VERSION = 1
ENVELOPE = frozenset({"v", "attempt", "kind", "step", "time", "not_finite"})
"""Fields of a line that are no measurement."""


class MetricsWriter:
    """Appends measurements; the worker is the only writer of the file."""

    def __init__(self, path: Path, attempt: int) -> None:
        self._lines = LineAppender(path)
        self._attempt = attempt

    def append(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Write one measurement; a NaN or infinite value becomes null and is named in `not_finite`."""
        broken = [k for k, v in values.items() if isinstance(v, float) and not math.isfinite(v)]
        line: dict[str, Any] = {
            "v": VERSION,
            "attempt": self._attempt,
            "kind": kind,
            "step": step,
            "time": round(time.time(), 3),
            **values,
        }
        if broken:
            line["not_finite"] = broken
        self._lines.append(line)

    def resumed(self, from_step: int) -> None:
        """Say that this attempt goes on from `from_step`: what lies beyond it will be measured again."""
        self.append("resume", from_step, {"from_step": from_step})

    def sync(self) -> None:
        """Make every line so far survive a power loss; called with each checkpoint."""
        self._lines.sync()

    def close(self) -> None:
        """Close the file."""
        self._lines.close()
