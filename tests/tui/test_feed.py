"""What the feed tells, and what it keeps to itself."""

import threading
from dataclasses import replace
from typing import Any

import pytest
from textual.message import Message

from engine.gpu import GPU, Host, Snapshot
from engine.status import JobState
from tests.tui.builder import GIB, Bench
from tui.feed import Feed, differs
from tui.messages import FeedFailed, JobsChanged

HOST = Host(
    memory_used_bytes=4 * GIB,
    memory_total_bytes=16 * GIB,
    memory_limited=False,
    cpu_percent=3.0,
    cpu_count=2,
    load_1min=0.1,
)
GPU_0 = GPU(
    index=0,
    uuid="GPU-0",
    name="H100",
    memory_used_bytes=40 * GIB,
    memory_total_bytes=80 * GIB,
    utilization_percent=50,
    temperature_celsius=60,
    power_watts=400.0,
    power_limit_watts=700.0,
)


def snapshot(**changes: Any) -> Snapshot:
    return Snapshot((replace(GPU_0, **changes),), HOST, "570", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_used_bytes": 41 * GIB},
        {"utilization_percent": 58},
        {"temperature_celsius": 63},
        {"power_watts": 440.0},
    ],
)
def test_the_usual_breathing_of_an_idle_gpu_is_worth_no_byte(changes: dict[str, Any]) -> None:
    assert not differs(snapshot(), snapshot(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_used_bytes": 42 * GIB},
        {"utilization_percent": 60},
        {"temperature_celsius": 65},
        {"power_watts": 480.0},
        {"memory_used_bytes": None},
        {"utilization_percent": None},
        {"temperature_celsius": None},
        {"power_watts": None},
        {"power_limit_watts": 500.0},
        {"trouble": "it fell off the bus"},
        {"uuid": "GPU-1"},
    ],
)
def test_a_gpu_that_moved_or_whose_figures_came_or_went_is_told(changes: dict[str, Any]) -> None:
    assert differs(snapshot(), snapshot(**changes))
    assert differs(snapshot(**changes), snapshot())


@pytest.mark.parametrize(
    "figure", ["memory_used_bytes", "utilization_percent", "temperature_celsius", "power_watts"]
)
def test_an_unknown_figure_is_not_zero(figure: str) -> None:
    assert differs(snapshot(**{figure: None}), snapshot(**{figure: 0}))
    assert not differs(snapshot(**{figure: None}), snapshot(**{figure: None}))


def test_the_first_look_is_given_to_whoever_waits_and_not_posted_too(bench: Bench) -> None:
    bench.job("some", JobState.PAUSED, step=5)
    posted: list[Message] = []
    feed = Feed(bench.store, posted.append)
    try:
        first = feed.start(10.0)
        assert isinstance(first, JobsChanged)
        assert [job.name for job in first.jobs] == ["some"]
    finally:
        feed.stop()
    assert not [message for message in posted if isinstance(message, JobsChanged)]


def test_without_anybody_who_waits_it_is_posted(bench: Bench) -> None:
    told = threading.Event()
    posted: list[Message] = []

    def post(message: Message) -> None:
        posted.append(message)
        if isinstance(message, JobsChanged):
            told.set()

    feed = Feed(bench.store, post)
    try:
        feed.start()
        assert told.wait(10)
    finally:
        feed.stop()


def test_a_jobs_folder_that_cannot_be_read_is_the_first_that_is_told(bench: Bench) -> None:
    bench.store.jobs_folder.rmdir()
    bench.store.jobs_folder.write_text("no folder")
    feed = Feed(bench.store, lambda message: None)
    try:
        first = feed.start(10.0)
    finally:
        feed.stop()
    assert isinstance(first, FeedFailed)
    assert "Not a directory" in first.message
