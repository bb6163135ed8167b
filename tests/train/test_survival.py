"""Training outlives every terminal, deck and supervisor, and the next ones take it over."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pexpect
import pytest

from engine.files import read_json
from engine.job import Job
from engine.status import JobState
from tests.train import tiny
from tests.train.runs import Deadline, Home, until, until_state, until_step


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


def _spec(folder: Path) -> dict[str, Any]:
    return {
        "name": "long",
        "model": {"name": str(tiny.write_model(folder / "model")), "initialize": "random"},
        "data": {"train": str(tiny.write_chats(folder / "data.jsonl", 120))},
        "training": {
            "per_device_train_batch_size": 2,
            "max_steps": 20000,
            "save_steps": 10000,
            "learning_rate": 1e-4,
        },
        "compute": {"gpus": 0, "threads": 1},
    }


def _in_terminal(home: Home, *arguments: str) -> Any:
    """A program on a real pseudo-terminal whose output is always read."""
    child = pexpect.spawn(
        sys.executable,
        ["-P", "-m", *arguments],
        env={**os.environ, "TUNEDECK_HOME": str(home.store.home), "TERM": "xterm-256color"},
        dimensions=(40, 120),
        timeout=None,
    )

    def drain() -> None:
        with contextlib.suppress(pexpect.EOF, OSError, ValueError):
            while True:
                child.read_nonblocking(65536, timeout=None)

    threading.Thread(target=drain, daemon=True).start()
    return child


def _goes_on(job: Job) -> None:
    """Some more steps are trained by the very same process."""
    before = job.observed()
    until(job, lambda status: status.step > before.step + 3, "more steps")
    assert job.observed().pid == before.pid
    assert job.observed().state is JobState.RUNNING


def test_training_survives_terminal_deck_and_supervisor(home: Home, tmp_path: Path) -> None:
    job = home.submit(_spec(tmp_path))
    until_step(job, 3)

    following = _in_terminal(home, "engine.cli", "watch", job.id)
    deck = _in_terminal(home, "tui", "--job", job.id)
    _goes_on(job)
    following.close(force=False)
    os.kill(deck.pid, signal.SIGKILL)
    _goes_on(job)

    supervisor = (read_json(home.store.supervisor_file) or {})["pid"]
    os.kill(supervisor, signal.SIGKILL)
    _goes_on(job)
    (shown,) = orjson.loads(home.call("ls", "--json").stdout)
    assert (shown["id"], shown["state"]) == (job.id, "running")

    deck = _in_terminal(home, "tui", "--job", job.id)
    try:
        _press(deck, job, "p", JobState.PAUSED)
        assert job.observed().checkpoint_step == job.observed().step
        _press(deck, job, "r", JobState.RUNNING)
        _press(deck, job, "xy", JobState.CANCELLED)
        deck.send("q")
        deck.wait()
        assert deck.exitstatus == 0
    finally:
        deck.close(force=True)


def _press(deck: Any, job: Job, keys: str, state: JobState) -> None:
    """Press keys, again until the deck has been painted and takes them."""
    moving = {JobState.PAUSING, JobState.CANCELLING, JobState.QUEUED, JobState.STARTING, state}
    for _ in range(20):
        for key in keys:
            deck.send(key)
            time.sleep(0.3)
        with contextlib.suppress(Deadline):
            until(job, lambda status: status.state in moving, f"the key {keys}", seconds=2)
            break
    until_state(job, state)
