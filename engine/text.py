"""Text from files as a terminal may show it, and the glyph of each state; no terminal codes of ours."""

import re
import unicodedata
from collections.abc import Mapping

from engine.status import JobState

_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"  # OSC, DCS
    "|\x1b[ -/]*[0-~]"  # the short ones
)
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}\ud800-\udfff]")

GLYPHS: Mapping[JobState, str] = {
    JobState.QUEUED: "○",
    JobState.STARTING: "◔",
    JobState.RUNNING: "▶",
    JobState.PAUSING: "◑",
    JobState.PAUSED: "‖",
    JobState.CANCELLING: "◌",
    JobState.CANCELLED: "⊘",
    JobState.COMPLETED: "✓",
    JobState.FAILED: "✗",
    JobState.INTERRUPTED: "!",
}
"""One cell each, and never alone: the state's word stands beside it."""

ASCII_GLYPHS: Mapping[JobState, str] = {
    JobState.QUEUED: "o",
    JobState.STARTING: "~",
    JobState.RUNNING: ">",
    JobState.PAUSING: "~",
    JobState.PAUSED: "=",
    JobState.CANCELLING: "~",
    JobState.CANCELLED: "-",
    JobState.COMPLETED: "+",
    JobState.FAILED: "x",
    JobState.INTERRUPTED: "!",
}


def clean_text(text: str) -> str:
    """`text` without terminal sequences, control characters (except newline and tab), bidirectional
    controls and lone surrogates.
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub("", _SEQUENCES.sub("", text))


def clean_line(text: str) -> str:
    """One line as a terminal would leave it: what a progress bar overwrote is gone, then cleaned."""
    return clean_text(text.rstrip("\r\n").rpartition("\r")[2])


def one_line(text: str, limit: int = 0) -> str:
    """`clean_text` with every run of white space as one space, at most `limit` cells when given."""
    flat = " ".join(clean_text(text).split())
    return shortened(flat, limit) if limit else flat


def cells(text: str) -> int:
    """How many terminal columns a cleaned text takes."""
    if text.isascii():
        return len(text)
    return sum(_cell(character) for character in text)


def shortened(text: str, limit: int) -> str:
    """A cleaned text of at most `limit` columns, its end replaced by `…` where it is longer."""
    if cells(text) <= limit:
        return text
    kept, used = [], 0
    for character in text:
        used += _cell(character)
        if used > limit - 1:
            break
        kept.append(character)
    return "".join(kept) + "…" if limit > 0 else ""


def _cell(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Cf", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1
