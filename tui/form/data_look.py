"""A look at training data that is short enough to be repeated while a form is filled in.

It never reads a large file as a whole: `endless` says why a file is not looked at.
"""

import math
from pathlib import Path
from typing import Any

from engine.data import Inspection, resolve
from engine.errors import DataError
from engine.plan.model_folder import BaseModel
from engine.plan.preflight import inspected
from engine.spec import JobSpec

LOOKED_AT_BYTES = 4 * 1024**2
"""Larger data is checked by its first rows while it is typed; all of it before it is queued."""
LOOKED_AT_ROWS = 2000
LONGEST_ROW_BYTES = 32 * 1024**2
"""What has no end of a row before this is not looked at here: it would have to be read as a whole."""


class DataLook:
    """Looks at data for a form: a little of it, and not again while nothing changed."""

    def __init__(self, *, thorough: bool = False) -> None:
        self._thorough = thorough
        self._seen: tuple[Any, Inspection] | None = None
        self.skip = False
        """Whether there is no data to look at."""
        self.note = ""
        """Why it was not looked at, where it was not."""
        self.estimated_rows: int | None = None

    def __call__(self, spec: JobSpec, model: BaseModel) -> Inspection | None:
        """As `preflight` asks for it."""
        self.note, self.estimated_rows = "", None
        if self.skip:
            return None
        names = [spec.data.train, *([spec.data.eval] if isinstance(spec.data.eval, str) else [])]
        files = [path for name in names for path in files_of(name)]
        for path in files:
            if found := endless(path):
                self.note = found
                return None
        data, chat = spec.data, (spec.model.chat_template, model.chat)
        asked = (data.model_dump_json(), spec.method, chat, [_signature(path) for path in files])
        if self._seen is None or self._seen[0] != asked:
            self._seen = (asked, self._look(spec, model))
        found_rows = self._seen[1]
        if not found_rows.complete:
            self.estimated_rows = estimated_rows(files_of(spec.data.train))
        return found_rows

    def _look(self, spec: JobSpec, model: BaseModel) -> Inspection:
        if self._thorough:
            return inspected(spec, model)
        return inspected(spec, model, small_bytes=LOOKED_AT_BYTES, rows=LOOKED_AT_ROWS)


def files_of(name: str) -> list[Path]:
    """The files that some data names; none when it names none, or is on the Hub."""
    try:
        found = resolve(name, Path.cwd())
    except (DataError, OSError):
        return []  # the look itself says it
    return found if isinstance(found, list) else []


def _signature(path: Path) -> tuple[str, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return str(path), -1, -1
    return str(path), stat.st_size, stat.st_mtime_ns


def endless(path: Path) -> str | None:
    """Why a file would have to be read as a whole to see one row, when it is large; else None."""
    try:
        size = path.stat().st_size
        if size <= LONGEST_ROW_BYTES or path.suffix.lower() in {".parquet", ".gz"}:
            return None
        if path.suffix.lower() == ".json":
            return f"{path.name} is one large JSON document: it is read when the job starts"
        mark = b"\n\n" if path.suffix.lower() == ".txt" else b"\n"
        with path.open("rb") as file:
            head = file.read(LONGEST_ROW_BYTES // 4)
    except OSError:
        return None
    if mark in head.replace(b"\r\n", b"\n"):
        return None
    kind = "blank line" if mark == b"\n\n" else "line break"
    return f"{path.name} has no {kind} in its first {len(head) // 1024**2} MiB: it is read when the job starts"


def estimated_rows(files: list[Path]) -> int | None:
    """About how many rows some JSON lines hold, by the length of the first of them."""
    total = 0.0
    for path in files:
        if path.suffix.lower() not in {".jsonl", ".ndjson"}:
            return None
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(LOOKED_AT_BYTES)
        except OSError:
            return None
        total += head.count(b"\n") * (size / len(head)) if head else 0
    return rounded(total) if total else None


def rounded(number: float) -> int:
    """Two digits: more would pretend to know."""
    unit: int = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return round(number / unit) * unit
