"""What rings when a job ends, and how it is said to terminals."""

from typing import Any

import pytest

from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import opened, until, until_said, until_shown
from tui.app import DeckApp
from tui.notices import BELL, Ends, sequence

S = JobState


def seen(bench: Bench) -> list[Any]:
    from engine.watch import JobsWatch

    return list(JobsWatch(bench.store).look(0.0) or ())


def test_an_end_is_told_once_and_only_of_what_was_under_way(bench: Bench) -> None:
    bench.job("old", S.FAILED, step=5)
    job = bench.job("some", S.RUNNING, step=5)
    ends = Ends()
    assert ends.among(seen(bench)) == []
    bench.set(job, state=S.COMPLETED)
    bench.die(job)
    assert [view.id for view in ends.among(seen(bench))] == [job.id]
    assert ends.among(seen(bench)) == []


@pytest.mark.parametrize("state", [S.CANCELLED, S.PAUSED])
def test_what_a_user_asked_for_does_not_ring(bench: Bench, state: S) -> None:
    job = bench.job("some", S.RUNNING, step=5, checkpoint=5)
    ends = Ends()
    ends.among(seen(bench))
    bench.set(job, state=state)
    bench.die(job)
    assert ends.among(seen(bench)) == []


def test_a_worker_that_was_killed_is_told(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5)
    ends = Ends()
    ends.among(seen(bench))
    bench.die(job)
    assert [view.state for view in ends.among(seen(bench))] == [S.INTERRUPTED]


def test_a_status_that_cannot_be_read_is_no_end_and_the_end_behind_it_is_told(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5)
    ends = Ends()
    ends.among(seen(bench))
    good = job.status_file.read_bytes()
    job.status_file.write_bytes(good[:30])
    assert ends.among(seen(bench)) == []
    job.status_file.write_bytes(good)
    bench.set(job, state=S.FAILED)
    bench.die(job)
    assert [view.state for view in ends.among(seen(bench))] == [S.FAILED]


@pytest.mark.parametrize(
    ("environ", "written"),
    [
        ({"TERM": "xterm-256color"}, "\x1b]9;tunedeck: some failed\x1b\\"),
        ({"TERM": "xterm-kitty"}, "\x1b]99;;tunedeck: some failed\x1b\\"),
        ({"TERM": "foot"}, "\x1b]777;notify;tunedeck;some failed\x1b\\"),
        (
            {"TERM": "tmux-256color", "TMUX": "/tmp/tmux-0/default,1,0"},
            "\x1bPtmux;\x1b\x1b]9;tunedeck: some failed\x1b\x1b\\\x1b\\",
        ),
        ({"TERM": "linux"}, BELL),
    ],
)
def test_each_terminal_is_told_in_its_own_words(environ: dict[str, str], written: str) -> None:
    assert sequence("some failed", "desktop", environ) == written


def test_the_bell_alone_both_and_neither() -> None:
    environ = {"TERM": "xterm"}
    assert sequence("x", "bell", environ) == BELL
    assert sequence("x", "both", environ).startswith(BELL + "\x1b]9;")
    assert sequence("x", "off", environ) == ""


def test_foreign_words_cannot_steer_the_terminal() -> None:
    said = sequence("a\x1b]0;title\x07b; c\nd\x9c" + "x" * 999, "desktop", {"TERM": "xterm"})
    inside = said.removeprefix("\x1b]9;").removesuffix("\x1b\\")
    assert inside.isprintable()
    assert ";" not in inside
    assert len(inside) < 140


@pytest.mark.parametrize(("notify", "rings"), [("", True), ('[deck]\nnotify = "off"\n', False)])
async def test_a_job_that_ends_while_the_deck_is_open_rings(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, notify: str, rings: bool
) -> None:
    written: list[str] = []
    monkeypatch.setattr(DeckApp, "_write", lambda self, sequence: written.append(sequence))
    bench.store.config_file.write_text(notify)
    job = bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "▶ running")
        bench.set(job, state=S.COMPLETED)
        bench.die(job)
        await until_shown(pilot, "✓ completed")
        await until_said(pilot, f"some-{job.id[-4:]} completed")
        await until(pilot, lambda: bool(written) is rings)
        assert written == ([BELL] if rings else [])
