import threading
import time
from pathlib import Path

from engine.folder_events import FolderEvents
from engine.lock import Lock
from engine.metrics import MetricsWriter
from engine.status import JobState
from engine.watch import SETTLED_RE_READ_SECONDS, JobFollower, JobsWatch, read_tail
from tests.tui import builder
from tests.tui.builder import Bench

S = JobState


def test_a_look_tells_only_what_changed(bench: Bench) -> None:
    watch = JobsWatch(bench.store)
    assert watch.look(0.0) == ()
    assert watch.look(0.0) is None
    job = bench.job("one", S.RUNNING, step=3)
    seen = watch.look(1.0)
    assert seen is not None
    assert [(view.name, view.method, view.model) for view in seen] == [
        ("one", "sft", "Qwen/Qwen3-0.6B")
    ]
    assert watch.look(1.0) is None
    bench.set(job, step=4)
    changed = watch.look(2.0)
    assert changed is not None
    assert changed[0].status.step == 4
    bench.store.remove(bench.job("two", S.COMPLETED))
    bench.die(job)
    dead = watch.look(3.0)
    assert dead is not None
    assert dead[0].state is S.INTERRUPTED


def test_a_heartbeat_alone_is_no_change(bench: Bench) -> None:
    job = bench.job("one", S.RUNNING, step=3)
    watch = JobsWatch(bench.store)
    watch.look(0.0)
    bench.set(job, updated_at=builder.stamp(0))
    assert watch.look(1.0) is None


def test_settled_jobs_are_read_again_when_old_or_when_asked(bench: Bench) -> None:
    job = bench.job("done", S.FAILED, step=3)
    watch = JobsWatch(bench.store)
    watch.look(0.0)
    bench.set(job, step=5)
    assert watch.look(1.0) is None
    assert watch.look(SETTLED_RE_READ_SECONDS + 1) is not None
    bench.set(job, step=6)
    assert watch.look(SETTLED_RE_READ_SECONDS + 2, everything=True) is not None


def test_only_unsettled_jobs_are_active(bench: Bench) -> None:
    bench.job("done", S.COMPLETED)
    active = {
        bench.job(f"is-{s}", s).folder for s in (S.QUEUED, S.RUNNING, S.PAUSED, S.INTERRUPTED)
    }
    watch = JobsWatch(bench.store)
    watch.look(0.0)
    assert set(watch.active_folders()) == active


def test_a_job_without_a_readable_spec_is_still_a_job(bench: Bench) -> None:
    job = bench.job("odd", S.PAUSED)
    job.spec_file.write_text("{[not yaml")
    seen = JobsWatch(bench.store).look(0.0)
    assert seen is not None
    assert seen[0].name == job.id


def test_a_follower_gives_what_grew_and_then_nothing(bench: Bench) -> None:
    job = bench.job("one", S.RUNNING, step=20, total=100, checkpoint=10)
    follower = JobFollower(job)
    curves = follower.metrics()
    assert curves is not None
    assert len(curves.points("train", "loss")[0]) == 20
    readings, lines, details = follower.memory(), follower.log(), follower.details()
    assert readings is not None
    assert lines is not None
    assert details is not None
    assert lines[-1] == "100%|██████████| saving"
    assert [one.step for one in details.checkpoints] == [10]
    assert (follower.metrics(), follower.memory(), follower.log()) == (None, None, None)
    assert follower.details() is None
    writer = MetricsWriter(job.metrics_file, 2)
    writer.resumed(10)
    writer.close()
    again = follower.metrics()
    assert again is not None
    assert len(again.points("train", "loss")[0]) == 10


def test_an_export_whose_process_is_gone_has_failed(bench: Bench) -> None:
    job = bench.job("one", S.COMPLETED, step=20, checkpoint=20)
    builder.export(job, "merged", state="running", progress=0.5)
    held = Lock.take(job.export_lock)
    assert held is not None
    follower = JobFollower(job)
    details = follower.details()
    assert details is not None
    assert details.exports[0].running
    held.close()
    later = follower.details()
    assert later is not None
    assert later.exports[0].state == "failed"


def test_a_tail_is_cut_at_whole_clean_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"first\n" + b"x" * 5000 + b"\n\x1b[31mred\x1b[0m\tend\r\n\xff\xfe\nhalf")
    lines = read_tail(log, 4096)
    assert lines[-3:] == ["red end", "\ufffd\ufffd", "half"]
    assert all(len(line) <= 4096 for line in lines)
    assert read_tail(tmp_path / "none.txt", 10) == []


def test_folder_events_come_soon_and_for_the_folders_asked_for(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    called = threading.Event()
    events = FolderEvents(called.set)
    try:
        for folder in (first, second):
            events.watch([folder, tmp_path / "not-there"])
            deadline = time.monotonic() + 10
            while not called.is_set() and time.monotonic() < deadline:
                (folder / "file").write_text(str(time.monotonic()))
                time.sleep(0.05)
            assert called.is_set()
            called.clear()
    finally:
        events.close()
    assert not any(thread.name == "folder-events" for thread in threading.enumerate())
