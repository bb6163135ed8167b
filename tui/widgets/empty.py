"""What the deck says when there is no job, and when the terminal is too small."""

from rich.text import Text

from tui.widgets.canvas import Canvas

SMALLEST = (60, 16)


class Empty(Canvas):
    """Says how to begin."""

    def draw(self, width: int, height: int) -> list[Text]:
        """A few centred rows."""
        rows = [
            Text("No jobs yet.", style=self.tone("strong")),
            Text(),
            Text.assemble(("n", self.tone("key")), "  makes one from a spec or a data file"),
            Text.assemble(
                ("tunedeck demo", self.tone("key")),
                "  in another shell fine-tunes the bundled model",
            ),
            Text(),
            Text("Jobs go on without this deck: q closes it at any time.", self.tone("dim")),
        ]
        for row in rows:
            row.align("center", width)
        return [*[Text()] * max(0, (height - len(rows)) // 2), *rows]


class TooSmall(Canvas):
    """Says which size the deck needs."""

    def draw(self, width: int, height: int) -> list[Text]:
        """One row."""
        least = f"{SMALLEST[0]}x{SMALLEST[1]}"
        size = self.app.size
        return [Text(f"tunedeck needs {least}, this is {size.width}x{size.height}")]
