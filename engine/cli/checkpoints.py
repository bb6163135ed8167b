"""`tunedeck checkpoints ID`: what a job can go on from, and what was set aside."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from engine import checkpoints
from engine.checkpoints import Aside, Checkpoint
from engine.cli import words
from engine.cli.history import local_time
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.cli.table import Column, table
from engine.series import format_bytes
from engine.store import Store
from engine.text import one_line

COLUMNS = (
    Column("step", right=True),
    Column("eval loss", right=True),
    Column("size", right=True),
    Column("saved", optional=True),
    Column("note", shrinks_to=8),
    Column("folder", shrinks_to=12),
)


def run(args: argparse.Namespace) -> int:
    """Print the committed checkpoints by step; their files are not verified."""
    job = Store().find(args.job)
    present = checkpoints.committed(job.checkpoints)
    aside = checkpoints.aside(job.checkpoints)
    if args.json:
        say_json(_as_json(present, aside))
        return 0
    if not present and not aside:
        narrate(f"{job.id} has no checkpoint yet: `tunedeck pause {job.id}` saves one")
        return 0
    width = os.get_terminal_size().columns if on_terminal(sys.stdout) else None
    rows = [*(_row(one, _note(one, present)) for one in present), *map(_row_of_aside, aside)]
    for line in table(COLUMNS, rows, width):
        say(line)
    return 0


def _as_json(present: Sequence[Checkpoint], aside: Sequence[Aside]) -> list[dict[str, Any]]:
    """Committed ones with what their commit says, then what is none, and why."""
    best = checkpoints.best(list(present))
    good = [
        {
            **{name: value for name, value in one.facts.items() if name != "files"},
            "step": one.step,
            "eval_loss": one.eval_loss,
            "size_bytes": one.size_bytes,
            "path": str(one.folder),
            "committed": True,
            "newest": one is present[-1],
            "best": one is best,
        }
        for one in present
    ]
    return good + [
        {"step": one.step, "path": str(one.folder), "committed": False, "why": one.why}
        for one in aside
    ]


def _note(one: Checkpoint, present: Sequence[Checkpoint]) -> str:
    parts = ["newest"] if one is present[-1] else []
    if one is checkpoints.best(list(present)):
        metric, value, _ = one.judged or ("eval_loss", None, False)
        judged = "" if metric == "eval_loss" else f" ({one_line(metric, 40)} {words.number(value)})"
        parts.append(f"best{judged}")
    return ", ".join(parts)


def _row(one: Checkpoint, note: str) -> list[str]:
    return [
        str(one.step),
        words.number(one.eval_loss),
        format_bytes(one.size_bytes),
        local_time(one.facts.get("created_at")),
        note,
        str(one.folder),
    ]


def _row_of_aside(one: Aside) -> list[str]:
    why = f"set aside: {one.why}" if one.why else "never finished"
    return [str(one.step), words.UNKNOWN, words.UNKNOWN, "", why, str(one.folder)]
