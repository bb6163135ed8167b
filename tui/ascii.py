"""`--ascii`: what the deck draws, with ASCII characters alone; what users wrote stays as it is.

It works on finished lines, so that it holds for every screen, border, scrollbar and chart; one
character becomes one character, and nothing moves.
"""

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from engine.text import ASCII_GLYPHS, GLYPHS


def _twins() -> dict[int, str]:
    twins = {ord(sign): ASCII_GLYPHS[state] for state, sign in GLYPHS.items()}
    for characters, twin in (
        ("─━═╌╍┄┅┈┉╴╶╸╺▔", "-"),
        ("│┃║╎╏┆┇┊┋╵╷╹╻▏▎▕▌▐", "|"),
        ("▁▂▃", "_"),
        ("▄▅▆▇█▀▉▊▋▍░▒▓", "#"),
        ("•●◦∙", "*"),
        ("·", "."),
        ("…", "~"),
        ("→▸▹", ">"),
        ("←◂", "<"),
        ("↑▲△", "^"),
        ("↓▼▽▾", "v"),
        ("✓✔", "+"),
        ("✗✘×", "x"),
        ("–—−", "-"),
        ("‘’", "'"),
        ("“”", '"'),
        ("°⏎\u00a0", " "),
        ("≈", "~"),
    ):
        twins |= {ord(character): twin for character in characters}
    for code in range(0x2500, 0x2580):
        twins.setdefault(code, "+")  # corners and crossings of box drawing
    for code in range(0x2580, 0x25A0):
        twins.setdefault(code, "#")
    for code in range(0x2801, 0x2900):
        twins.setdefault(code, "*")  # braille
    twins[0x2800] = " "
    return twins


TWINS = _twins()
"""Every sign that the deck or Textual draws -> its twin in ASCII."""


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
