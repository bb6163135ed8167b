"""`watch` on a terminal: charts painted again where they stand, and left there at the end."""

import io
import os
from pathlib import Path
from typing import Any

import pyte
import pytest

from engine.cli import main
from engine.cli.in_place import InPlace
from engine.cli.watch import Charts, memory_words
from engine.compare.side import read_side
from engine.job import Job
from engine.lock import Lock
from engine.machine import Machine, Readings
from engine.status import JobState, JobStatus
from engine.store import Store
from engine.text import cells, clean_text
from tests.engine.cli_jobs import GIB, make_job, measure

SIZE = os.terminal_size((60, 12))


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    return Store(tmp_path / "home")


class Terminal(io.StringIO):
    """A stream whose writes are painted on a screen."""

    encoding = "utf-8"

    def __init__(self, size: os.terminal_size = SIZE) -> None:
        super().__init__()
        self.screen = pyte.HistoryScreen(size.columns, size.lines, history=1000)
        self._painter = pyte.Stream(self.screen)
        self.writes: list[str] = []

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.writes.append(text)
        self._painter.feed(text)
        return len(text)

    @property
    def shown(self) -> list[str]:
        """The lines on the screen that are not empty."""
        return [line.rstrip() for line in self.screen.display if line.strip()]


# --- painting in place ----------------------------------------------------------------------------


def test_lines_are_painted_over_those_that_stood_there() -> None:
    terminal = Terminal()
    place = InPlace(terminal)
    for lines in (["one", "two", "three"], ["one", "2", "three"], ["one"], ["a", "b", "c", "d"]):
        place.show(lines, SIZE)
        assert terminal.shown == lines
    place.end()
    terminal.write("after\r\n")
    assert terminal.shown == ["a", "b", "c", "d", "after"]


def test_only_what_changed_is_sent() -> None:
    terminal = Terminal()
    place = InPlace(terminal)
    place.show(["a chart", "step 1"], SIZE)
    place.show(["a chart", "step 2"], SIZE)
    place.show(["a chart", "step 2"], SIZE)
    first, second = terminal.writes
    assert "a chart" in first
    assert "a chart" not in second
    assert "step 2" in second
    assert "\x1b[J" not in second, "nothing is cleared first, so nothing flickers"


def test_what_stood_above_is_never_touched_even_at_the_bottom_of_the_screen() -> None:
    terminal = Terminal()
    terminal.write("".join(f"before {n}\r\n" for n in range(11)))
    place = InPlace(terminal)
    for number in range(5):
        place.show([f"{number}a", f"{number}b", f"{number}c"], SIZE)
    place.end()
    assert terminal.shown[-3:] == ["4a", "4b", "4c"]
    assert terminal.shown[:-3] == [f"before {n}" for n in range(3, 11)]


def test_more_lines_than_the_screen_has_show_their_end() -> None:
    terminal = Terminal()
    place = InPlace(terminal)
    for number in range(3):
        place.show([f"{number}-{line}" for line in range(20)], SIZE)
    assert terminal.shown == [f"2-{line}" for line in range(9, 20)]


def test_after_a_resize_the_wrapped_lines_are_replaced() -> None:
    terminal = Terminal(os.terminal_size((20, 12)))
    terminal.write("before\r\n")
    place = InPlace(terminal)
    place.show(["x" * 19, "y" * 19], os.terminal_size((20, 12)))
    # A narrower terminal has wrapped both lines: the cursor stands in the fourth row of them.
    narrow = Terminal(os.terminal_size((10, 12)))
    narrow.write("before\r\n" + "x" * 10 + "x" * 9 + "\r\n" + "y" * 10 + "y" * 9)
    place._stream = narrow
    place.show(["new", "lines"], os.terminal_size((10, 12)))
    assert narrow.shown == ["before", "new", "lines"]


# --- what is painted ------------------------------------------------------------------------------


def charts(job: Job, *metrics: str, ascii_only: bool = False) -> Charts:
    wanted = [(name, "time" if name == "memory" else "step") for name in metrics or ("loss",)]
    return Charts(job, wanted, ascii_only)  # type: ignore[arg-type]


def drawn(job: Job, size: os.terminal_size, *metrics: str, **how: Any) -> list[str]:
    status = JobStatus(state=JobState.RUNNING, phase="training", step=3, total_steps=9)
    return charts(job, *metrics, **how).lines(status, "", size)


def test_each_metric_has_its_chart_as_far_as_there_is_room(store: Store) -> None:
    job = make_job(store, JobState.RUNNING)
    measure(job, gpu=True)
    tall = drawn(job, os.terminal_size((80, 40)), "loss", "learning_rate", "memory")
    titles = [line for line in tall if " by " in line]
    assert [title.split()[0] for title in titles] == ["loss", "learning_rate", "GPU"]
    assert len(tall) <= 39
    low = drawn(job, os.terminal_size((80, 15)), "loss", "learning_rate", "memory")
    assert len([line for line in low if " by " in line]) == 2
    assert len(low) <= 14
    flat = drawn(job, os.terminal_size((80, 5)), "loss")
    assert [line.split()[0] for line in flat] == ["GPU", "▶"]
    for lines in (tall, low, flat):
        assert all(cells(clean_text(line)) < 80 for line in lines)


def test_the_lines_below_tell_memory_and_progress(store: Store) -> None:
    job = make_job(store, JobState.RUNNING)
    measure(job, gpu=True)
    *_, memory, progress = drawn(job, os.terminal_size((100, 40)))
    assert memory == "GPU memory 11.0 GiB of 80.0 GiB, peak 12.0 GiB"
    assert progress == f"▶ running {job.id}  step 3/9"


def test_memory_without_a_gpu_is_the_process_s() -> None:
    assert memory_words(Machine()) == ""
    readings = Readings()
    device = {"index": 0, "memory_used_bytes": 2 * GIB, "memory_total_bytes": 8 * GIB}
    load = {"utilization_percent": 97, "power_watts": 300.4, "temperature_celsius": None}
    readings.extend([{"time": 1.0, "rss_bytes": GIB, "host_total_bytes": 4 * GIB, "gpus": []}])
    assert memory_words(readings.machine()) == "memory 1.0 GiB of 4.0 GiB, peak 1.0 GiB"
    readings = Readings()
    readings.extend([{"time": 1.0, "rss_bytes": GIB, "gpus": [{**device, **load}]}])
    told = memory_words(readings.machine())
    assert told == "GPU memory 2.0 GiB of 8.0 GiB, peak 2.0 GiB · 97% · 300 W"


def test_a_metric_that_is_not_measured_is_said_with_those_that_are(store: Store) -> None:
    job = make_job(store, JobState.RUNNING)
    assert len(drawn(job, os.terminal_size((100, 40)), "los")) == 1, "nothing is measured yet"
    measure(job, 5)
    lines = drawn(job, os.terminal_size((100, 40)), "los")
    assert lines[0].startswith("no los was measured; there are: loss, learning_rate, ")


def test_a_loss_that_is_no_number_has_a_badge(store: Store) -> None:
    job = make_job(store, JobState.RUNNING)
    measure(job, broken_from=20)
    assert "! NaN since 20" in drawn(job, os.terminal_size((80, 30)))[0]


def test_everything_in_ascii_when_asked(store: Store) -> None:
    job = make_job(store, JobState.RUNNING)
    measure(job, gpu=True)
    lines = drawn(job, os.terminal_size((80, 30)), "loss", "memory", ascii_only=True)
    assert "".join(lines).isascii()


def test_charts_grow_with_the_job_s_files(store: Store) -> None:
    job = make_job(store, JobState.RUNNING)
    shown = charts(job)
    size, status = os.terminal_size((80, 30)), JobStatus(state=JobState.RUNNING)
    assert len(shown.lines(status, "", size)) == 1
    measure(job, 10)
    first = shown.lines(status, "", size)
    assert shown.lines(status, "", size) == first
    with job.metrics_file.open("a") as file:
        file.write('{"kind": "train", "step": 500, "loss": 9.0}\n')
    assert shown.lines(status, "", size) != first
    assert read_side(job).curves.curve("train", "loss").end == 500


def test_charts_follow_the_size_of_the_terminal(store: Store) -> None:
    job = make_job(store, JobState.RUNNING)
    measure(job)
    shown, status = charts(job), JobStatus(state=JobState.RUNNING)
    for columns in (100, 50, 120):
        lines = shown.lines(status, "", os.terminal_size((columns, 30)))
        widest = max(cells(clean_text(line)) for line in lines)
        assert columns - 20 < widest < columns


# --- the verb -------------------------------------------------------------------------------------


def on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Stdout from here on."""
    size = os.terminal_size((100, 30))
    made = Terminal(size)
    monkeypatch.setattr(os, "get_terminal_size", lambda fd=1: size)
    monkeypatch.setattr("sys.stdout", made)
    return made


def test_the_last_picture_stays_and_the_exit_code_tells_the_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.COMPLETED, step=40, total_steps=40, loss=1.05)
    measure(job)
    terminal = on_a_terminal(monkeypatch)
    assert main(["watch", job.id]) == 0
    assert terminal.shown[0].startswith("loss by optimizer step")
    assert terminal.shown[-1] == f"✓ completed {job.id}  step 40/40 loss 1.05"
    assert terminal.screen.cursor.x == 0, "what follows begins on a line of its own"


def test_ctrl_c_leaves_the_picture_and_the_job(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.RUNNING, step=40, total_steps=80)
    measure(job)
    terminal = on_a_terminal(monkeypatch)

    def pressed(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.cli.follow.time.sleep", pressed)
    held = Lock.take(job.worker_lock)
    assert held is not None
    with held:
        assert main(["watch", job.id]) == 0
    assert terminal.shown[0].startswith("loss by optimizer step")
    assert "▶ running" in terminal.shown[-1]
    assert job.stored().state is JobState.RUNNING


def test_memory_is_watched_by_time_alone(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    job = make_job(store, JobState.COMPLETED)
    assert main(["watch", job.id, "--metric", "memory", "--by", "step"]) == 2
    assert "--by time" in capsys.readouterr().err
