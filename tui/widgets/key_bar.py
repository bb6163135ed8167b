"""The footer: the keys that do something now, and no others."""

from collections.abc import Sequence
from typing import cast

from rich.text import Text

from engine.text import cells
from tui.deck import Deck
from tui.keys import Key
from tui.widgets.canvas import Canvas

ALWAYS = ("help", "quit_deck")
"""Actions whose keys stay in the narrowest footer."""


class KeyBar(Canvas):
    """Keys with their labels, as many as fit; help and quit always do."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: Sequence[Key] = ()

    def show(self, keys: Sequence[Key]) -> None:
        """Show these keys, as the user has them."""
        now = [cast(Deck, self.app).keymap.now(key) for key in keys]
        if now != self._keys:
            self._keys = now
            self.redraw()

    def draw(self, width: int, height: int) -> list[Text]:
        """One row."""
        kept = list(self._keys)
        while kept and cells(self._row(kept).plain) > width:
            spare = [key for key in kept if key.action not in ALWAYS]
            kept.remove(spare[-1] if spare else kept[-1])
        return [self._row(kept)]

    def _row(self, keys: Sequence[Key]) -> Text:
        row = Text(no_wrap=True)
        for key in keys:
            row.append("  " if row else "")
            row.append(key.shown, style=self.tone("key"))
            row.append(f" {key.label}", style=self.tone("dim"))
        return row
