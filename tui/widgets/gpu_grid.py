"""The GPUs side by side in as few rows as their figures allow: pure, widths and figures as arguments.

Every GPU has the same columns, so that the eye finds a figure in the same place. Unknown is `?`.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.style import Style
from rich.text import Text

from engine.gpu import GPU
from engine.text import cells, one_line, shortened
from tui import text

GIB = 1024**3
GAP = 2
COMFORTABLE = 47
"""Columns in which a GPU shows every figure with its unit."""

LEAST = 12
"""Columns without which a GPU says nothing."""

ROWS_OF_SCREEN = 8
"""One row of GPUs for so many of the screen; the job table needs the others."""

LONGEST_BAR = 12
SHORTEST_NAME = 4
_FITTINGS = re.compile(r"[- ](SXM\d*|PCIe|PCIE|HBM\w*|\d+ ?GB)(?=[- ]|$)")

ANY = GPU(0, "", "")
"""Its figures, all unknown, take as many columns as any other's."""

Tone = Callable[[str], Style]


@dataclass(frozen=True)
class Look:
    """Which figures a cell shows, and how; `bar` is at least so long."""

    bar: int = 0
    total: bool = True
    units: bool = False
    warmth: bool = False
    power: bool = False


LOOKS = (
    Look(bar=6, units=True, warmth=True, power=True),
    Look(bar=6, warmth=True, power=True),
    Look(bar=4, warmth=True, power=True),
    Look(bar=3, warmth=True),
    Look(bar=2),
    Look(),
    Look(total=False),
)
"""From the one that says most to the one that fits everywhere."""


def rows_for(count: int, width: int, screen_height: int) -> int:
    """How many rows the grid of so many GPUs takes."""
    shown = _shown(count, width, screen_height)
    return math.ceil(shown / _abreast(count, width, screen_height))


def grid(
    gpus: Sequence[GPU], width: int, screen_height: int, tone: Tone, *, ascii_only: bool
) -> list[Text]:
    """One text a row, none longer than `width`; the last says how many GPUs have no room."""
    abreast = _abreast(len(gpus), width, screen_height)
    shown = _shown(len(gpus), width, screen_height)
    if hidden := len(gpus) - shown:
        shown, hidden = shown - 1, hidden + 1  # the last place says so
    room = (width + GAP) // abreast - GAP
    cell = _Cells(gpus[:shown], room, tone, ascii_only=ascii_only)
    rows: list[Text] = []
    for at, gpu in enumerate(gpus[:shown]):
        if at % abreast == 0:
            rows.append(Text())
        drawn = cell.of(gpu)
        rows[-1].append_text(drawn)
        if at % abreast < abreast - 1:
            rows[-1].append(" " * (room + GAP - cells(drawn.plain)))
    if hidden:
        if shown % abreast == 0:
            rows.append(Text())
        rows[-1].append(f"and {hidden} more", style=tone("dim"))
    return rows


def _abreast(count: int, width: int, screen_height: int) -> int:
    """How many GPUs share a row: as many as are comfortable there, more where rows are scarce."""
    comfortable = max(1, (width + GAP) // (COMFORTABLE + GAP))
    most = max(1, (width + GAP) // (LEAST + GAP))
    needed = math.ceil(count / _most_rows(screen_height))
    return max(1, min(count, most, max(comfortable, needed)))


def _shown(count: int, width: int, screen_height: int) -> int:
    return min(count, _abreast(count, width, screen_height) * _most_rows(screen_height))


def _most_rows(screen_height: int) -> int:
    return max(2, screen_height // ROWS_OF_SCREEN)


class _Cells:
    """How each of these GPUs is drawn in so much room."""

    def __init__(self, gpus: Sequence[GPU], room: int, tone: Tone, *, ascii_only: bool) -> None:
        self._room = room
        self._tone = tone
        self._ascii = ascii_only
        self._digits = max((len(str(gpu.index)) for gpu in gpus), default=1)
        self._longest = max((cells(short_name(gpu.name)) for gpu in gpus), default=0)
        self._total = max((len(_gib(gpu.memory_total_bytes)) for gpu in gpus), default=1)
        self._used = max([self._total, *(len(_gib(gpu.memory_used_bytes)) for gpu in gpus)])
        self._name = 0
        """Columns of the name; 0 is none."""
        for look in LOOKS:
            self._look = look
            if self._width(look) <= room:
                break
        spare = room - self._width(self._look)
        if self._look.power and spare > SHORTEST_NAME:
            self._name = min(self._longest, spare - 1)
            spare -= self._name + 1
        if self._look.bar:
            self._look = replace(
                self._look, bar=max(self._look.bar, min(LONGEST_BAR, self._look.bar + spare))
            )

    def of(self, gpu: GPU) -> Text:
        """One GPU, at most as wide as the room."""
        row = Text.assemble((self._label(gpu), self._tone("title")))
        if gpu.trouble is not None:
            return self._with_trouble(row, gpu.trouble)
        look = self._look
        if self._name:
            name = self._cut(short_name(gpu.name), self._name)
            row.append(f" {name}".ljust(self._name + 1), style=self._tone("dim"))
        if look.bar:
            row.append(" ")
            self._bar(row, gpu, look.bar)
        row.append(f" {self._memory(gpu, look):>{self._memory_width(look)}}")
        row.append(f" {self._busy(gpu, look)}")
        if look.warmth:
            row.append(f" {self._warmth(gpu, look)}", style=self._tone("dim"))
        if look.power:
            row.append(f" {self._power(gpu, look)}", style=self._tone("dim"))
        return row

    def _width(self, look: Look) -> int:
        width = self._digits + (4 if look.power else 0) + (1 + look.bar if look.bar else 0)
        width += 1 + self._memory_width(look)
        width += 1 + len(self._busy(ANY, look))
        width += 1 + len(self._warmth(ANY, look)) if look.warmth else 0
        return width + (1 + len(self._power(ANY, look)) if look.power else 0)

    def _label(self, gpu: GPU) -> str:
        return f"{'GPU ' if self._look.power else ''}{gpu.index:>{self._digits}}"

    def _bar(self, row: Text, gpu: GPU, width: int) -> None:
        if gpu.memory_used_bytes is None or not gpu.memory_total_bytes:
            row.append("?".ljust(width), style=self._tone("track"))
            return
        share = gpu.memory_used_bytes / gpu.memory_total_bytes
        full, empty = text.bar(share, width, ascii_only=self._ascii)
        row.append(full, style=self._tone("bar")).append(empty, style=self._tone("track"))

    def _memory(self, gpu: GPU, look: Look) -> str:
        unit = " GiB" if look.units else "G"
        used = _gib(gpu.memory_used_bytes)
        return f"{used}/{_gib(gpu.memory_total_bytes)}{unit}" if look.total else f"{used}{unit}"

    def _memory_width(self, look: Look) -> int:
        """As wide as a full memory needs, so that nothing moves while it fills."""
        unit = len(" GiB" if look.units else "G")
        return self._used + unit + (1 + self._total if look.total else 0)

    def _busy(self, gpu: GPU, look: Look) -> str:
        return f"{_whole(gpu.utilization_percent):>3}%" + (" busy" if look.units else "")

    def _warmth(self, gpu: GPU, look: Look) -> str:
        sign = "C" if self._ascii else "°C" if look.units else "°"
        return f"{_whole(gpu.temperature_celsius):>3}{' ' if look.units else ''}{sign}"

    def _power(self, gpu: GPU, look: Look) -> str:
        return f"{_whole(gpu.power_watts):>4}{' W' if look.units else 'W'}"

    def _with_trouble(self, row: Text, trouble: str) -> Text:
        said = one_line(trouble)
        room = self._room - cells(row.plain) - 3
        if cells(said) > room:  # what to do stands in `tunedeck doctor`
            said = said.partition(": ")[0]
        if cells(said) > room:
            for known in ("the GPU ", "the NVIDIA driver ", "is "):
                said = said.removeprefix(known)
        return row.append(f" ! {self._cut(said, room)}", style=self._tone("bad"))

    def _cut(self, said: str, room: int) -> str:
        return text_cut(said, room, ascii_only=self._ascii)


def text_cut(said: str, room: int, *, ascii_only: bool) -> str:
    """At most so many columns of a cleaned text, in ASCII where that is wanted."""
    cut = shortened(said, max(0, room))
    return cut.replace("…", "~").encode("ascii", "replace").decode() if ascii_only else cut


def short_name(name: str) -> str:
    """`NVIDIA A100-SXM4-40GB MIG 1g.5gb` as `A100 MIG 1g.5gb`: the size stands beside it."""
    said = one_line(name)
    for maker in ("NVIDIA ", "GeForce ", "Tesla "):
        said = said.removeprefix(maker)
    return _FITTINGS.sub("", said)


def _gib(size: int | None) -> str:
    if size is None:
        return "?"
    value = size / GIB
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _whole(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"
