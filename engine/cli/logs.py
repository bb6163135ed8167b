"""`tunedeck logs ID`: what the worker wrote, without anything that could steer the terminal."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from engine.cli.output import json_text, narrate, say
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from engine.text import clean_line

POLL_SECONDS = 0.25
LONGEST_LINE = 64 * 1024
"""Bytes after which a line that does not end is shown as it is."""


def run(args: argparse.Namespace) -> int:
    """Print the log, and with `--follow` what is added to it."""
    job = Store().find(args.job)
    try:
        with job.log_file.open("rb") as file:
            if args.lines is not None:
                _seek_last(file, args.lines)
            show = _say_json if args.json else say
            if args.follow:
                _follow(job, file, show)
            else:
                for line in _lines(file):
                    show(line)
    except FileNotFoundError:
        if not (args.follow and _appears(job)):
            narrate(f"{job.id} has no log: its worker was never started")
            return 0
        return run(args)
    except KeyboardInterrupt:
        if not args.follow:
            raise
    return 0


def _say_json(line: str) -> None:
    """One line as an object, so that it can be told from what follows."""
    say(json_text({"line": line}))


def tail(path: Path, count: int) -> list[str]:
    """The last lines of a log; none where there is no log."""
    try:
        with path.open("rb") as file:
            _seek_last(file, count)
            return list(_lines(file))
    except OSError:
        return []


def _lines(file: BinaryIO) -> Iterator[str]:
    """The lines from here to the end; half a line at the end is shown too."""
    while raw := file.readline(LONGEST_LINE):
        yield clean_line(raw.decode("utf-8", "replace"))


def _seek_last(file: BinaryIO, count: int) -> None:
    """Go to the beginning of the last `count` lines."""
    end = file.seek(0, 2)
    begin = end
    block = b""
    while begin > 0 and block.removesuffix(b"\n").count(b"\n") < count:
        step = min(begin, max(64 * 1024, len(block)))
        begin = file.seek(begin - step)
        block = file.read(step) + block
    wanted = block.removesuffix(b"\n").split(b"\n")[-count:] if count else []
    newline = block.endswith(b"\n") and bool(wanted)
    file.seek(end - len(b"\n".join(wanted)) - newline)


def _follow(job: Job, file: BinaryIO, show: Callable[[str], None]) -> None:
    """Print what is added until the job stops; only whole lines."""
    half = b""
    runs = True
    while runs:
        runs = _goes_on(job)
        while raw := file.readline(LONGEST_LINE):
            half += raw
            if half.endswith(b"\n") or len(half) >= LONGEST_LINE:
                show(clean_line(half.decode("utf-8", "replace")))
                half = b""
        sys.stdout.flush()
        time.sleep(POLL_SECONDS if runs else 0)
    if half:
        show(clean_line(half.decode("utf-8", "replace")))


def _appears(job: Job) -> bool:
    """Wait for the log of a job that is still to start; False when it came to rest without one."""
    narrate(f"{job.id} has no log yet: waiting for its worker")
    while not job.log_file.exists():
        if not _goes_on(job):
            return job.log_file.exists()
        time.sleep(POLL_SECONDS)
    return True


def _goes_on(job: Job) -> bool:
    state = job.observed().state
    return state is JobState.QUEUED or state.living
