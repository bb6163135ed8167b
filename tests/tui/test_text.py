import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine.gpu import GPU, Host, Snapshot
from engine.job import Job
from engine.status import JobState, JobStatus
from engine.watch import JobView
from tui import text
from tui.charts.plots import time_end
from tui.feed import differs

GIB = 1024**3
HOST = Host(4 * GIB, 16 * GIB, False, 50.0, 8, 1.0)
CARD = GPU(0, "GPU-1", "NVIDIA H100 80GB HBM3", 18 * GIB, 80 * GIB, 97, 61, 611.0, 700.0)


def view(state: JobState, **status: object) -> JobView:
    stored = JobStatus(state=state, **status)  # type: ignore[arg-type]
    return JobView(
        job=Job(Path("/jobs/2026-11-20-x-1234")),
        name="x",
        method="sft",
        model="m",
        status=stored,
        order=0.0,
    )


def test_a_bar_is_as_long_as_its_share() -> None:
    assert text.bar(0.0, 8, ascii_only=False) == ("", " " * 8)
    assert text.bar(1.0, 8, ascii_only=False) == ("█" * 8, "")
    assert text.bar(0.5, 8, ascii_only=True) == ("####", "....")
    for percent in range(-10, 120):
        full, empty = text.bar(percent / 100, 7, ascii_only=False)
        assert len(full) + len(empty) == 7


def test_names_are_short_and_unknown_stays_unknown() -> None:
    assert text.short_model("Qwen/Qwen3-0.6B") == "Qwen3-0.6B"
    assert text.short_model("/srv/models/demo/base/") == "demo/base"
    assert text.short_id("2026-11-20-gsm8k-7f3a") == "gsm8k-7f3a"
    assert text.loss(None) == text.speed(None) == text.eta(JobStatus()) == text.UNKNOWN
    assert text.loss(0.61) == "0.610"
    assert text.loss(0.0312) == "0.0312"


def test_every_state_has_something_to_say() -> None:
    for state in JobState:
        if state is not JobState.RUNNING:
            assert text.doing(view(state, step=3, total_steps=9), "", "", 40), state


def test_a_phase_keeps_its_time_in_little_room() -> None:
    status = JobStatus(
        state=JobState.RUNNING,
        phase="answering samples",
        phase_progress=0.4,
        phase_started_at="2026-11-20T12:00:00Z",
    )
    now = "2026-11-20T12:00:07Z"
    assert text.phase(status, now) == "answering samples 40% 7s"
    assert text.phase(status, now, 16) == "answering 40% 7s"


def test_a_step_that_does_not_fit_is_rounded_and_never_cut() -> None:
    status = JobStatus(step=123_456, total_steps=2_000_000)
    assert text.steps(status) == "123456/2000000"
    assert text.steps(status, 9) == "123k/2M"


def test_the_end_is_a_time_of_the_clock_where_the_user_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        now = "2026-11-20T12:00:00Z"
        hours = {1.0: "22:00", 4.0: "01:00+1d", 12 * 24.0: "Dec 02"}
        for after, clock in hours.items():
            assert text.end_clock(JobStatus(eta_seconds=3600 * after), now) == clock
        assert text.end_clock(JobStatus(), now) == text.UNKNOWN
        assert text.end_clock(JobStatus(eta_seconds=1e18), now) == text.UNKNOWN
        assert text.day_or_time("2026-11-20T03:30:00Z", now) == "12:30"
        assert text.day_or_time("2026-11-19T03:30:00Z", now) == "Nov 19"
        assert text.day_or_time("2024-11-19T03:30:00Z", now) == "2024-11"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_devices_are_short() -> None:
    for gpus, said in {
        None: "",
        (): "cpu",
        (3,): "3",
        (0, 2): "0,2",
        tuple(range(8)): "0-7",
    }.items():
        assert text.devices(JobStatus(gpus=gpus)) == said


def test_a_breathing_machine_does_not_differ() -> None:
    before = Snapshot((), HOST, None, "no GPU")
    assert not differs(before, replace(before, host=replace(HOST, memory_used_bytes=4 * GIB + 1)))
    assert differs(before, replace(before, host=replace(HOST, memory_used_bytes=6 * GIB)))
    card = Snapshot((CARD,), HOST, "600", "")
    assert differs(before, card)
    assert not differs(card, replace(card, gpus=(replace(CARD, utilization_percent=92),)))
    assert differs(card, replace(card, gpus=(replace(CARD, trouble="is lost"),)))


def test_the_time_axis_does_not_twitch() -> None:
    ends = [time_end(float(second)) for second in range(3600)]
    assert len(set(ends)) < 30
