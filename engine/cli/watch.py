"""`tunedeck watch ID`: charts and a line, live; plain progress lines without a terminal."""

import argparse
import os
import sys
from collections.abc import Sequence

from engine.ascii import to_ascii
from engine.cli import words
from engine.cli.chart import LEAST_HEIGHT, Look, draw, look_of, picture_of_one
from engine.cli.follow import conclude, detached, follow, follow_in_lines
from engine.cli.in_place import InPlace
from engine.cli.ls import as_json
from engine.cli.output import json_text, on_terminal, say
from engine.cli.sides import axis_of
from engine.compare.side import Side, metrics, series, smoothed
from engine.curves import Axis, Curves
from engine.job import Job
from engine.machine import Machine
from engine.series import format_bytes
from engine.status import JobState, JobStatus, utc_now
from engine.store import Store
from engine.text import one_line, shortened
from engine.watch import JobFollower

CHART_HEIGHT = 14
"""Of each chart at most; there are as many as fit."""


def run(args: argparse.Namespace) -> int:
    """Follow until the job ends or the user leaves; the exit code says how it ended."""
    store = Store()
    job = store.find(args.job)
    wanted = list(dict.fromkeys(args.metric or ["loss"]))
    axes = [axis_of(metric, args.by) for metric in wanted]
    try:
        if args.json:
            status = _in_json(store, job)
        elif on_terminal(sys.stdout) and not args.plain:
            charts = Charts(job, list(zip(wanted, axes, strict=True)), args.ascii)
            status = _in_place(store, job, charts)
        else:
            status = follow_in_lines(store, job, sys.stdout, live=False, ascii_only=args.ascii)
    except KeyboardInterrupt:
        return detached(job)
    return conclude(job, status, quiet=args.json)


def _in_json(store: Store, job: Job) -> JobStatus:
    """One object a line, whenever a new status was stored."""
    last: dict[str, object] = {}

    def show(status: JobStatus, waits: str) -> None:
        del waits
        nonlocal last
        new = as_json(job, status)
        if new != last:
            last = new
            say(json_text(new))
            sys.stdout.flush()

    return follow(store, job, show)


def _in_place(store: Store, job: Job, charts: "Charts") -> JobStatus:
    """Charts and line, painted again where they stand."""
    place = InPlace(sys.stdout)

    def show(status: JobStatus, waits: str) -> None:
        size = os.get_terminal_size()
        place.show(charts.lines(status, waits, size), size)

    try:
        return follow(store, job, show)
    finally:
        place.end()


class Charts:
    """What is shown of one job: a chart for each metric, its memory in a line, and its progress."""

    def __init__(self, job: Job, wanted: Sequence[tuple[str, Axis]], ascii_only: bool) -> None:
        self._job = job
        self._wanted = wanted
        self._look = look_of(sys.stdout, ascii_only=ascii_only)
        self._files = JobFollower(job)
        self._curves = Curves()
        self._machine = Machine()
        self._drawn: list[str] = []
        self._drawn_for: os.terminal_size | None = None

    def lines(self, status: JobStatus, waits: str, size: os.terminal_size) -> list[str]:
        """All lines for a terminal of that size; charts are drawn again only when they changed."""
        if self._read() or size != self._drawn_for:
            self._drawn_for = size
            side = Side(self._job.id, status, {}, self._curves, self._machine)
            self._drawn = _charts(side, self._wanted, size, self._look)
        state = words.state_words(status.state, ascii_only=self._look.ascii_only)
        goes_on = status.state.living or status.state is JobState.QUEUED
        said = words.progress(status, utc_now(), waits) if goes_on else words.training(status)
        told = [memory_words(self._machine), f"{state} {self._job.id}  {one_line(said)}"]
        lines = [shortened(line, size.columns - 1) for line in told if line]
        return [
            *self._drawn,
            *(to_ascii(line) if self._look.ascii_only else line for line in lines),
        ]

    def _read(self) -> bool:
        """Take in what is new in the job's files."""
        grown = False
        while (curves := self._files.metrics()) is not None:
            self._curves, grown = curves, True
        while (machine := self._files.memory()) is not None:
            self._machine, grown = machine, True
        return grown


def _charts(
    side: Side, wanted: Sequence[tuple[str, Axis]], size: os.terminal_size, look: Look
) -> list[str]:
    """A chart for each metric that has two points, as far as there is room."""
    room = size.lines - 3
    fit = max(0, min(len(wanted), room // LEAST_HEIGHT))
    lines: list[str] = []
    for metric, axis in wanted[:fit]:
        found = series(side, metric, axis)
        if not found:
            lines += _missing(side, metric, axis, size.columns - 1, look)
            continue
        smooth = smoothed(found.line, metric) if look.colours else None
        picture = picture_of_one(found, metric, axis, smoothed=smooth, colours=look.colours)
        lines += draw(picture, size.columns - 1, min(CHART_HEIGHT, room // fit), look)
    return lines


def _missing(side: Side, metric: str, axis: Axis, width: int, look: Look) -> list[str]:
    """Why there is no chart, once anything was measured."""
    known = metrics([side])
    if not known or not side.measured:
        return []
    if metric in known:
        text = f"{metric} is not measured by {axis}"
    else:
        text = f"no {metric} was measured; there are: {', '.join(known)}"
    line = shortened(one_line(text), width)
    return [to_ascii(line) if look.ascii_only else line]


def memory_words(machine: Machine) -> str:
    """`memory 18.3 GiB of 80.0 GiB, peak 19.1 GiB · 97% · 611 W · 61 C`; empty when nothing is known."""
    if machine.gpus:
        used, whole = machine.total("memory_used_bytes"), machine.total("memory_total_bytes").last
        name = "GPU memory"
    else:
        used, whole = machine.curve("rss_bytes"), machine.last("host_total_bytes")
        name = "memory"
    extremes = used.extremes()
    if extremes is None:
        return ""
    parts = [
        f"{name} {format_bytes(used.last)}"
        + (f" of {format_bytes(whole)}" if whole else "")
        + f", peak {format_bytes(extremes[1].y)}"
    ]
    for column, unit in (
        ("utilization_percent", "%"),
        ("power_watts", " W"),
        ("temperature_celsius", " C"),
    ):
        values = [machine.last(f"gpu{index}.{column}") for index in machine.gpus]
        known = [f"{value:.0f}" for value in values if value is not None]
        if known:
            parts.append(f"{' '.join(known)}{unit}")
    return " · ".join(parts)
