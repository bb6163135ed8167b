"""Spec: what the job was asked to do, in three views; and where the job lies."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import yaml
from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message

from engine import edits
from engine.edits import Edit
from engine.status import utc_now
from engine.text import clean_text, one_line, shortened
from engine.watch import Details, JobView
from tui import moments
from tui.keys import SPEC, bindings_of
from tui.messages import DetailsChanged
from tui.tabs.facts import fact_rows
from tui.tabs.tab import RowsTab
from tui.widgets.canvas import Toned
from tui.widgets.sheet import Scroll, Sheet

GIVEN, RESOLVED, EDITED = "as given", "as resolved", "as edited"
VIEWS = (RESOLVED, EDITED, GIVEN)
"""In the order in which `v` shows them."""

SAYS = {
    RESOLVED: "spec.yaml: every section with its defaults, paths made absolute",
    EDITED: "what is in force: the resolved spec with the edits marked",
    GIVEN: "what differs from the defaults; the file that was submitted is not kept",
}

_LINE = re.compile(r"(?P<indent> *(?:- )?)(?:(?P<name>[^\s:#'\"][^:#]*):(?=\s|$))?(?P<value>.*)")
_NUMBER = re.compile(r"[-+]?(\d[\d_]*)?\.?\d+(e[-+]?\d+)?", re.IGNORECASE)
_WORDS = frozenset({"true", "false", "null", "~", "{}", "[]"})


class SpecTab(RowsTab):
    """Which view it is, and its rows."""

    table_name = SPEC
    BINDINGS = bindings_of(SPEC)

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self._job: JobView | None = None
        self._details = Details()
        self._view = RESOLVED

    def compose(self) -> ComposeResult:
        """The views' names above the rows."""
        yield Sheet(id="spec-views")
        yield Scroll(id="spec-rows")

    @property
    def rows(self) -> Scroll:
        """What is shown."""
        return self.query_one(Scroll)

    def show_job(self, job: JobView) -> None:
        """Show where it lies, and how far it came."""
        self._job = job
        self._show()

    def take(self, message: Message) -> None:
        """Show the spec that was read."""
        if isinstance(message, DetailsChanged):
            self._details = message.details
            self._show()

    def action_view(self) -> None:
        """Show the next view."""
        self._view = VIEWS[(VIEWS.index(self._view) + 1) % len(VIEWS)]
        self.rows.to_top()
        self._show()

    def _show(self) -> None:
        self.query_one("#spec-views", Sheet).show(partial(view_rows, self._view))
        rows = partial(spec_rows, self._view, self._job, self._details, utc_now())
        self.rows.show(rows)


def view_rows(current: str, widget: Toned, width: int) -> list[Text]:
    """The three views, the one that is shown in brackets, and what it is."""
    row = Text(no_wrap=True)
    for view in VIEWS:
        seen = view == current
        row.append(f"[{view}]" if seen else f" {view} ", widget.tone("title" if seen else "dim"))
    row.append("  ")
    room = max(0, width - len(row.plain))
    return [row.append(shortened(SAYS[current], room), style=widget.tone("dim"))]


def spec_rows(
    view: str, job: JobView | None, details: Details, now: str, widget: Toned, width: int
) -> list[Text]:
    """The view's YAML, then what is known of the job beside it."""
    rows = _view(view, details, now, widget, width)
    if job is not None:
        rows += [Text(), Text("the job", style=widget.tone("title"))]
        rows += fact_rows(job, widget, width)
    return rows


def _view(view: str, details: Details, now: str, widget: Toned, width: int) -> list[Text]:
    if not details.spec:
        why = next((one for one in details.troubles if one.startswith("spec.yaml")), "")
        return [Text(one_line(why or "spec.yaml is not read yet"), style=widget.tone("bad"))]
    if view == RESOLVED:
        return yaml_rows(details.spec, widget, width)
    if view == GIVEN:
        given = differences(details.spec)
        if given is None:
            why = "this spec is of another version of tunedeck: its defaults are not known here"
            return [Text(why, style=widget.tone("wait"))]
        return yaml_rows(given, widget, width)
    if not details.edits:
        return [
            Text("no edits: the spec is in force as resolved", style=widget.tone("dim")),
            Text(),
            *yaml_rows(details.spec, widget, width),
        ]
    said = [row for edit in details.edits for row in _edit_rows(edit, now, widget, width)]
    changed = edits.changed(details.edits)
    in_force = edits.applied(details.spec, details.edits)
    return [*said, Text(), *yaml_rows(in_force, widget, width, changed)]


def _edit_rows(edit: Edit, now: str, widget: Toned, width: int) -> list[Text]:
    """Who changed what, and when."""
    by = f" by {one_line(edit.by, 40)}" if edit.by else ""
    head = f"edited{by} at step {edit.at_step}, {moments.local(edit.at)}"
    rows = [Text(f"{head} ({moments.age(edit.at, now)} ago)", style=widget.tone("title"))]
    for dotted, change in edit.changes.items():
        before, after = _plain(change.get("before")), _plain(change.get("after"))
        said = shortened(f"  {one_line(dotted)}: {before} → {after}", width)
        rows.append(Text(said, style=widget.tone("wait")))
    return rows


def _plain(value: Any) -> str:
    return "the default" if value is None else one_line(str(value), 60)


def yaml_rows(
    content: Mapping[str, Any],
    widget: Toned,
    width: int,
    changed: Mapping[str, tuple[Any, Any]] | None = None,
) -> list[Text]:
    """A mapping as YAML, its names and numbers toned; a changed field says what it was."""
    rows, section = [], ""
    for line in _dumped(content):
        match = _LINE.fullmatch(line)
        name = match["name"] if match else None
        if match is None or name is None:
            rows.append(Text(shortened(line, width), no_wrap=True))
            continue
        section = name if not match["indent"] else section
        row = Text(match["indent"], no_wrap=True).append(name, style=widget.tone("curve"))
        row.append(":", style=widget.tone("dim"))
        row.append(match["value"], style=widget.tone(_value_tone(match["value"].strip())))
        dotted = f"{section}.{name}" if len(match["indent"]) == 2 else name
        if changed and dotted in changed:
            was = f"  ← edited, was {_plain(changed[dotted][0])}"
            row.append(was, style=widget.tone("wait"))
        row.truncate(width, overflow="ellipsis")
        rows.append(row)
    return rows


def _dumped(content: Mapping[str, Any]) -> Sequence[str]:
    dumped = yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=10**6)
    return clean_text(dumped).expandtabs(4).splitlines()


def _value_tone(value: str) -> str:
    if _NUMBER.fullmatch(value) or value in _WORDS:
        return "eval"
    return ""


def differences(stored: Mapping[str, Any]) -> dict[str, Any] | None:
    """What of a stored spec is not a default; None for one that is not understood here."""
    from pydantic import ValidationError  # late: only this view pays for it

    from engine.spec import JobSpec

    try:
        spec = JobSpec.model_validate(stored)
    except ValidationError:
        return None
    return spec.model_dump(mode="json", exclude_defaults=True)
