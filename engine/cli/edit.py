"""`tunedeck edit`: shows what an edit changes and leads to, asks, and writes it; alone it lists the fields."""

import argparse
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.cli.output import narrate, on_terminal, say, say_json
from engine.cli.table import Column, table
from engine.errors import UsageError
from engine.job import Job
from engine.store import Store
from engine.text import one_line

if TYPE_CHECKING:
    from engine.edits.editable import Editable
    from engine.edits.rules import Preview

BY = "cli"

FIELDS = (
    Column("field"),
    Column("in force", shrinks_to=12),
    Column("what it does", shrinks_to=20),
)


def run(args: argparse.Namespace) -> int:
    """Edit one job; without `--yes` the user is asked, and must be there to answer."""
    from engine import actions

    job = Store().find(args.job)
    if not args.overrides:
        return _listed(job, as_json=args.json)
    changes = asked(args.overrides)
    if not (args.yes or args.dry_run or on_terminal(sys.stdin)):
        actions.preview_edit(job, changes)  # what is wrong with it is said first
        raise UsageError(
            "nobody is here to confirm the edit", "add --yes to make it, or --dry-run to look"
        )
    preview = actions.preview_edit(job, changes)
    if not args.json:
        for line in diff(preview):
            say(line)
    applied = False
    if preview.changes and not args.dry_run and (args.yes or _agreed(job)):
        preview, applied = actions.edit(job, changes, by=BY), True
    if args.json:
        say_json({"id": job.id, "applied": applied, **preview.to_json()})
    else:
        narrate(f"{job.id}: {_told(job, preview, applied=applied, looked=args.dry_run)}")
    return 0


def asked(overrides: list[str]) -> dict[str, Any]:
    """`--set section.field=value` as dotted field -> value."""
    from engine.document import apply_overrides

    changes: dict[str, Any] = {}
    for section, value in apply_overrides({}, overrides).items():
        if isinstance(value, Mapping):
            changes |= {f"{section}.{field}": inner for field, inner in value.items()}
        else:
            changes[section] = value
    return changes


def diff(preview: "Preview") -> list[str]:
    """The changed fields, before and after, and what they lead to."""
    if not preview.changes:
        return []
    rows = [
        (one_line(c.field), one_line(c.shown_before), "->", one_line(c.shown_after), c.derived)
        for c in preview.changes
    ]
    columns = [Column("field"), Column("before"), Column(""), Column("after"), Column("")]
    return [*table(columns, rows, None), *(f"- {one_line(text)}" for text in preview.consequences)]


def _listed(job: Job, *, as_json: bool) -> int:
    """Every field that can be edited, with what is in force."""
    from engine import actions

    fields = actions.editable(job)
    if as_json:
        say_json([_as_json(field) for field in fields])
        return 0
    rows = [(one.field, one_line(shown(one)), one_line(one.fixed or one.help)) for one in fields]
    width = os.get_terminal_size().columns if on_terminal(sys.stdout) else None
    for line in table(FIELDS, rows, width):
        say(line)
    narrate(f"change one: tunedeck edit {job.id} --set training.learning_rate=1e-4")
    return 0


def shown(field: "Editable") -> str:
    """The value in force, and whether it is a default."""
    from engine.edits import words

    name = field.field.partition(".")[2]
    return words.shown(name, field.value, is_default=field.is_default)


def _as_json(field: "Editable") -> dict[str, Any]:
    return {
        "field": field.field,
        "group": field.group,
        "type": field.type,
        "choices": list(field.choices),
        "value": field.value,
        "is_default": field.is_default,
        "help": field.help,
        "fixed": field.fixed or None,
    }


def _agreed(job: Job) -> bool:
    sys.stdout.flush()
    sys.stderr.write(f"edit {job.id}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _told(job: Job, preview: "Preview", *, applied: bool, looked: bool) -> str:
    if not preview.changes:
        return "nothing to change, it is as asked already"
    if applied:
        return f"edited; `tunedeck resume {job.id}` goes on with it"
    return "nothing was written" if looked else "left as it was"
