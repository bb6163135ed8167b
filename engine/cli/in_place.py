"""Lines that are painted again where they stand, without a screen of their own and without flicker."""

import os
from collections.abc import Sequence
from typing import TextIO

from engine.text import cells, clean_text

BEGIN, END = "\x1b[?2026h", "\x1b[?2026l"
"""Around one picture: a terminal that knows them shows it at once, and others pass over them."""

CLEAR_LINE, CLEAR_BELOW = "\x1b[K", "\x1b[J"


class InPlace:
    """Owns the last lines of a terminal; what stands there at the end stays in the scrollback."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._size: os.terminal_size | None = None

    def show(self, lines: Sequence[str], size: os.terminal_size) -> None:
        """Paint these lines over the last ones; what did not change is not sent."""
        new = list(lines)[-max(1, size.lines - 1) :]
        if size != self._size:
            painted = self._over_everything(new, size)
        elif new == self._lines:
            return
        else:
            painted = self._over_what_changed(new)
        self._lines, self._size = new, size
        self._stream.write(f"{BEGIN}{painted}{END}")
        self._stream.flush()

    def end(self) -> None:
        """Leave the picture, and go on below it."""
        if self._lines:
            self._stream.write("\r\n")
            self._stream.flush()
        self._lines, self._size = [], None

    def _over_everything(self, new: list[str], size: os.terminal_size) -> str:
        """A terminal of another width has wrapped the old lines, so that they take more rows."""
        rows = sum(max(1, -(-cells(clean_text(old)) // size.columns)) for old in self._lines)
        up = _up(min(rows, size.lines) - 1)
        return up + "\r" + CLEAR_BELOW + "\r\n".join(new)

    def _over_what_changed(self, new: list[str]) -> str:
        old = self._lines
        parts = [_up(len(old) - 1)]
        for at, line in enumerate(new):
            if at:
                parts.append("\r\n")
            if at >= len(old) or line != old[at]:
                parts.append(f"\r{line}{CLEAR_LINE}")
            elif at == len(new) - 1:
                parts.append(f"\r{line}")  # the cursor rests behind the last line
        if len(new) < len(old):
            parts.append(CLEAR_BELOW)
        return "".join(parts)


def _up(rows: int) -> str:
    return f"\x1b[{rows}A" if rows > 0 else ""
