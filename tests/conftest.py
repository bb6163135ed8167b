"""Fixtures for every test: a home folder of its own, whose processes end with the test."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.files import read_json
from engine.lock import is_held
from engine.process import ProcessIdentity, send_signal
from engine.store import Store
from engine.workers import processes_of

SETTINGS = """\
idle_seconds = 1
poll_seconds = 0.05
stop_seconds = 0.4
release_seconds = 2
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A home folder whose jobs are run by `tests/pretend_worker.py`, quickly."""
    store = Store(tmp_path / "home")
    store.prepare()
    store.config_file.write_text(SETTINGS)
    monkeypatch.setenv("TUNEDECK_HOME", str(store.home))
    monkeypatch.setenv("TUNEDECK_WORKER", str(Path(__file__).with_name("pretend_worker.py")))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    yield store
    end_processes(store)


def supervisor_of(store: Store) -> ProcessIdentity | None:
    """The running supervisor, unless it is this very process."""
    record = read_json(store.supervisor_file) if is_held(store.supervisor_lock) else None
    if not record or record["pid"] == os.getpid():
        return None
    return ProcessIdentity(record["pid"], record["start_ticks"], record["boot_id"])


def end_processes(store: Store) -> None:
    """Kill the supervisor first, then every process of the jobs, by pid."""
    deadline = time.monotonic() + 10
    while is_held(store.supervisor_lock) and time.monotonic() < deadline:
        with contextlib.suppress(ValueError):
            if (supervisor := supervisor_of(store)) is not None:
                send_signal(supervisor, signal.SIGKILL)
        time.sleep(0.02)
    for job in store.jobs():
        for member in processes_of(job, None):
            send_signal(member, signal.SIGKILL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need a GPU are skipped by name where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    from engine.gpu import Telemetry

    with Telemetry() as telemetry:
        if telemetry.read().gpus:
            return
    for item in marked:
        item.add_marker(pytest.mark.skip(reason="no CUDA GPU here"))
