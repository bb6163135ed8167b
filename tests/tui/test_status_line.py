"""The rows about the machine: what they show at every width, and that nothing unknown looks like 0."""

import contextlib
from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import pexpect
import pytest
from rich.style import Style
from textual.pilot import Pilot

from engine.gpu import GPU, NO_DRIVER, Host, Snapshot, Telemetry
from engine.status import JobState
from engine.text import cells
from tests.nvml import library
from tests.tui.builder import Bench
from tests.tui.looking import opened, rows_of, until, until_shown
from tests.tui.test_terminal import Terminal
from tui.messages import TelemetryRead
from tui.widgets.gpu_grid import grid, rows_for, short_name
from tui.widgets.job_table import JobTable
from tui.widgets.status_line import StatusLine

S = JobState
GIB = 1024**3
HOST = Host(4 * GIB, 16 * GIB, False, 50.0, 8, 1.0)
LOST = "the GPU is lost: reset it with `sudo nvidia-smi -r`, or reboot"
FOUR = (
    GPU(0, "GPU-a", "NVIDIA H100 80GB HBM3", 41 * GIB, 80 * GIB, 97, 61, 611.5, 700.0),
    GPU(1, "GPU-b", "NVIDIA A100-SXM4-40GB", 3 * GIB, 40 * GIB, 0, 34, 58.2, 400.0),
    GPU(2, "GPU-c", "NVIDIA GeForce RTX 4090", None, 24 * GIB),
    GPU(3, "GPU-d", "Tesla T4", trouble=LOST),
)
EIGHT = tuple(
    GPU(n, f"GPU-{n}", "NVIDIA B200", (20 * n + 4) * GIB, 180 * GIB, 12 * n, 40 + n, 900.0, 1000.0)
    for n in range(8)
)
SIXTEEN = tuple(replace(EIGHT[n % 8], index=n) for n in range(16))
JOBS = (S.RUNNING, S.QUEUED, S.QUEUED, S.PAUSED, S.FAILED, S.COMPLETED)


def drawn(gpus: tuple[GPU, ...], width: int, height: int, *, ascii_only: bool = False) -> list[str]:
    rows = grid(gpus, width, height, lambda tone: Style(), ascii_only=ascii_only)
    return [row.plain.rstrip() for row in rows]


def test_four_gpus_in_eighty_columns() -> None:
    assert drawn(FOUR, 78, 24) == [
        "GPU 0 ████▏     41/80G  97%  61°  612W  GPU 1 ▋        3.0/40G   0%  34°   58W",
        "GPU 2 ?          ?/24G   ?%   ?°    ?W  GPU 3 ! the GPU is lost",
    ]


def test_eight_gpus_in_eighty_columns_take_three_rows() -> None:
    assert drawn(EIGHT, 78, 24) == [
        "0 ▏   4.0/180G   0%  40°  1 ▍    24/180G  12%  41°  2 ▊    44/180G  24%  42°",
        "3 █▏   64/180G  36%  43°  4 █▍   84/180G  48%  44°  5 █▊  104/180G  60%  45°",
        "6 ██▏ 124/180G  72%  46°  7 ██▍ 144/180G  84%  47°",
    ]


def test_one_gpu_has_room_for_its_name_and_units() -> None:
    assert drawn(FOUR[:1], 58, 16) == ["GPU 0 H100 ██████▏      41/80 GiB  97% busy  61 °C  612 W"]
    assert drawn(FOUR[3:], 98, 40) == [f"GPU 3 ! {LOST}"]


def test_eight_gpus_in_the_smallest_terminal_and_sixteen_say_how_many_more() -> None:
    assert drawn((*EIGHT[:3], FOUR[3], *EIGHT[4:]), 58, 16) == [
        "0 4.0G   0%    1  24G  12%    2  44G  24%    3 ! lost",
        "4  84G  48%    5 104G  60%    6 124G  72%    7 144G  84%",
    ]
    assert drawn(SIXTEEN, 58, 16)[-1].endswith("6 124G  72%    and 9 more")


def test_ascii_is_ascii() -> None:
    strange = replace(FOUR[0], name="NVIDIA Größe 9000 with a name longer than its room")
    for width in (58, 78, 118, 198):
        for gpus in ((strange,), FOUR, EIGHT, SIXTEEN, (*EIGHT, replace(FOUR[3], trouble="…°"))):
            assert "".join(drawn(gpus, width, 24, ascii_only=True)).isascii()
    assert drawn(FOUR[:2], 78, 24, ascii_only=True) == [
        "GPU 0 H100 ######......  41/80 GiB  97% busy  61 C  612 W",
        "GPU 1 A100 #........... 3.0/40 GiB   0% busy  34 C   58 W",
    ]


def test_every_width_holds_any_number_of_gpus() -> None:
    for width, height in product((*range(58, 122), 158, 198, 238), (16, 24, 40, 50)):
        for gpus in (FOUR[:1], FOUR[:2], FOUR, EIGHT, SIXTEEN):
            rows = drawn(gpus, width, height)
            assert len(rows) == rows_for(len(gpus), width, height) <= max(2, height // 8)
            assert all(cells(row) <= width for row in rows)
            if gpus is not SIXTEEN:
                assert f" {gpus[-1].index} " in f" {rows[-1]}", rows


def test_a_figure_keeps_its_place_while_memory_fills() -> None:
    def place(used: int) -> int:
        gpu = replace(EIGHT[0], memory_used_bytes=used)
        return drawn((gpu, *EIGHT[1:]), 118, 40)[0].index("%")

    assert len({place(used) for used in (0, GIB, 9 * GIB, 99 * GIB, 180 * GIB)}) == 1


def test_names_are_short_and_keep_what_tells_gpus_apart() -> None:
    assert short_name("NVIDIA H100 80GB HBM3") == "H100"
    assert short_name("NVIDIA A100-SXM4-40GB MIG 1g.5gb") == "A100 MIG 1g.5gb"
    assert short_name("NVIDIA GeForce RTX 4090 Laptop GPU") == "RTX 4090 Laptop GPU"
    assert short_name("NVIDIA RTX 6000 Ada Generation") == "RTX 6000 Ada Generation"
    assert short_name("NVIDIA GB10\x1b[2J") == "GB10"


# --- in the deck


class Machine:
    """What the deck's readings say instead of what this machine has."""

    def __init__(self) -> None:
        self.snapshot = Snapshot((), HOST, None, NO_DRIVER)

    def is_now(self, pilot: Pilot[int], gpus: tuple[GPU, ...]) -> None:
        """Change it, without waiting for the next reading."""
        self.snapshot = Snapshot(gpus, HOST, "600", "")
        pilot.app.post_message(TelemetryRead(self.snapshot))


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(Telemetry, "read", lambda self: made.snapshot)
    return made


def last_row(line: StatusLine, width: int) -> str:
    return line._last_row(width).plain


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (58, "host █▌     4.0/16.0 GiB   ▶ 1 running  ○ 2  ‖ 1  ✗ 1  ✓ 1"),
        (78, "host █▌     4.0/16.0 GiB  ▶ 1 running  ○ 2 queued  ‖ 1 paused  ✗ 1 failed  ✓ 1"),
        (
            118,
            "host memory ███          4.0/16.0 GiB  CPU  50%"
            "         ▶ 1 running  ○ 2 queued  ‖ 1 paused  ✗ 1 failed  ✓ 1 completed",
        ),
    ],
)
def test_host_memory_and_jobs_share_a_row(
    width: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StatusLine, "tone", lambda self, name: Style())
    line = StatusLine(ascii_only=False)
    line._machine = Snapshot(FOUR, HOST, "600", "")
    line._states = Counter(JOBS)
    assert last_row(line, width) == expected


def test_without_a_gpu_the_row_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StatusLine, "tone", lambda self, name: Style())
    line = StatusLine(ascii_only=False)
    line._states = Counter({S.COMPLETED: 3})
    line._machine = Snapshot((), HOST, None, NO_DRIVER)
    assert "CPU  50%  no GPU: no NVIDIA driver here " in last_row(line, 118)
    updated = "the NVIDIA driver was updated: reboot to load it"
    line._machine = Snapshot((), replace(HOST, cpu_percent=None), None, updated)
    assert f"CPU   ?%  no GPU: {updated} " in last_row(line, 138)
    assert "no GPU: the NVIDIA driver was updated " in last_row(line, 118)
    assert "no GPU  " in last_row(line, 78)


@pytest.mark.parametrize(
    ("size", "count"),
    [((60, 16), 8), ((80, 24), 0), ((80, 24), 1), ((80, 24), 8), ((120, 40), 4), ((200, 50), 8)],
)
async def test_the_job_table_keeps_its_room(
    bench: Bench, machine: Machine, size: tuple[int, int], count: int
) -> None:
    bench.job("runs", S.RUNNING, step=9)
    bench.job("waits", S.QUEUED)
    async with opened(bench, *size) as pilot:
        machine.is_now(pilot, EIGHT[:count])
        line = pilot.app.screen.query_one(StatusLine)
        rows = (rows_for(count, size[0] - 2, size[1]) if count else 0) + 1
        await until(pilot, lambda: line.size.height == rows, f"{rows} rows")
        assert rows <= (3 if size[1] < 24 else 4 if size[1] < 40 else 6)
        assert pilot.app.screen.query_one(JobTable).size.height >= 2
        last = rows_of(pilot)[line.region.bottom - 1]
        assert "host" in last
        assert "▶ 1 running" in last


async def test_gpus_that_come_and_a_terminal_that_grows_change_the_rows(
    bench: Bench, machine: Machine
) -> None:
    bench.job("runs", S.RUNNING, step=9)
    async with opened(bench, 80, 24) as pilot:
        line = pilot.app.screen.query_one(StatusLine)
        machine.is_now(pilot, EIGHT)
        await until(pilot, lambda: line.size.height == 4, "three rows and one")
        await pilot.resize_terminal(80, 50)
        await until(pilot, lambda: line.size.height == 5, "four rows and one")
        await pilot.resize_terminal(200, 50)
        await until(pilot, lambda: line.size.height == 3, "two rows and one")
        machine.is_now(pilot, (FOUR[3],))
        await until(pilot, lambda: line.size.height == 2, "one row and one")
        await until_shown(pilot, f"GPU 3 ! {LOST}")


async def test_in_ascii_the_deck_shows_gpus_in_ascii(bench: Bench, machine: Machine) -> None:
    bench.job("runs", S.RUNNING, step=9)
    async with opened(bench, 80, 24, ascii_only=True) as pilot:
        machine.is_now(pilot, FOUR)
        await until_shown(pilot, "GPU 3 ! the GPU is lost")
        line = pilot.app.screen.query_one(StatusLine)
        shown = "".join(rows_of(pilot)[: line.size.height])
        assert shown.isascii()
        assert "> 1 running" in shown


@pytest.mark.skipif(library.compiler() is None, reason="needs a C compiler")
def test_the_deck_on_a_terminal_shows_what_the_driver_says(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.job("runs", S.RUNNING, step=9)
    driver, flag = library.build(tmp_path / "driver"), tmp_path / "lost"
    for name, value in driver.environ("four", lost=f"3:{flag}").items():
        monkeypatch.setenv(name, value)
    terminal = Terminal(bench.home, 80, 24)
    try:
        terminal.until(lambda shown: "GPU 3 ▌" in shown and "1.0/15G   7%  45°   28W" in shown)
        flag.touch()
        shown = terminal.until(lambda shown: "GPU 3 ! the GPU is lost" in shown)
        assert "GPU 0 ████▏     41/80G  97%  61°  612W" in shown
        terminal.child.send("q")
        terminal.child.expect(pexpect.EOF)
    finally:
        with contextlib.suppress(OSError, pexpect.ExceptionPexpect):
            terminal.child.close(force=True)
