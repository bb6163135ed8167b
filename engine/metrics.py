"""A job's measurements: append them, and read back one clean curve.

A line is `{"v": 1, "attempt": 1, "kind": "train", "step": 3, "time": 1.7e9, "epoch": 0.1, "loss": ...}`.
After a kill the next attempt measures some steps again: its `resume` line carries `from_step`, and readers
drop what earlier attempts wrote beyond it.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.files import LineAppender, LineReader

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


@dataclass
class Curves:
    """The clean curves of a job: per kind and step, each key's value from the highest attempt."""

    rows: dict[str, dict[int, dict[str, Any]]] = field(default_factory=dict)
    """kind -> step -> {key: value}; None where the value was NaN or infinite."""
    revision: int = 0
    """Grows when rows were taken back (a resume), so that whoever keeps points starts over."""
    _line_attempts: dict[str, dict[int, int]] = field(default_factory=dict)

    def add(self, line: Mapping[str, Any]) -> None:
        """Take one line in."""
        kind, step = line.get("kind"), line.get("step")
        attempt = line.get("attempt", 1)
        if not isinstance(kind, str) or not isinstance(step, int) or not isinstance(attempt, int):
            return
        if kind == "resume":
            self._take_back(line.get("from_step", step), attempt)
            return
        rows = self.rows.setdefault(kind, {})
        seen = self._line_attempts.setdefault(kind, {})
        if attempt < seen.get(step, 0):
            return
        if attempt > seen.get(step, attempt):
            rows.pop(step, None)
        seen[step] = attempt
        values = {key: value for key, value in line.items() if key not in ENVELOPE}
        values["time"] = line.get("time")
        rows.setdefault(step, {}).update(values)

    def _take_back(self, from_step: Any, attempt: int) -> None:
        if not isinstance(from_step, int):
            return
        for kind, seen in self._line_attempts.items():
            stale = [step for step, a in seen.items() if step > from_step and a < attempt]
            for step in stale:
                del seen[step]
                self.rows[kind].pop(step, None)
            self.revision += bool(stale)

    def points(self, kind: str, key: str) -> tuple[list[int], list[float | None]]:
        """Steps and values of one curve, by step; None is a measured NaN or infinity."""
        found = sorted((s, row[key]) for s, row in self.rows.get(kind, {}).items() if key in row)
        return [step for step, _ in found], [value for _, value in found]

    def keys(self, kind: str) -> list[str]:
        """The names measured under that kind, in order of first appearance."""
        names: dict[str, None] = {}
        for row in self.rows.get(kind, {}).values():
            names.update(dict.fromkeys(row))
        return [name for name in names if name not in {"time", "epoch"}]

    def last(self, kind: str) -> tuple[int, dict[str, Any]] | None:
        """The highest step measured under that kind."""
        rows = self.rows.get(kind)
        if not rows:
            return None
        step = max(rows)
        return step, rows[step]


class MetricsReader:
    """Follows `metrics.jsonl`; each `update` reads only what was added."""

    def __init__(self, path: Path) -> None:
        self._lines = LineReader(path)
        self.curves = Curves()

    def update(self, max_bytes: int = 8 * 1024 * 1024) -> bool:
        """Read what is new; True when anything was."""
        restarts, before = self._lines.restarts, self._lines.offset
        new = list(self._lines.objects(max_bytes))
        if self._lines.restarts != restarts:
            self.curves = Curves(revision=self.curves.revision + 1)
        for line in new:
            self.curves.add(line)
        return bool(new) or self._lines.offset != before


def read_curves(path: Path) -> Curves:
    """All of a metrics file at once."""
    reader = MetricsReader(path)
    while reader.update():
        pass
    return reader.curves
