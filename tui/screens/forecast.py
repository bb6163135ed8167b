"""What the new-job screen says beside its form: the rows as they will be read, and the spec."""

from typing import Any

from rich.text import Text

from engine.data import Inspection
from engine.data.kinds import Canonical
from engine.data.turns import turns
from engine.text import cells, clean_text
from tui.form.draft import Draft
from tui.form.findings import Findings
from tui.widgets.about import wrapped
from tui.widgets.canvas import Toned

ROWS_OF_A_TURN = 3
SHOWN_CHARACTERS = 600
SHOWN_BAD = 3
LEARNED = frozenset({"assistant", "completion", "chosen"})
"""Who says what is learned."""


def found_rows(found: Findings, widget: Toned, width: int) -> list[Text]:
    """Format, counts, warnings, and the first rows as the trainer gets them."""
    inspection = found.facts.inspection if found.facts is not None else None
    said = [("wait", f"! {warning}", ROWS_OF_A_TURN) for warning in found.warnings]
    if inspection is not None:
        said += [("bad", f"! {one}", ROWS_OF_A_TURN) for one in _bad(inspection)]
        said += [("dim", line, 2) for line in _counts(inspection, found.estimated_rows)]
    said += [("dim", offer, 2) for offer in found.offers]
    rows = [
        Text(line, style=widget.tone(tone))
        for tone, words, most in said
        for line in wrapped(words, width, most)
    ]
    if inspection is None:
        return [*rows, Text("no data was read yet", style=widget.tone("dim"))]
    for number, row in enumerate(inspection.first, 1):
        rows.append(Text())
        rows += _row(number, row, widget, width)
    return rows


def _bad(found: Inspection) -> list[str]:
    """The first rows that cannot be learned from, and how many there are."""
    more = found.bad.count - SHOWN_BAD
    named = found.bad.named[:SHOWN_BAD]
    return [*named, f"and {more:,} more bad rows"] if more > 0 else named


def _counts(found: Inspection, estimate: int | None) -> list[str]:
    if found.rows is None:
        return []
    count = f"{found.rows:,} rows" if found.complete else f"the first {found.rows:,} rows read"
    if not found.complete and estimate is not None:
        count = f"about {estimate:,} rows, the first {found.rows:,} read"
    held = f", {found.eval_rows:,} to evaluate on" if found.eval_rows is not None else ""
    lines = [f"format {found.format}, {count}{held}; read as {found.kind}"]
    if len(found.sources) > 1:
        each = [f"{one.name} {one.rows:,}" for one in found.sources]
        lines.append(f"rows of each source: {', '.join(each)}")
    if found.roles and found.turns is not None:
        each = [f"{_role(role)} {times:,}" for role, times in found.roles.items()]
        lines.append(f"{', '.join(each)}; up to {found.turns.max:,} turns")
    if found.characters is not None:
        lines.append(
            f"characters a row: half up to {found.characters.p50:,}, 95% up to "
            f"{found.characters.p95:,}, longest {found.characters.max:,}"
        )
    lines.append(f"columns: {', '.join(found.columns)}")
    if found.unused_columns:
        lines.append(f"not used: {', '.join(found.unused_columns)}")
    return lines


def _row(number: int, row: Canonical, widget: Toned, width: int) -> list[Text]:
    said = [(_role(turn.name), turn.text) for turn in turns(row)]
    indent = max((cells(role) for role, _ in said), default=0) + 4
    rows = []
    for place, (role, words) in enumerate(said):
        tone = "key" if role in LEARNED else "title"
        lines = wrapped(words[:SHOWN_CHARACTERS], width - indent, ROWS_OF_A_TURN) or [""]
        mark = f"{number if place == 0 else '':<2}"
        head = Text.assemble(
            (mark, widget.tone("dim")), (f"{role:<{indent - 2}}", widget.tone(tone))
        )
        rows.append(head.append(lines[0]))
        rows += [Text(f"{'':<{indent}}{line}") for line in lines[1:]]
    return rows


def _role(role: str) -> str:
    return clean_text(role)[:12]


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
