"""All rows of a job's data, converted, checked and divided: what the training worker uses.

The rows are held in memory as plain dicts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from engine.data.conversion import open_source
from engine.data.formats import Canonical
from engine.data.source import HubId, HubReader, Resolved, fingerprint, fingerprint_rows, resolve
from engine.errors import DataError

T = TypeVar("T")


@dataclass(frozen=True)
class Loaded:
    """The data of one job, ready for the trainer."""

    train_rows: list[Canonical]

    eval_rows: list[Canonical] | None

    fingerprint: str
    """SHA-256 over the files that were read, or over the rows of a hub data set."""

    format: str


def load(
    train: str,
    *,
    eval: float | str | None,
    format: str,
    columns: Mapping[str, str],
    method: str,
    base_folder: Path,
    seed: int,
    chat: bool,
    read_hub: HubReader | None = None,
) -> Loaded:
    """Read, check and convert everything; the same arguments and files give the same rows."""
    sources = resolve_both(train, eval, base_folder)
    parts: list[list[Canonical]] = []
    names: list[str] = []
    for resolved in sources:
        source = open_source(
            resolved, format=format, columns=columns, method=method, read_hub=read_hub
        )
        parts.append(list(source.convert(chat=chat)))
        names.append(source.reading.format.name)
    known = _fingerprint(sources) or fingerprint_rows(row for part in parts for row in part)
    if isinstance(eval, str):
        return Loaded(parts[0], parts[1], known, names[0])
    if eval is None:
        return Loaded(parts[0], None, known, names[0])
    train_rows, eval_rows = split(parts[0], eval, seed)
    return Loaded(train_rows, eval_rows, known, names[0])


def data_fingerprint(train: str, eval: float | str | None, *, base_folder: Path) -> str | None:
    """The fingerprint that `load` would give now, without reading rows; None for hub data."""
    return _fingerprint(resolve_both(train, eval, base_folder))


def resolve_both(train: str, eval: float | str | None, base_folder: Path) -> list[Resolved]:
    """The source of the training rows, and the one of the evaluation rows where it has its own."""
    names = [train, eval] if isinstance(eval, str) else [train]
    return [resolve(name, base_folder) for name in names]


def split(rows: Sequence[T], fraction: float, seed: int) -> tuple[list[T], list[T]]:
    """Training and evaluation rows, in their order; which is which depends on the seed alone."""
    held_out = held_out_count(len(rows), fraction)
    drawn = sorted(range(len(rows)), key=lambda index: _draw(seed, index))
    chosen = set(drawn[:held_out])
    train = [row for index, row in enumerate(rows) if index not in chosen]
    return train, [row for index, row in enumerate(rows) if index in chosen]


def held_out_count(rows: int, fraction: float) -> int:
    """How many rows a fraction holds out: at least one, and never all."""
    check_fraction(fraction)
    if rows < 2:
        raise DataError(
            "data.eval: one row cannot be divided into training and evaluation",
            "add rows, or leave data.eval out",
        )
    return min(max(1, round(rows * fraction)), rows - 1)


def check_fraction(fraction: float) -> None:
    """Refuse a fraction that is none."""
    if not 0 < fraction < 1:
        raise DataError(
            f"data.eval: the fraction {fraction} is not between 0 and 1",
            "write a fraction such as 0.05, the name of a file, or leave it out",
        )


def _draw(seed: int, index: int) -> bytes:
    """A number that no release of Python draws differently."""
    return hashlib.sha256(f"{seed}:{index}".encode()).digest()


def _fingerprint(sources: Sequence[Resolved]) -> str | None:
    paths: list[Path] = []
    for resolved in sources:
        if isinstance(resolved, HubId):
            return None
        paths += resolved
    return fingerprint(paths)
