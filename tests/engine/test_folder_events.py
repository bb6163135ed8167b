import threading
from pathlib import Path

import pytest

from engine.folder_events import FolderEvents


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "folder-events"]


def test_a_change_calls_back_and_close_ends_the_thread(tmp_path: Path) -> None:
    changed = threading.Event()
    events = FolderEvents(changed.set)
    try:
        events.watch([tmp_path])
        for attempt in range(100):  # the watch begins a moment after the call
            (tmp_path / f"{attempt}").touch()
            if changed.wait(0.1):
                break
        assert changed.is_set()
        assert events.working
    finally:
        events.close()
    assert not watching()


def test_closing_just_before_the_thread_starts_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about_to_start, closed = threading.Event(), threading.Event()
    start = threading.Thread.start

    def start_late(thread: threading.Thread) -> None:
        if thread.name == "folder-events":
            about_to_start.set()
            closed.wait(10)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_late)
    events = FolderEvents(lambda: None)
    other = threading.Thread(target=events.watch, args=([tmp_path],))
    other.start()
    assert about_to_start.wait(10)
    events.close()
    closed.set()
    other.join()
    for thread in watching():
        thread.join(timeout=10)
    assert not watching()


def test_a_closed_watch_does_not_begin_again(tmp_path: Path) -> None:
    events = FolderEvents(lambda: None)
    events.close()
    events.watch([tmp_path])
    assert not watching()
