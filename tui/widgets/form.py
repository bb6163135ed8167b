"""Rows of fields under titles, which scroll."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget

from tui import paths
from tui.form.fields import FormField
from tui.widgets.canvas import Canvas
from tui.widgets.field_row import FieldRow


class Form(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Holds the rows of a form by their keys; its screen has the keys that move."""

    def __init__(self, parts: Sequence["str | FieldRow"] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts = parts
        self.rows = _rows(parts)

    def compose(self) -> ComposeResult:
        """Titles and rows."""
        yield from _widgets(self._parts)

    async def put_in(self, parts: Sequence["str | FieldRow"]) -> None:
        """Fill an empty form."""
        self.rows = _rows(parts)
        await self.mount_all(_widgets(parts))

    def on_resize(self) -> None:
        """Less room must not hide the field that is typed into."""
        self.call_after_refresh(self.keep_visible)

    def keep_visible(self) -> None:
        """Scroll to the field that is typed into."""
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            focused.scroll_visible(animate=False)

    async def add(self, row: FieldRow, before: FieldRow) -> None:
        """Add one more row."""
        self.rows[row.key] = row
        await self.mount(row, before=before)

    def fields(self) -> Iterator[FieldRow]:
        """The rows that are fields of the spec."""
        return (row for row in self.rows.values() if row.known)

    def fill(self, texts: Mapping[str, str]) -> None:
        """Show these texts; what is not among them is empty."""
        for row in self.fields():
            row.fill(texts.get(row.key, ""))

    def propose(self, proposal: Callable[[str], str]) -> None:
        """Show in every empty field what holds while it is empty."""
        for row in self.fields():
            row.input.propose(proposal(row.key))

    def focus_on(self, key: str) -> None:
        """Give a field the focus."""
        self.screen.set_focus(self.rows[key].input)


def _rows(parts: Sequence[str | FieldRow]) -> dict[str, FieldRow]:
    return {part.key: part for part in parts if isinstance(part, FieldRow)}


def _widgets(parts: Sequence[str | FieldRow]) -> Iterator[Widget]:
    return (part if isinstance(part, FieldRow) else Title(part) for part in parts)


class Title(Canvas):
    """What a group of fields is called."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self._said = said

    def draw(self, width: int, height: int) -> list[Text]:
        """One row."""
        return [Text(self._said, style=self.tone("title"), no_wrap=True)]


def row_of(key: str, known: FormField | None, *, whole_name: bool = False) -> FieldRow:
    """The row of a field, which completes what is typed as the field allows."""
    if known is None:
        return FieldRow(key, key)
    complete = None
    if known.wanted is not None:
        complete = partial(paths.complete, wanted=known.wanted)
    elif known.choices:
        complete = partial(_first, known.choices)
    return FieldRow(key, key if whole_name else known.label, complete)


def _first(choices: tuple[str, ...], typed: str) -> str | None:
    return next((one for one in choices if one.startswith(typed)), None)
