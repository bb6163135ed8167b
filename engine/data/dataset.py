"""A job's data, source by source: its rows converted and checked, its division, its fingerprint.

Rows are streamed: nothing here holds more than the first few of a source.
"""

import hashlib
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.bad_rows import BadRows
from engine.data.conversion import open_source
from engine.data.formats import Canonical
from engine.data.source import HubId, HubReader, Resolved, fingerprint, resolve
from engine.errors import DataError

if TYPE_CHECKING:  # pydantic would cost every reader of a file 0.2 s
    from engine.spec import DataSection, DataSource


@dataclass(frozen=True)
class Part:
    """One source of rows: how it is understood, and its rows, to be read once."""

    source: "DataSource"

    format: str

    kind: str
    """The kind of its rows, a key of `engine.data.kinds.KINDS`."""

    columns: tuple[str, ...]
    """The columns of the first rows, under the names of the file."""

    rows: Iterator[Canonical]
    """The rows that can be learned from; raises DataError where reading cannot go on, and at the end as
    `BadRows` decides."""


def open_parts(
    section: "DataSection",
    *,
    method: str,
    base_folder: Path,
    chat: bool,
    bad_rows: BadRows,
    read_hub: HubReader | None = None,
) -> list[Part]:
    """The sources of the training rows, each with its first rows read and its format known."""
    return [
        _open_part(
            source,
            _resolved(source, section, base_folder),
            method=method,
            chat=chat,
            bad_rows=bad_rows,
            read_hub=read_hub,
        )
        for source in section.sources
    ]


def open_eval(
    section: "DataSection",
    *,
    method: str,
    base_folder: Path,
    chat: bool,
    bad_rows: BadRows,
    read_hub: HubReader | None = None,
) -> Part | None:
    """The source of the evaluation rows where `data.eval` names one; None for a fraction or none."""
    source = eval_source(section)
    if source is None:
        return None
    resolved = _resolved(source, section, base_folder)
    if isinstance(resolved, HubId) and resolved in resolve_all(section, base_folder)[:-1]:
        raise DataError(
            f"data.eval: {resolved} is what is trained on",
            f"name another split: {resolved.name}:test, or hold out a fraction: 0.05",
        )
    return _open_part(
        source,
        resolved,
        method=method,
        chat=chat,
        bad_rows=bad_rows,
        read_hub=read_hub,
    )


def resolve_all(section: "DataSection", base_folder: Path) -> list[Resolved]:
    """The files or hub ids of each source, those of the evaluation last."""
    held_out = eval_source(section)
    sources = [*section.sources, *([held_out] if held_out else [])]
    return [_resolved(source, section, base_folder) for source in sources]


def data_fingerprint(section: "DataSection", base_folder: Path) -> str | None:
    """SHA-256 over the files that the section names, without reading rows; None for hub data."""
    return _fingerprint(resolve_all(section, base_folder))


def split_indices(count: int, fraction: float, seed: int) -> tuple[list[int], list[int]]:
    """Training and evaluation rows by number, in order; which is which depends on the seed alone."""
    held_out = held_out_count(count, fraction)
    drawn = heapq.nsmallest(held_out, range(count), key=lambda index: _draw(seed, index))
    chosen = set(drawn)
    return [index for index in range(count) if index not in chosen], sorted(chosen)


def _open_part(
    source: "DataSource",
    resolved: Resolved,
    *,
    method: str,
    chat: bool,
    bad_rows: BadRows,
    read_hub: HubReader | None,
) -> Part:
    opened = open_source(
        resolved,
        format=source.format,
        columns=source.columns,
        method=method,
        chat=chat,
        read_hub=read_hub,
    )
    return Part(
        source=source,
        format=opened.reading.format.name,
        kind=opened.kind,
        columns=opened.columns,
        rows=opened.convert(chat=chat, bad_rows=bad_rows),
    )


def _resolved(source: "DataSource", section: "DataSection", base_folder: Path) -> Resolved:
    return resolve(
        source.path,
        base_folder,
        split=source.split,
        subset=source.subset,
        streaming=section.streaming,
    )


def eval_source(section: "DataSection") -> "DataSource | None":
    """`data.eval` as a source: like the training source of the same name, else with the section's format."""
    if not isinstance(section.eval, str):
        return None
    name = section.eval.partition(":")[0]
    for source in section.sources:
        if source.path.partition(":")[0] == name:
            return source.model_copy(update={"path": section.eval, "weight": None})
    other = {"train": section.eval, "split": None, "subset": None}
    return section.model_copy(update=other).sources[0]


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
