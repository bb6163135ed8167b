"""`--ascii`: what the deck draws, with ASCII characters alone; what users wrote stays as it is.

It works on finished lines, so that it holds for every screen, border, scrollbar and chart; one
character becomes one character, and nothing moves.
"""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from engine.ascii import TWINS


class AsciiOnly(LineFilter):
    """Replaces what is drawn by its twins."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line in ASCII."""
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(TWINS), segment.style, segment.control)
            for segment in segments
        ]
