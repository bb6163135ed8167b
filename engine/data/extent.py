"""How much there is to read in some files, guessed from their beginning: nothing is read as a whole."""

import math
from collections.abc import Sequence
from pathlib import Path

from engine.data.source import HubId, resolve
from engine.errors import DataError

LOOKED_AT_BYTES = 4 * 1024**2
LONGEST_ROW_BYTES = 32 * 1024**2
"""What has no end of a row before this would have to be read as a whole."""

_ROWS_ARE_LINES = frozenset({".jsonl", ".ndjson"})
FEW_BYTES = 16 * 1024**2
LEAST_ROWS, FEW_ROWS, MOST_ROWS = 20, 5_000, 10_000
"""Of a look that takes a second or two; the middle one where the size of a row is not known."""

_STREAMED = frozenset({".parquet", ".arrow", ".gz", ".zst"})


def files_of(name: str, base_folder: Path | None = None) -> list[Path]:
    """The files that some data names; none when it names none, or is on the Hub."""
    try:
        found = resolve(name, base_folder or Path.cwd())
    except (DataError, OSError):
        return []  # whoever reads it says why
    return [] if isinstance(found, HubId) else found


def size_bytes(files: Sequence[Path]) -> int:
    """What they take on the disk; what is gone takes nothing."""
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except OSError:
            continue
    return total


def endless(path: Path) -> str | None:
    """Why a file would have to be read as a whole to see one row, when it is large; else None."""
    try:
        size = path.stat().st_size
        if size <= LONGEST_ROW_BYTES or path.suffix.lower() in _STREAMED:
            return None
        if path.suffix.lower() == ".json":
            return f"{path.name} is one large JSON document: it is read when the job starts"
        mark = b"\n\n" if path.suffix.lower() in (".txt", ".md") else b"\n"
        with path.open("rb") as file:
            head = file.read(LONGEST_ROW_BYTES // 4)
    except OSError:
        return None
    if mark in head.replace(b"\r\n", b"\n"):
        return None
    kind = "blank line" if mark == b"\n\n" else "line break"
    read = len(head) // 1024**2
    return f"{path.name} has no {kind} in its first {read} MiB: it is read when the job starts"


def estimated_rows(files: Sequence[Path]) -> int | None:
    """About how many rows some JSON lines hold, by the length of the first of them."""
    total = 0.0
    for path in files:
        if path.suffix.lower() not in _ROWS_ARE_LINES:
            return None
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(LOOKED_AT_BYTES)
        except OSError:
            return None
        total += head.count(b"\n") * (size / len(head)) if head else 0
    return rounded(total) if total else None


def few_rows(files: Sequence[Path]) -> int:
    """How many rows can be read in a second or two, by the size of the first of them."""
    if not files or files[0].suffix.lower() not in _ROWS_ARE_LINES:
        return FEW_ROWS
    try:
        with files[0].open("rb") as file:
            head = file.read(LOOKED_AT_BYTES)
    except OSError:
        return FEW_ROWS
    rows = head.count(b"\n") * FEW_BYTES // max(1, len(head))
    return max(LEAST_ROWS, min(MOST_ROWS, rows))


def rounded(number: float) -> int:
    """Two digits: more would pretend to know."""
    unit: int = 10 ** max(0, math.floor(math.log10(number)) - 1)
    return round(number / unit) * unit
