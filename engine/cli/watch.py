"""`tunedeck watch ID`: a chart and one line, live; plain progress lines without a terminal."""

import argparse
import os
import sys

from engine.cli import words
from engine.cli.chart import draw
from engine.cli.follow import conclude, detached, follow, follow_in_lines
from engine.cli.ls import as_json
from engine.cli.output import json_text, on_terminal, say
from engine.curves import MetricsReader
from engine.job import Job
from engine.status import JobStatus, utc_now
from engine.store import Store
from engine.text import one_line, shortened

CHART_HEIGHT = 14
LEAST_HEIGHT = 10
"""Below this many lines of terminal there is only the line."""


def run(args: argparse.Namespace) -> int:
    """Follow until the job ends or the user leaves; the exit code says how it ended."""
    store = Store()
    job = store.find(args.job)
    try:
        if args.json:
            status = _in_json(store, job)
        elif on_terminal(sys.stdout) and not args.plain:
            status = _in_place(store, job)
        else:
            status = follow_in_lines(store, job, sys.stdout, live=False)
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


def _in_place(store: Store, job: Job) -> JobStatus:
    """Chart and line, redrawn where they stand."""
    metrics = MetricsReader(job.metrics_file)
    picture: list[str] = []
    drawn_for: tuple[int, int] | None = None
    height = 0

    def show(status: JobStatus, waits: str) -> None:
        nonlocal picture, drawn_for, height
        size = os.get_terminal_size()
        if metrics.update() or drawn_for != size:
            drawn_for = (size.columns, size.lines)
            room = min(CHART_HEIGHT, size.lines - 2)
            picture = draw(metrics.curves, size.columns - 1, room) if room >= LEAST_HEIGHT else []
        text = f"{words.state_words(status.state)} {job.id}  " + words.progress(
            status, utc_now(), waits
        )
        lines = [*picture, shortened(one_line(text), size.columns - 1)]
        up = f"\x1b[{height - 1}A" if height > 1 else ""
        sys.stdout.write(f"{up}\r\x1b[J" + "\r\n".join(lines))
        sys.stdout.flush()
        height = len(lines)

    try:
        return follow(store, job, show)
    finally:
        sys.stdout.write("\r\n")
        sys.stdout.flush()
