"""Jobs side by side: the fields of their specs that differ, what came of each, and a file of it all.

Pure; `engine.compare.side` reads a job and has its curves, `engine.compare.results` its figures. Who shows it,
as a table, a chart or a screen, decides how.
"""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.columns import Floats
from engine.compare.results import Result, results
from engine.compare.side import MEMORY, Side, metrics
from engine.text import clean_text, one_line

ABSENT = "-"
"""What a table shows for a field that a spec does not set."""

_IN_THE_HEADING = frozenset({"name"})
"""Fields of a spec that every table of jobs shows anyway."""


@dataclass(frozen=True)
class Difference:
    """A field of the spec that not all jobs have alike."""

    field: str
    """Dotted: `training.learning_rate`."""
    values: tuple[str, ...]
    """One for each job; `ABSENT` where a spec does not set it."""

    @property
    def short(self) -> tuple[str, ...]:
        """The values without the folders that all paths among them share."""
        return _without_common_folder(self.values)


@dataclass(frozen=True)
class Comparison:
    """Everything about some jobs side by side."""

    sides: tuple[Side, ...]
    labels: tuple[str, ...]
    """A short name for each, no two alike."""
    differences: tuple[Difference, ...]
    results: tuple[Result, ...]


def compare(sides: Sequence[Side], metric: str = "loss") -> Comparison:
    """The tables; a metric that the usual results do not tell gets lines of its own."""
    return Comparison(
        sides=tuple(sides),
        labels=labels([side.id for side in sides]),
        differences=differences([side.spec for side in sides]),
        results=results(sides, metric),
    )


def labels(ids: Sequence[str]) -> tuple[str, ...]:
    """The ids without their date, `gsm8k-7f3a`; whole where two would read alike."""
    short = ["-".join(name.split("-")[3:]) or name for name in ids]
    return tuple(
        one if short.count(one) == 1 else name for one, name in zip(short, ids, strict=True)
    )


def differences(specs: Sequence[Mapping[str, Any]]) -> tuple[Difference, ...]:
    """The fields that are not the same everywhere, in the order in which the specs have them."""
    flat = [dict(_flattened(spec)) for spec in specs]
    names = dict.fromkeys(name for one in flat for name in one if name not in _IN_THE_HEADING)
    return tuple(
        Difference(name, tuple(_value_words(one[name]) if name in one else ABSENT for one in flat))
        for name in sorted(names, key=_section_order(names))
        if not all(name in one and _same(one[name], flat[0].get(name)) for one in flat)
    )


def _flattened(value: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Dotted name and value of every leaf; a list is a leaf, and so is an empty section."""
    found: list[tuple[str, Any]] = []
    for key, inner in value.items():
        name = f"{above}{key}"
        if isinstance(inner, Mapping) and inner:
            found += _flattened(inner, f"{name}.")
        elif not isinstance(inner, Mapping):
            found.append((name, inner))
    return found


def _section_order(names: Mapping[str, None]) -> Callable[[str], int]:
    """Fields of one section stand together, though another spec may add some."""
    sections = list(dict.fromkeys(name.partition(".")[0] for name in names))
    return lambda name: sections.index(name.partition(".")[0])


def _same(one: object, other: object) -> bool:
    """Whether two values mean the same: 16 is 16.0, and true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


def _value_words(value: object) -> str:
    """A value as a spec would write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_value_words, value)) + "]"
    return one_line(str(value))


def _without_common_folder(values: tuple[str, ...]) -> tuple[str, ...]:
    paths = [value.split("/") for value in values if value.startswith("/")]
    if len(set(map(tuple, paths))) < 2:
        return values
    shared = 0
    while len({tuple(path[: shared + 1]) for path in paths}) == 1 and all(
        len(path) > shared + 1 for path in paths
    ):
        shared += 1
    if shared < 2:
        return values
    return tuple(
        "…/" + "/".join(value.split("/")[shared:]) if value.startswith("/") else value
        for value in values
    )


def to_csv(sides: Sequence[Side]) -> str:
    """Every measurement in long form: a line for each job, kind and step.

    A cell is empty where nothing was measured, and `nan` where the value was no number.
    """
    names = [name for name in metrics(sides) if name != MEMORY]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["job", "kind", "step", "tokens", "seconds", *map(clean_text, names)])
    for side in sides:
        for kind, table in side.curves.tables.items():
            steps = table["step"]
            columns = [
                _cells(side.curves.along(steps, "tokens"), len(steps)),
                _cells(side.curves.along(steps, "time"), len(steps)),
                *(_cells(table.get(name), len(steps)) for name in names),
            ]
            for row, step in enumerate(steps.tolist()):
                values = (column[row] for column in columns)
                writer.writerow([side.id, clean_text(kind), int(step), *values])
    return text.getvalue()


def _cells(column: Floats | None, rows: int) -> list[str]:
    if column is None:
        return [""] * rows
    return ["" if y != y else "nan" if math.isinf(y) else _exact(y) for y in column.tolist()]


def _exact(y: float) -> str:
    """A number as short as it can be read back exactly."""
    return str(int(y)) if y.is_integer() and abs(y) < 1e15 else repr(y)
