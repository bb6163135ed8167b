"""`tunedeck compare A B...`: curves on one axis, the fields that differ, and what came of them."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.ascii import to_ascii
from engine.cli import words
from engine.cli.chart import LETTERS, draw, look_of, picture_of_several
from engine.cli.ls import as_json
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.cli.saving import save
from engine.cli.sides import axis_of, check, points_json, read_sides
from engine.cli.table import GAP, Column, table
from engine.compare import Comparison, compare, to_csv
from engine.compare.side import Side, smoothed
from engine.curves import Axis
from engine.errors import StateError, UsageError
from engine.job import Job
from engine.store import Store
from engine.text import cells

CHART_HEIGHT = 18
NAME_WIDTH, VALUE_WIDTH = 12, 12
"""What a column needs at least; as many jobs as fit stand beside each other."""

LONGEST_VALUE = 24
"""What a value of a spec needs at most; the rest of a path may be cut."""


def run(args: argparse.Namespace) -> int:
    """Print the comparison, or write its measurements to a file."""
    if len(args.jobs) < 2:
        raise UsageError("one job cannot be compared", f"draw it: tunedeck plot {args.jobs[0]}")
    if args.json and args.csv == "-":
        raise UsageError("--json and --csv - both want the output", "give --csv a file")
    axis = axis_of(args.metric, args.by)
    store = Store()
    sides = read_sides(store, args.jobs)
    if args.csv:
        _write_csv(sides, args.csv, quiet=args.json)
        if args.csv == "-":
            return 0
    compared = compare(sides, args.metric)
    if args.json:
        say_json(_as_json(store, compared, args.metric, axis))
    else:
        _print(compared, args.metric, axis, ascii_only=args.ascii)
    return 0


def _write_csv(sides: Sequence[Side], target: str, *, quiet: bool) -> None:
    if not any(side.measured for side in sides):
        raise StateError("these jobs have measured nothing yet", "wait for the first steps")
    content = to_csv(sides)
    if target == "-":
        sys.stdout.write(content)
        return
    save(Path(target), content.encode())
    if not quiet:
        narrate(f"wrote {content.count(chr(10)) - 1} lines to {target}")


def _as_json(store: Store, compared: Comparison, metric: str, axis: Axis) -> dict[str, Any]:
    measured = any(side.measured for side in compared.sides)
    drawn = check(compared.sides, metric, axis) if measured else []
    return {
        "metric": metric,
        "axis": axis,
        "jobs": [
            {**as_json(Job(store.jobs_folder / side.id), side.status), "label": label}
            for side, label in zip(compared.sides, compared.labels, strict=True)
        ],
        "differences": [{"field": one.field, "values": one.values} for one in compared.differences],
        "results": [
            {
                "name": one.name,
                "unit": one.unit,
                "values": one.values,
                "steps": one.steps or None,
                "best": sorted(one.best),
            }
            for one in compared.results
        ],
        "series": [
            {"id": side.id, **points_json(one)}
            for side, one in zip(compared.sides, drawn, strict=False)
        ],
    }


def _print(compared: Comparison, metric: str, axis: Axis, *, ascii_only: bool) -> None:
    look = look_of(sys.stdout, ascii_only=ascii_only)
    named = [f"{LETTERS[at % len(LETTERS)]} {label}" for at, label in enumerate(compared.labels)]
    lines: list[str] = []
    width = None
    silent = [
        label
        for side, label in zip(compared.sides, compared.labels, strict=True)
        if not side.measured
    ]
    if len(silent) < len(compared.sides):
        drawn = check(compared.sides, metric, axis)
        if on_terminal(sys.stdout):
            size = os.get_terminal_size()
            width = size.columns
            smooth = [smoothed(one.line, metric) for one in drawn]
            picture = picture_of_several(compared.labels, drawn, metric, axis, smoothed=smooth)
            lines += draw(picture, width - 1, min(CHART_HEIGHT, size.lines - 2), look)
            lines += [""] if lines else []
    lines += _results(compared, named, width, ascii_only=look.ascii_only)
    lines += ["", *_differences(compared, named, width)]
    for line in lines:
        say(to_ascii(line) if look.ascii_only else line)
    for label in silent:
        narrate(f"{label} has measured nothing yet")


def _results(
    compared: Comparison, named: Sequence[str], width: int | None, *, ascii_only: bool
) -> list[str]:
    """A line for each figure; the best of some is marked."""
    states = [
        words.state_words(side.status.state, ascii_only=ascii_only) for side in compared.sides
    ]
    rows = [
        ["state", *states],
        *(
            [
                one.name,
                *(
                    one.words(at) + (" *" if at in one.best else "")
                    for at in range(len(compared.sides))
                ),
            ]
            for one in compared.results
        ),
    ]
    marked = any(one.best for one in compared.results)
    return _beside("result", named, rows, width) + (["* the best of these"] if marked else [])


def _differences(compared: Comparison, named: Sequence[str], width: int | None) -> list[str]:
    """A line for each field that differs."""
    if not compared.differences:
        return ["their specs are the same"]
    rows = [[one.field, *one.short] for one in compared.differences]
    return _beside("spec", named, rows, width, longest=LONGEST_VALUE)


def _beside(
    title: str,
    named: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    *,
    longest: int | None = None,
) -> list[str]:
    """Tables of as many jobs as fit beside each other, one below the other.

    Names of jobs may be cut, and values longer than `longest`; a number is never.
    """
    least = []
    for at in range(len(named)):
        needed = max(cells(row[at + 1]) for row in rows)
        least.append(max(VALUE_WIDTH, min(needed, longest or needed)))
    lines: list[str] = []
    first = 0
    while first < len(named):
        past = first + 1
        while past < len(named) and _fits(least[first : past + 1], rows, width):
            past += 1
        some = range(first, past)
        columns = [
            Column(title, shrinks_to=NAME_WIDTH),
            *(Column(named[at], shrinks_to=least[at]) for at in some),
        ]
        cut = [[row[0], *(row[at + 1] for at in some)] for row in rows]
        lines += [*([""] if lines else []), *table(columns, cut, width)]
        first = past
    return lines


def _fits(widths: Sequence[int], rows: Sequence[Sequence[str]], width: int | None) -> bool:
    """Whether values of these widths fit beside the names of their rows."""
    names = max(cells(row[0]) for row in rows)
    return width is None or names + sum(one + len(GAP) for one in widths) <= width
