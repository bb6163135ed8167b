"""Files that are broken, foreign or gone while the deck is open: it lives, says so, and recovers."""

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pexpect
import pytest
from textual.pilot import Pilot

from engine import lock, watch
from engine.job import Job
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, screen, until, until_said, until_shown
from tests.tui.test_terminal import Terminal
from tui import app as app_module
from tui.app import ANSWERS_AGAIN, DeckApp
from tui.messages import DetailsChanged, JobsChanged, LogGrew, MemoryGrew, MetricsGrew
from tui.screens.home import HomeScreen
from tui.screens.job import JobScreen
from tui.widgets.chart import Chart
from tui.widgets.job_table import JobTable

S = JobState
TABS = "12345678"
EVIL = b"a\x1b]52;c;ZXZpbA==\x07b\x1b[2Jc\x1b[31md\xe2\x80\xaee\xc2\x9b5Af\x9d0;t\x9cg\x00h\x1bcz"
"""OSC 52, CSI, bidi, C1 controls in UTF-8 and raw, NUL and a reset."""


@pytest.fixture
def some(bench: Bench) -> Job:
    return bench.job("some", S.RUNNING, step=40, total=100, checkpoint=40, ago=100)


async def look_everywhere(pilot: Pilot[int]) -> None:
    """Home, then every tab of the highlighted job, then home again."""
    await pilot.press("enter")
    assert isinstance(pilot.app.screen, JobScreen)
    for tab in TABS:
        await pilot.press(tab)
        await pilot.pause()
        assert_clean(pilot)
    await pilot.press("escape")
    await until(pilot, lambda: isinstance(pilot.app.screen, HomeScreen))


def assert_clean(pilot: Pilot[int]) -> None:
    """Nothing of the foreign bytes that a terminal would obey stands on the screen."""
    shown = screen(pilot).replace("\n", "")
    assert all(c.isprintable() for c in shown), [c for c in shown if not c.isprintable()]


async def until_read(pilot: Pilot[int]) -> None:
    """Wait until the followed job was read anew."""
    deck = pilot.app
    assert isinstance(deck, DeckApp)
    for kind in (DetailsChanged, LogGrew, MetricsGrew, MemoryGrew):
        deck.latest.pop(kind, None)
    deck.follow(deck.screen.current)  # type: ignore[attr-defined]
    await until(pilot, lambda: DetailsChanged in deck.latest and LogGrew in deck.latest)


STATUSES: dict[str, tuple[bytes, str]] = {
    "half written": (b'{"state": "running", "st', "status.json cannot be read"),
    "empty": (b"", "status.json cannot be read"),
    "no object": (b"[1, 2]", "holds no JSON object"),
    "a word for a number": (b'{"state": "running", "step": "x"}', "its step is 'x'"),
    "a list for a number": (b'{"state": "running", "loss": [1]}', "its loss is"),
    "a number for a word": (b'{"state": "running", "phase": 7}', "its phase is"),
    "of a newer schema": (
        b'{"state": "running", "schema": 9, "total_steps": {"train": 5}}',
        "a newer tunedeck",
    ),
    "of an unknown state": (b'{"state": "hibernating", "schema": 2}', "'hibernating' is not known"),
    "of a state that is no word": (b'{"state": {"a": 1}}', "is not known"),
    "not UTF-8": (b'{"state": "\xff\xfe"}', "status.json cannot be read"),
    "very deep": (b"[" * 5000, "status.json cannot be read"),
}


async def test_a_status_that_means_nothing_is_said_at_that_job_and_recovers(
    bench: Bench, some: Job
) -> None:
    bench.job("other", S.COMPLETED, step=40, ago=50)
    good = some.status_file.read_bytes()
    async with opened(bench, 140, 30) as pilot:
        for kind, (content, said) in STATUSES.items():
            await until_shown(pilot, "▶ running")
            some.status_file.write_bytes(content)
            await until_shown(pilot, said)
            assert "✓ completed" in screen(pilot), kind
            assert note(pilot) == "", kind  # nothing has ended: nobody is told so
            some.status_file.write_bytes(good)
        await until_shown(pilot, "▶ running")


async def test_fields_and_huge_figures_of_a_newer_tunedeck_change_nothing(
    bench: Bench, some: Job
) -> None:
    known = json.loads(some.status_file.read_bytes())
    huge: dict[str, Any] = {
        "step": 2**62,
        "total_steps": 2**63 - 1,
        "loss": 1e308,
        "tokens_per_second": 1e300,
    }
    huge |= {"eta_seconds": 1e300, "epoch": 1e200, "phase_progress": -5.0, "unheard": [{"of": 1}]}
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        some.status_file.write_text(json.dumps(known | huge))
        await until(pilot, lambda: _step(pilot) == 2**62)
        await look_everywhere(pilot)
        some.status_file.write_text(json.dumps(known | {"step": -3, "eta_seconds": -1e9}))
        await until(pilot, lambda: _step(pilot) == -3)


def _step(pilot: Pilot[int]) -> int:
    changed = pilot.app.latest[JobsChanged]  # type: ignore[attr-defined]
    return int(changed.jobs[0].status.step)


FILES = (
    *("spec.yaml", "control.json", "status.json", "metrics.jsonl", "memory.jsonl", "log.txt"),
    *("events.jsonl", "edits.jsonl"),
)


@pytest.mark.parametrize("as_what", ["Is a directory", "not a regular file"])
async def test_what_is_no_file_is_said_at_that_job_and_waited_for_by_nobody(
    bench: Bench, some: Job, as_what: str
) -> None:
    aside = some.folder / "aside"
    async with opened(bench, 140, 30) as pilot:
        await until_shown(pilot, "▶ running")
        for name in FILES:
            path = some.folder / name
            path.touch()
            path.rename(aside)
            path.mkdir() if as_what == "Is a directory" else os.mkfifo(path)
            await until_shown(pilot, f"{name} cannot be read: {as_what}")
            path.rmdir() if path.is_dir() else path.unlink()
            aside.rename(path)
            await until(pilot, lambda: "cannot be read" not in screen(pilot))
            assert "▶ running" in screen(pilot)


async def test_pipes_in_the_place_of_locks_and_folders_stop_nothing(
    bench: Bench, some: Job
) -> None:
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        for path in (some.worker_lock, some.export_lock, some.checkpoints, some.exports):
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            os.mkfifo(path)
        bench.job("later", S.PAUSED, step=4)
        await until_shown(pilot, "‖ paused")
        await look_everywhere(pilot)


async def test_a_folder_that_disappears_while_its_job_is_open(bench: Bench, some: Job) -> None:
    aside = bench.home / "aside"
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("enter")
        await until_shown(pilot, "train ")
        some.folder.rename(aside)
        await until_said(pilot, "this job was removed")
        assert "its folder is gone" in screen(pilot)
        for key in (*TABS, "j", "p", "e", "X", "y"):
            await pilot.press(key)
        aside.rename(some.folder)
        await until(pilot, lambda: "its folder is gone" not in screen(pilot))
        await until_shown(pilot, "▶ running")


async def test_a_jobs_folder_that_goes_and_comes_back(bench: Bench, some: Job) -> None:
    jobs, aside = bench.store.jobs_folder, bench.home / "aside"
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        jobs.rename(aside)
        await until_shown(pilot, "No jobs yet.")
        jobs.write_text("no folder")
        pilot.app.feed.look_again()  # type: ignore[attr-defined]
        await until_said(pilot, "cannot be read: Not a directory")
        jobs.unlink()
        aside.rename(jobs)
        pilot.app.feed.look_again()  # type: ignore[attr-defined]
        await until_shown(pilot, "▶ running")


async def test_stray_files_among_the_jobs_are_no_jobs(bench: Bench, some: Job) -> None:
    (bench.store.jobs_folder / "notes").write_text("mine")
    os.mkfifo(bench.store.jobs_folder / "pipe")
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        assert len(pilot.app.latest[JobsChanged].jobs) == 1  # type: ignore[attr-defined]


# --- measurements ---------------------------------------------------------------------------------


def line(**values: Any) -> bytes:
    return (
        json.dumps({"v": 1, "attempt": 1, "kind": "train", "time": 1e9, **values}).encode() + b"\n"
    )


LARGE = 1e30
METRICS: dict[str, bytes] = {
    "a path as a name": line(step=50, **{"../../x": 1.5, "[/x] [lr=1e-4]": 2, "\u202ex\x1b[2J": 3}),
    "strings": line(step=50, loss="NaN") + line(step=51, loss="1.5", grad_norm="inf"),
    "words that are not JSON": b'{"kind": "train", "step": 50, "loss": NaN}\n' * 3,
    "nested": line(step=50, loss=[1, 2], x={"a": [1]}) + line(step=51, loss=[3, 4], x={"a": 2}),
    "huge": line(step=2**63 + 5, loss=LARGE) + line(step=2**64 - 1, loss=1e308),
    "beyond": b'{"kind":"train","attempt":1,"step":99999999999999999999999,"loss":1}\n',
    "negative": line(step=-(2**62), loss=-1e308),
    "true": line(step=True, loss=True) + line(step=52, attempt=None),
    "kinds": line(kind=["a"], step=1) + line(kind="", step=2) + line(kind="../x", step=3, y=1),
    "resumes": line(kind="resume", from_step="x", step=2) + line(kind="resume", from_step=2**63),
    "bytes": b"\x00\xff\xfe{]\n" + EVIL + b"\n" + b"{" * 3000 + b"\n",
    "half a line": line(step=50, loss=1.0)[:-9],
    "a line without end": b"x" * 1_100_000,
}


async def test_measurements_that_mean_nothing_are_passed_over(bench: Bench, some: Job) -> None:
    def newest() -> float | None:
        grew = pilot.app.latest.get(MetricsGrew)  # type: ignore[attr-defined]
        return float(np.nanmax(grew.curves.curve("train", "loss").ys)) if grew is not None else None

    async with opened(bench, 120, 40) as pilot:
        await until_shown(pilot, "train ")
        for at, content in enumerate(METRICS.values()):
            other = some.folder / "other"
            other.write_bytes(content + b"\n" + line(step=1, loss=70.25 + at))
            other.replace(some.metrics_file)
            await until(pilot, lambda at=at: newest() in (70.25 + at, LARGE))  # type: ignore[misc]
            await pilot.press("L", "a")
            assert_clean(pilot)
        some.metrics_file.write_bytes(b"\n".join(METRICS.values()))
        await until_read(pilot)
        await look_everywhere(pilot)
        await pilot.press("enter", "t", "t", "right", "+", "right", "-", "0", "tab", "z", "G", "L")
        assert_clean(pilot)


async def test_of_very_many_metrics_the_first_have_a_chart(bench: Bench, some: Job) -> None:
    with some.metrics_file.open("ab") as file:
        file.write(line(step=50, **{f"reward/{n}": n for n in range(2000)}))
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "train ")
        await pilot.press("enter")
        await until_said(pilot, "2003 metrics were logged, 100 have a chart")
        assert len(pilot.app.screen.query(Chart)) < 110


async def test_metrics_that_shrink_or_are_replaced_are_read_anew(bench: Bench, some: Job) -> None:
    def newest() -> float | None:
        grew = pilot.app.latest.get(MetricsGrew)  # type: ignore[attr-defined]
        return grew.curves.curve("train", "loss").last if grew is not None else None

    async with opened(bench, 120, 40) as pilot:
        await until_shown(pilot, "train ")
        some.metrics_file.write_bytes(line(step=1, loss=3.25))
        await until(pilot, lambda: newest() == 3.25)
        await until_shown(pilot, "train 3.25")
        other = some.folder / "other"
        other.write_bytes(line(step=1, loss=4.25) + line(step=2, loss=5.5))
        other.replace(some.metrics_file)
        await until(pilot, lambda: newest() == 5.5)
        await until_shown(pilot, "train 5.5")


async def test_memory_readings_that_mean_nothing_are_passed_over(bench: Bench, some: Job) -> None:
    junk: list[Any] = [
        {"time": "soon", "gpufoo": 5, "gpu": 1, "gpu0": 2, "gpus": 7},
        {"time": 1e300, "rss_bytes": [1], "gpus": [{"index": "a"}, {"index": -1}, 5, None]},
        {"gpus": [{"index": 10**15, "memory_used_bytes": 1}, {"index": True, "power_watts": 3}]},
        {"gpus": [{"index": 0, "memory_used_bytes": -5, "memory_total_bytes": 0}]},
        {"gpus": [{"index": 0, "power_watts": 1e308, "temperature_celsius": -1e308}]},
        {"cpu_percent": 1e308, "host_used_bytes": 1e308, "host_total_bytes": 1e308},
        [],
        None,
    ]
    with some.memory_file.open("ab") as file:
        file.write(b"".join(json.dumps(one).encode() + b"\n" for one in junk) + EVIL + b"\n")
    async with opened(bench, 120, 40) as pilot:
        await until(pilot, lambda: MemoryGrew in pilot.app.latest)  # type: ignore[attr-defined]
        await look_everywhere(pilot)
        await pilot.press("enter", "G", "z")
        await pilot.pause()


# --- words from elsewhere -------------------------------------------------------------------------

SPECS: dict[str, tuple[bytes, str]] = {
    "ten megabytes": (b"name: x\n" + b"# " + b"y" * 10_000_000, "larger than 1 MiB"),
    "an alias bomb": (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 107)
        )
        + b"name: *j\n",
        "its aliases stand for more",
    ),
    "itself": (b"name: &a [*a]\n", "its aliases stand for more"),
    "no YAML": (b"{[not yaml", "not valid YAML"),
    "a list": (b"- a\n- b\n", "it holds no mapping"),
    "deep": (b"[" * 200_000, "nested too deeply"),
    "code": (b"name: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
    "no text": (b"name: \xff\xfe\n", "cannot be read"),
    "other kinds": (b"name: [a]\nmethod: {b: 1}\nmodel: 2026-13-45\n1: 2\n? [1]\n: 3\n", ""),
}


async def test_a_spec_that_is_none_is_said_at_that_job_and_recovers(
    bench: Bench, some: Job
) -> None:
    good = some.spec_file.read_bytes()
    async with opened(bench, 120, 40) as pilot:
        await until_shown(pilot, "Qwen3-0.6B")
        for kind, (content, said) in SPECS.items():
            some.spec_file.write_bytes(content)
            await until_shown(pilot, said)
            if "bomb" in kind or "other" in kind:
                await pilot.press("enter", "3")
                await until_shown(pilot, said)
                await pilot.press("v", "v", "escape")
                assert_clean(pilot)
            some.spec_file.write_bytes(good)
            await until(pilot, lambda: "cannot be read" not in screen(pilot))
            await until_shown(pilot, "Qwen3-0.6B")


async def test_words_from_elsewhere_are_words(bench: Bench) -> None:
    evil = EVIL.decode("latin-1")
    spec = {"name": "[/x] [lr=1e-4]", "model": {"name": "[bold]" + evil}, "method": "[red]sft[/]"}
    job = bench.job("[/x] [lr=1e-4]", S.PAUSED, step=40, checkpoint=40, spec=spec, ago=60)
    job.log_file.write_bytes(EVIL + b"\n" + b"y" * 1_000_000)
    job.append_event("[/y]", note=evil, **{"[b]": evil})
    job.append_event("state", state="paused", by=[evil], step={"a": 1}, attempt="x")
    job.append_event("edit", changes={"[/z]": 5, "lr": {"before": evil}})
    job.append_event("rewind", step=4, kept="abc")
    job.append_event("rewind", step=4, kept=7)
    for name, content in (
        (
            "edits.jsonl",
            {"at": 5, "at_step": "x", "by": evil, "changes": {"[/a].b": {"after": evil}}},
        ),
        (
            "samples.jsonl",
            {"when": "after", "rows": evil, "eval_loss": "x", "answers": [{"prompt": evil}, 5]},
        ),
    ):
        (job.folder / name).write_text(json.dumps(content) + "\n[]\n5\n")
    export = job.exports / "[/x]\u202eadapter"
    export.mkdir(parents=True)
    facts = {"state": [evil], "started_at": 5, "ended_at": {"a": 1}, "error": evil, "progress": "x"}
    (export / "export.json").write_text(json.dumps(facts | {"files": 5, "size_bytes": "x"}))
    (job.checkpoints / "rejected-7-[b]x").mkdir()
    async with opened(bench, 120, 40) as pilot:
        await until_shown(pilot, "[/x] [lr=1e-4]")
        await until_read(pilot)
        assert_clean(pilot)
        await look_everywhere(pilot)
        await pilot.press("enter", "3", "v", "v", "4", "j", "j", "5", "j", "y", "2", "w", "G")
        await pilot.pause()
        assert_clean(pilot)
        await pilot.press("escape", "X")
        await pilot.pause()
        assert_clean(pilot)


# --- a storage that hangs -------------------------------------------------------------------------


@pytest.fixture
def storage(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set while the storage answers: what asks for a file's facts waits until it does."""
    answers, real = threading.Event(), watch.signature
    answers.set()

    def waits(path: Path) -> watch.Signature:
        if threading.current_thread().name == "feed":
            answers.wait(30)
        return real(path)

    monkeypatch.setattr(watch, "signature", waits)
    monkeypatch.setattr(app_module, "CHECK_SECONDS", 0.1)
    monkeypatch.setattr(app_module, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(app_module, "FIRST_LOOK_SECONDS", 0.2)
    yield answers
    answers.set()


async def test_a_storage_that_hangs_is_said_and_taken_back(
    bench: Bench, some: Job, storage: threading.Event
) -> None:
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("j")
        assert note(pilot) == ""
        storage.clear()
        await until_said(pilot, "has not answered for")
        assert str(bench.store.jobs_folder) in note(pilot)
        await pilot.press("s")
        await until_shown(pilot, "by name")  # keys work meanwhile
        await pilot.press("enter")
        await until_said(pilot, "has not answered for")
        await pilot.press("escape")
        storage.set()
        await until_said(pilot, ANSWERS_AGAIN)
        bench.set(some, step=41)
        await until(pilot, lambda: _step(pilot) == 41)


async def test_what_a_key_says_stays_while_the_storage_hangs(
    bench: Bench, some: Job, storage: threading.Event
) -> None:
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        storage.clear()
        await until_said(pilot, "has not answered for")
        await pilot.press("r")
        said = note(pilot)
        assert said.startswith("some")
        await pilot.pause(0.3)
        assert note(pilot) == said


async def test_a_first_look_that_hangs_shows_an_empty_deck_that_answers(
    bench: Bench, some: Job, storage: threading.Event
) -> None:
    storage.clear()
    async with opened(bench, 120, 30) as pilot:
        waits = ("reading the jobs", "has not answered for")
        await until(pilot, lambda: any(words in screen(pilot) for words in waits), "a wait")
        await pilot.press("?")
        await until(pilot, lambda: not isinstance(pilot.app.screen, HomeScreen))
        await pilot.press("escape")
        await until_said(pilot, "has not answered for")
        storage.set()
        await until_shown(pilot, "▶ running")
        assert pilot.app.screen.query_one(JobTable).selected == some.id


async def test_an_error_of_the_storage_is_said_and_tried_again(
    bench: Bench, some: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[[Path], bool] = lock.is_held
    broken = threading.Event()

    def stale(path: Path) -> bool:
        if broken.is_set():
            raise OSError(116, "Stale file handle", str(path))
        return real(path)

    monkeypatch.setattr(lock, "is_held", stale)
    async with opened(bench, 120, 30) as pilot:
        await until_shown(pilot, "▶ running")
        broken.set()
        await until_said(pilot, "Stale file handle")
        broken.clear()
        bench.set(some, step=42)
        pilot.app.feed.look_again()  # type: ignore[attr-defined]
        await until(pilot, lambda: _step(pilot) == 42)


# --- on a real terminal ---------------------------------------------------------------------------


def test_nothing_of_a_log_reaches_the_terminal_raw(bench: Bench, tmp_path: Path) -> None:
    job = bench.job("[/x] [lr=1e-4]", S.PAUSED, step=40, total=100, ago=60)
    job.log_file.write_bytes(b"the first\n" + b"y" * 1_000_000 + b"\n" + EVIL + b"\nthe last\n")
    terminal = Terminal(bench.home, 100, 30)
    try:
        terminal.until(lambda shown: "the last" in shown and "[/x] [lr=1e" in shown)
        terminal.child.send("l")
        terminal.until(lambda shown: "the last" in shown and "f Follow" in shown)
        good = job.status_file.read_bytes()
        job.status_file.write_bytes(good[:40])
        terminal.until(lambda shown: "status.json cannot be read" in shown)
        job.status_file.write_bytes(good)
        terminal.until(lambda shown: "status.json cannot be read" not in shown)
        written = terminal.received.decode("utf-8", "replace")
        assert "\x1b]52" not in written
        assert "ZXZpbA" not in written
        assert not [c for c in written if "\x80" <= c <= "\x9f" or c in "\u202e\x00"]
        assert "\x1bc" not in written
        terminal.child.send("q")
        terminal.child.expect(pexpect.EOF)
    finally:
        terminal.close()
