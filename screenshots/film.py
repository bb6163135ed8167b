"""A recorded session as an animated SVG that a README can show: no script, one CSS animation.

Every row that was ever on the screen stands in the file once. The frames lie side by side on a strip, each made
of references to rows, and the animation moves the strip. What cannot move it shows the frame of `still`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from screenshots.session import IDLE_SECONDS, Screen

QUIET_SECONDS = 0.08
"""A pause after which what was written is a whole picture."""
FRAME_SECONDS = 0.4
"""Frames do not come faster, except after a key."""
KEY_SECONDS = 1.2
"""How long a key is shown."""
LAST_SECONDS = 2.5
"""How long the last frame stays before it begins again."""

FONT = 14
CELL_WIDTH, CELL_HEIGHT = 8.4, 17
MARGIN, TITLE = 10, 34

BACKGROUND, FOREGROUND = "1a1b26", "a9b1d6"
NAMED = {
    "black": "15161e",
    "red": "f7768e",
    "green": "9ece6a",
    "brown": "e0af68",
    "blue": "7aa2f7",
    "magenta": "bb9af7",
    "cyan": "7dcfff",
    "white": "c0caf5",
}
NAMES = {"\r": "enter", "\x1b": "esc", " ": "space", "\x1b[C": "→", "\x1b[D": "←", "\t": "tab"}


@dataclass(frozen=True)
class Frame:
    """What was on the screen from a time on."""

    at: float
    rows: tuple[str, ...]
    """The ids of its rows."""
    key: str
    """The key that was just pressed."""


@dataclass
class _Ink:
    """Rows and styles that were met, each under a short name."""

    rows: dict[str, str] = field(default_factory=dict)
    colours: dict[str, str] = field(default_factory=dict)

    def row(self, drawn: str) -> str:
        """The id of a row; empty for nothing."""
        return self.rows.setdefault(drawn, f"r{len(self.rows)}") if drawn else ""

    def colour(self, name: str) -> str:
        """The class of a colour."""
        return self.colours.setdefault(name, f"c{len(self.colours)}")


def film(cast: Path, still: str) -> str:
    """The recording as SVG; `still` are words on the frame that stands for all."""
    header, *events = [json.loads(line) for line in cast.read_text(encoding="utf-8").splitlines()]
    ink = _Ink()
    best = 0
    frames: list[Frame] = []
    for frame, text in _frames(header, events, ink):
        if still in text:
            best = len(frames)
        frames.append(frame)
    return _drawn(header, frames, best, ink)


def _capped(events: Sequence[Any]) -> Iterator[tuple[float, float, str, str]]:
    """The events with the time at which a player shows them, and how long nothing follows."""
    shown = 0.0
    for event, after in zip(events, [*events[1:], None], strict=True):
        gap = min(after[0] - event[0], IDLE_SECONDS) if after else LAST_SECONDS
        yield shown, gap, event[1], event[2]
        shown += gap


def _frames(
    header: Mapping[str, Any], events: Sequence[Any], ink: _Ink
) -> Iterator[tuple[Frame, str]]:
    screen = Screen(header["width"], header["height"])
    before: tuple[tuple[str, ...], str] | None = None
    last, key, key_at = -1.0, "", -KEY_SECONDS
    for at, gap, kind, data in _capped(events):
        if kind == "i":
            key, key_at = NAMES.get(data, data), at
            continue
        screen.feed(data)
        recent = at - key_at < KEY_SECONDS
        soon = at - last < FRAME_SECONDS and key_at < last
        if gap < (FRAME_SECONDS if soon else QUIET_SECONDS):
            continue
        rows = tuple(ink.row(_row(screen, y, ink)) for y in range(header["height"]))
        shown = key if recent else ""
        if (rows, shown) != before:
            before, last = (rows, shown), at
            yield Frame(at, rows, shown), screen.text


def _row(screen: Screen, y: int, ink: _Ink) -> str:
    """A row of the screen as SVG, without its place."""
    line = screen.cells.buffer[y]
    cells = [line[x] for x in range(screen.cells.columns)]
    cursor = screen.cells.cursor
    parts: list[str] = []
    styled = [(x, *_colours(cell), cell) for x, cell in enumerate(cells)]
    for back, run in groupby(styled, key=lambda cell: cell[2]):
        xs = [x for x, *_ in run]
        if back != BACKGROUND:
            parts.append(
                f'<path class="{ink.colour(back)}" d="M{_x(xs[0])} 0h{_x(len(xs))}v{CELL_HEIGHT}'
                f'H{_x(xs[0])}z"/>'
            )
    for (fore, bold, italics, line_below), run in groupby(
        styled, key=lambda cell: (cell[1], cell[3].bold, cell[3].italics, cell[3].underscore)
    ):
        found = list(run)
        text = "".join(cell.data for *_, cell in found)
        left = len(text) - len(text.lstrip())
        if not text.strip():
            continue
        start, text = found[0][0] + left, text.strip()
        marks = [ink.colour(fore), *(["b"] * bold), *(["i"] * italics), *(["u"] * line_below)]
        parts.append(
            f'<text class="{" ".join(marks)}" x="{_x(start)}" y="{FONT - 1}"'
            f' textLength="{_x(len(text))}">{escape(text)}</text>'
        )
    if cursor.y == y and not cursor.hidden:
        parts.append(
            f'<path class="{ink.colour(FOREGROUND)}" d="M{_x(cursor.x)} 1h{CELL_WIDTH}v15h-{CELL_WIDTH}z"/>'
        )
    return "".join(parts)


def _colours(cell: Any) -> tuple[str, str]:
    """Foreground and background of a cell."""
    fore = (
        FOREGROUND if cell.fg == "default" else NAMED.get(cell.fg.removeprefix("bright"), cell.fg)
    )
    back = (
        BACKGROUND if cell.bg == "default" else NAMED.get(cell.bg.removeprefix("bright"), cell.bg)
    )
    return (back, fore) if cell.reverse else (fore, back)


def _x(columns: int) -> str:
    return f"{columns * CELL_WIDTH:g}"


def _drawn(header: Mapping[str, Any], frames: Sequence[Frame], best: int, ink: _Ink) -> str:
    width = round(header["width"] * CELL_WIDTH) + 2 * MARGIN
    height = header["height"] * CELL_HEIGHT + TITLE + MARGIN
    length = frames[-1].at + LAST_SECONDS
    moves = "".join(
        f"{100 * frame.at / length:.3f}%{{transform:translateX(-{number * width}px)}}"
        for number, frame in enumerate(frames)
    )
    colours = "".join(f".{name}{{fill:#{colour}}}" for colour, name in ink.colours.items())
    used = Counter(row for frame in frames for row in frame.rows)
    rows = "".join(f'<g id="{name}">{drawn}</g>' for drawn, name in ink.rows.items() if used[name])
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}" font-size="{FONT}" xml:space="preserve">',
            "<title>A session with tunedeck</title>",
            "<style>",
            'text{font-family:"Fira Code",Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}',
            ".b{font-weight:bold}.i{font-style:italic}.u{text-decoration:underline}",
            colours,
            f"#film{{transform:translateX(-{best * width}px)}}",
            f"@keyframes film{{0%{{transform:translateX(0px)}}{moves}}}",
            "@media (prefers-reduced-motion:no-preference)"
            f"{{#film{{animation:film {length:.2f}s step-end infinite}}}}",
            "</style>",
            f"<defs>{rows}</defs>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#{BACKGROUND}"/>',
            *(
                f'<circle cx="{20 + 20 * number}" cy="17" r="6" fill="#{colour}"/>'
                for number, colour in enumerate(("ff5f57", "febc2e", "28c840"))
            ),
            '<g id="film">',
            *(_frame(frame, number * width, width) for number, frame in enumerate(frames)),
            "</g>",
            "</svg>\n",
        )
    )


def _frame(frame: Frame, x: int, width: int) -> str:
    rows = "".join(
        f'<use href="#{row}" y="{y * CELL_HEIGHT}"/>' for y, row in enumerate(frame.rows) if row
    )
    key = (
        f'<text x="{x + width - 16}" y="22" text-anchor="end" fill="#ff9e64" font-weight="bold">'
        f"{escape(frame.key)}</text>"
        if frame.key
        else ""
    )
    return f'{key}<svg x="{x + MARGIN}" y="{TITLE}" width="{width - 2 * MARGIN}">{rows}</svg>'
