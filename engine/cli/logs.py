"""`tunedeck logs ID`: what the worker wrote, without anything that could steer the terminal."""

import argparse
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from engine.cli.output import narrate, say
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
            _print(_last(file, args.lines) if args.lines is not None else _lines(file))
            if args.follow:
                _follow(job, file)
    except FileNotFoundError:
        if not (args.follow and _appears(job)):
            narrate(f"{job.id} has no log: its worker was never started")
            return 0
        return run(args)
    except KeyboardInterrupt:
        if not args.follow:
            raise
    return 0


def tail(path: Path, count: int) -> list[str]:
    """The last lines of a log; none where there is no log."""
    try:
        with path.open("rb") as file:
            return list(_last(file, count))
    except OSError:
        return []


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        say(line)
    sys.stdout.flush()


def _lines(file: BinaryIO) -> Iterator[str]:
    """The lines from here to the end; half a line at the end is shown too."""
    while raw := file.readline(LONGEST_LINE):
        yield clean_line(raw.decode("utf-8", "replace"))


def _last(file: BinaryIO, count: int) -> Iterator[str]:
    """The last `count` lines, read from the end; the file then stands at its end."""
    if count == 0:
        file.seek(0, 2)
        return
    end = file.seek(0, 2)
    begin = max(0, end - count * 1024)
    while True:
        file.seek(begin)
        block = file.read(end - begin)
        if begin == 0 or block.count(b"\n") > count:
            break
        begin = max(0, begin - max(count * 1024, end - begin))
    for raw in deque(block.removesuffix(b"\n").split(b"\n"), maxlen=count):
        yield clean_line(raw.decode("utf-8", "replace"))


def _follow(job: Job, file: BinaryIO) -> None:
    """Print what is added until the job stops; only whole lines."""
    half = b""
    while True:
        runs = _goes_on(job)
        while raw := file.readline(LONGEST_LINE):
            half += raw
            if half.endswith(b"\n") or len(half) >= LONGEST_LINE:
                say(clean_line(half.decode("utf-8", "replace")))
                half = b""
        sys.stdout.flush()
        if not runs:
            break
        time.sleep(POLL_SECONDS)
    if half:
        say(clean_line(half.decode("utf-8", "replace")))


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
