"""A widget that paints rows of text and sends only the cells that changed.

Textual repaints every cell of a dirty region: a widget that is refreshed whole each second costs
kilobytes over SSH. Rows are compared here, and only the span that differs is made dirty.
"""

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

TONES = (
    "dim",
    "strong",
    "title",
    "key",
    "good",
    "busy",
    "wait",
    "rest",
    "bad",
    "bar",
    "track",
    "raw",
    "curve",
    "eval",
    "used",
    "process",
    "axis",
    "cursor",
    "match",
)
"""What a text may mean; `app.tcss` gives each its colours."""

TONE_CLASSES = {f"tone--{tone}" for tone in TONES}
"""The component classes of a screen that has toned widgets."""


class Toned(Widget):
    """A widget whose texts are styled by meaning; its screen knows the styles.

    They are component classes of the screen alone: of every widget they would cost the start 100 ms.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tones: dict[str, Style] = {"": Style()}

    def tone(self, name: str) -> Style:
        """The style of a meaning; of `` it is the widget's own."""
        if name not in self._tones:
            self._tones[name] = self._look_up(name)
        return self._tones[name]

    def notify_style_update(self) -> None:
        """Another theme: every style is another."""
        super().notify_style_update()
        self._tones = {"": Style()}

    def _look_up(self, name: str) -> Style:
        """The colour is blended with the background; a background of its own comes only from a
        rule, so that a highlighted row shows through.
        """
        whole = self.screen.get_component_rich_style(f"tone--{name}")
        own = self.screen.get_component_rich_style(f"tone--{name}", partial=True)
        return Style(
            color=whole.color,
            bgcolor=own.bgcolor,
            bold=whole.bold,
            dim=whole.dim,
            underline=whole.underline,
            reverse=whole.reverse,
        )


class Canvas(Toned):
    """Rows of text, painted cell by cell where they differ from before."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] = []

    def draw(self, width: int, height: int) -> Sequence[Text]:
        """The rows to show in that room."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw again and repaint what differs."""
        width, height = self.size
        if not width or not height:
            return
        before, self._strips = self._strips, self._rows(width, height)
        for y in range(max(len(before), len(self._strips))):
            if y >= min(len(before), len(self._strips)):
                self.refresh(Region(0, y, width, 1))
            elif (span := changed_span(before[y], self._strips[y])) is not None:
                self.refresh(Region(span[0], y, span[1] - span[0], 1))

    def render_line(self, y: int) -> Strip:
        """One row, as Textual asks for it."""
        width = self.size.width
        if y >= len(self._strips):
            return Strip.blank(width, self.rich_style)
        return self._strips[y].apply_style(self.rich_style)

    def on_resize(self) -> None:
        """Another size is another drawing."""
        self._strips = self._rows(*self.size)
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme is another drawing."""
        super().notify_style_update()
        if self.is_mounted and self.size:
            self._strips = self._rows(*self.size)
            self.refresh()

    def _rows(self, width: int, height: int) -> list[Strip]:
        if not width or not height:
            return []
        return [strip_of(row, width) for row in self.draw(width, height)[:height]]


_CONSOLE = Console(width=1, force_terminal=False, legacy_windows=False)
"""Only splits styled text into segments; nothing is ever printed to it."""


def strip_of(text: Text, width: int) -> Strip:
    """One row of text as cells, cut or filled to `width`."""
    base = _CONSOLE.get_style(text.style)
    segments = [
        Segment(segment.text, segment.style or base)
        for segment in text.render(_CONSOLE, end="")
        if segment.text
    ]
    return Strip(segments).adjust_cell_length(width).simplify()


def changed_span(before: Strip, after: Strip) -> tuple[int, int] | None:
    """First and last-plus-one column in which two rows differ; None when they are equal."""
    if before == after:
        return None
    old, new = _cells(before), _cells(after)
    if len(old) != len(new):
        return 0, max(len(old), len(new))
    differing = [x for x, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
    return (differing[0], differing[-1] + 1) if differing else None


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """One entry a column; a wide character takes two."""
    found: list[tuple[str, Style | None]] = []
    for segment in strip:
        for character in segment.text:
            wide = not character.isascii() and cell_len(character)
            found += [(character, segment.style)] * (wide if wide else 1)
    return found
