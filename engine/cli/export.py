"""`tunedeck export ID`: starts an export, waits for it, and prints the paths of the artifacts."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cli.follow import Pace
from engine.cli.logs import tail
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.errors import JobFailed
from engine.files import read_json
from engine.job import Job
from engine.process import ProcessIdentity, is_alive
from engine.series import format_duration
from engine.store import Store
from engine.text import one_line

POLL_SECONDS = 0.2
LOG_LINES = 12


@dataclass(frozen=True)
class Artifact:
    """One finished export."""

    kind: str
    path: Path
    facts: dict[str, Any]
    """Its `export.json`."""


def run(args: argparse.Namespace) -> int:
    """Export and wait; with `--detach` only start."""
    store = Store()
    job = store.find(args.job)
    from engine import actions

    kinds = args.to or actions.export_kinds(job)[:1]
    if args.detach:
        actions.export(store, job, kinds, checkpoint=args.checkpoint)
        if not args.json:
            narrate(f"exporting {job.id}; it will be in {job.exports}")
        return 0
    try:
        artifacts = exported(store, job, kinds, args.checkpoint, quiet=args.json)
    except KeyboardInterrupt:
        narrate(f"\nleft; the export goes on, into {job.exports}")
        return 0
    if args.json:
        say_json([{**one.facts, "kind": one.kind, "path": str(one.path)} for one in artifacts])
    else:
        for one in artifacts:
            say(str(one.path))
    return 0


def exported(
    store: Store, job: Job, kinds: Sequence[str], checkpoint: str, *, quiet: bool = False
) -> list[Artifact]:
    """The artifacts, once every kind is there.

    Raises:
        JobFailed: one of them could not be made; all were tried.
    """
    from engine import actions

    before = {kind: _facts(job, kind).get("started_at") for kind in kinds}
    process = actions.export(store, job, kinds, checkpoint=checkpoint)
    _wait(job, kinds, process, before, quiet=quiet)
    artifacts = []
    for kind in kinds:
        facts = _facts(job, kind)
        if facts.get("started_at") == before[kind]:
            raise _ended_early(job, kind)
        if facts.get("state") != "completed":
            error = facts.get("error") or {}
            raise JobFailed(
                f"the export to {kind} failed: {one_line(str(error.get('message', 'no reason')))}",
                one_line(str(error.get("hint", ""))) or f"look at {job.exports / 'log.txt'}",
            )
        artifacts.append(Artifact(kind, job.export_folder(kind), facts))
    return artifacts


def _wait(
    job: Job,
    kinds: Sequence[str],
    process: ProcessIdentity | None,
    before: dict[str, Any],
    *,
    quiet: bool,
) -> None:
    """Say how far it is until the process has ended."""
    pace, begin = Pace(), time.monotonic()
    live = on_terminal(sys.stderr)
    while process is not None and is_alive(process):
        text = _progress(job, kinds, before, time.monotonic() - begin)
        landmark = text.partition(" ")[0]
        if not quiet and pace.due(landmark, text, time.monotonic()):
            sys.stderr.write(f"\r\x1b[2K{text}" if live else text + "\n")
            sys.stderr.flush()
        time.sleep(POLL_SECONDS)
    if live and not quiet:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


def _progress(job: Job, kinds: Sequence[str], before: dict[str, Any], elapsed: float) -> str:
    """`exporting merged: loading model 40% 3s`."""
    for kind in reversed(kinds):
        facts = _facts(job, kind)
        if facts and facts.get("started_at") != before[kind]:
            done = facts.get("progress")
            share = f" {done:.0%}" if isinstance(done, int | float) else ""
            phase = one_line(str(facts.get("phase", "")), 40)
            return f"exporting {kind}: {phase}{share} {format_duration(elapsed)}"
    return f"exporting: starting {format_duration(elapsed)}"


def _facts(job: Job, kind: str) -> dict[str, Any]:
    try:
        return read_json(job.export_folder(kind) / "export.json") or {}
    except (ValueError, OSError):
        return {}


def _ended_early(job: Job, kind: str) -> JobFailed:
    log = job.exports / "log.txt"
    last = next((line for line in reversed(tail(log, LOG_LINES)) if line.strip()), "")
    return JobFailed(
        f"the export to {kind} ended before it began"
        + (f": {one_line(last, 300)}" if last else ""),
        f"look at {log}",
    )
