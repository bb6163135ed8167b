"""What the deck says when there is no job, and when the terminal is too small."""

from typing import cast

from rich.text import Text

from tui.deck import Deck
from tui.widgets.canvas import Canvas

SMALLEST = (60, 16)


class Empty(Canvas):
    """Says how to begin."""

    def draw(self, width: int, height: int) -> list[Text]:
        """A few centred rows."""
        deck = cast(Deck, self.app)
        ways = [("help", "what a job is, and what every key does")]
        if not deck.options.readonly:
            ways = [
                ("demo", "fine-tune the bundled model: a few minutes, no GPU, no download"),
                ("new", "start a job from your own data, or from a spec"),
                *ways,
            ]
        last = "A job goes on when the deck is closed."
        rows = [
            Text("No jobs yet.", style=self.tone("strong")),
            Text(),
            *(self._way(deck.keymap.sign(action), said) for action, said in ways),
            Text(),
            Text(f"{last} {deck.keymap.sign('quit_deck')} closes it.", self.tone("dim")),
        ]
        indent = " " * max(0, (width - max(len(row.plain) for row in rows)) // 2)
        shown = [Text.assemble(indent, row) for row in rows]
        return [*[Text()] * max(0, (height - len(rows)) // 2), *shown]

    def _way(self, sign: str, said: str) -> Text:
        return Text.assemble((f"{sign:<4}", self.tone("key")), said)


class TooSmall(Canvas):
    """Says which size the deck needs."""

    def draw(self, width: int, height: int) -> list[Text]:
        """One row."""
        least = f"{SMALLEST[0]}x{SMALLEST[1]}"
        size = self.app.size
        return [Text(f"tunedeck needs {least}, this is {size.width}x{size.height}")]
