"""What the new-job screen says beside its form: the rows as they will be read, and the spec."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text

from engine.data import Inspection
from engine.text import cells, clean_text
from tui.form.draft import Draft
from tui.form.findings import Findings
from tui.widgets.about import wrapped
from tui.widgets.canvas import Toned

ROWS_OF_A_TURN = 3
SHOWN_CHARACTERS = 600


def found_rows(found: Findings, widget: Toned, width: int) -> list[Text]:
    """Format, counts, warnings, and the first rows as the trainer gets them."""
    rows = [
        Text(line, style=widget.tone("wait"))
        for warning in found.warnings
        for line in wrapped(f"! {warning}", width, ROWS_OF_A_TURN)
    ]
    inspection = found.facts.inspection if found.facts is not None else None
    if inspection is None:
        return [*rows, Text("no data was read yet", style=widget.tone("dim"))]
    for line in _counts(inspection, found.estimated_rows):
        rows += [Text(part, style=widget.tone("dim")) for part in wrapped(line, width, 2)]
    for number, row in enumerate(inspection.first, 1):
        rows.append(Text())
        rows += _row(number, row, widget, width)
    return rows


def _counts(found: Inspection, estimate: int | None) -> list[str]:
    if found.rows is None:
        return []
    count = f"{found.rows:,} rows" if found.complete else f"the first {found.rows:,} rows read"
    if not found.complete and estimate is not None:
        count = f"about {estimate:,} rows, the first {found.rows:,} read"
    lines = [f"format {found.format}, {count}"]
    if found.eval_rows is not None:
        lines[0] += f", {found.eval_rows:,} to evaluate on"
    if found.characters is not None:
        lines.append(
            f"characters a row: half up to {found.characters.p50:,}, 95% up to "
            f"{found.characters.p95:,}, longest {found.characters.max:,}"
        )
    lines.append(f"columns: {', '.join(found.columns)}")
    if found.unused_columns:
        lines.append(f"not used: {', '.join(found.unused_columns)}")
    return lines


def _row(number: int, row: Mapping[str, Any], widget: Toned, width: int) -> list[Text]:
    turns = list(_turns(row))
    indent = max((cells(role) for role, _ in turns), default=0) + 4
    rows = []
    for place, (role, words) in enumerate(turns):
        tone = "key" if role in {"assistant", "completion"} else "title"
        lines = wrapped(words[:SHOWN_CHARACTERS], width - indent, ROWS_OF_A_TURN) or [""]
        mark = f"{number if place == 0 else '':<2}"
        head = Text.assemble(
            (mark, widget.tone("dim")), (f"{role:<{indent - 2}}", widget.tone(tone))
        )
        rows.append(head.append(lines[0]))
        rows += [Text(f"{'':<{indent}}{line}") for line in lines[1:]]
    return rows


def _turns(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Who says what: the roles of a conversation, or the names of the columns."""
    turns = []
    for name, value in row.items():
        if isinstance(value, list):
            turns += [(_role(said.get("role")), str(said.get("content"))) for said in value]
        else:
            turns.append((name, str(value)))
    return turns


def _role(role: object) -> str:
    return clean_text(str(role))[:12]


def spec_rows(draft: Draft, folder: Any, widget: Toned, width: int) -> list[Text]:
    """The spec as it would be saved: only what differs from the defaults; changes are marked."""
    rows = []
    for line in draft.lines(folder):
        changed = bool(line.key) and draft.was(line.key) is not None
        tone = "wait" if changed else "" if line.key else "title"
        mark = "* " if changed else "  " if draft.before else ""
        cut = wrapped(f"{mark}{line.text}", width, 1) if cells(line.text) > width - 2 else None
        rows.append(Text(cut[0] if cut else f"{mark}{line.text}", style=widget.tone(tone)))
    return rows or [Text("nothing is typed yet", style=widget.tone("dim"))]
