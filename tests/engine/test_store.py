import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import JobNotFound, MachineError, StateError
from engine.job import ID_PATTERN, Job
from engine.lock import Lock
from engine.status import JobStatus
from engine.store import Store, new_id, slug


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def made(store: Store, name: str, created_at: str = "2026-01-01T00:00:00Z") -> Job:
    def fill(job: Job) -> None:
        job.spec_file.write_text("")
        job.write_status(JobStatus(created_at=created_at))

    return store.create(name, fill)


def placed(store: Store, job_id: str, created_at: str = "2026-01-01T00:00:00Z") -> Job:
    job = Job(store.jobs_folder / job_id)
    job.folder.mkdir(parents=True)
    job.spec_file.write_text("")
    job.write_status(JobStatus(created_at=created_at))
    return job


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GSM8K Qwen3!", "gsm8k-qwen3"),
        ("../../etc", "etc"),
        ("日本語", "job"),
        ("a" * 99, "a" * 40),
    ],
)
def test_any_name_becomes_a_folder_name(name: str, expected: str) -> None:
    assert slug(name) == expected
    made_id = new_id(name, datetime(2026, 11, 20, tzinfo=UTC), "7f3a")
    assert made_id == f"2026-11-20-{expected}-7f3a"
    assert ID_PATTERN.fullmatch(made_id)


def test_a_job_is_seen_only_when_it_is_whole(store: Store) -> None:
    def fill(job: Job) -> None:
        assert store.jobs() == []
        job.spec_file.write_text("")

    job = store.create("whole", fill)
    assert store.jobs() == [job]
    assert job.exists()
    assert job.folder.stat().st_mode & 0o077 == 0


def test_a_job_that_cannot_be_built_leaves_nothing(store: Store) -> None:
    def fill(job: Job) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.create("half", fill)
    assert list(store.jobs_folder.iterdir()) == []


def test_a_new_job_survives_a_power_loss(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("engine.store.sync_folder", synced.append)
    made(store, "a")
    assert synced == [store.jobs_folder]


def test_a_job_is_found_by_id_digits_name_and_prefix(store: Store) -> None:
    first = placed(store, "2026-01-01-gsm8k-aaaa")
    second = placed(store, "2026-01-02-gsm8k-bbbb", "2026-01-02T00:00:00Z")
    third = placed(store, "2026-01-02-alpaca-cccc")
    assert store.find(first.id) == first
    assert store.find("BBBB") == second
    assert store.find("alpaca") == third
    assert store.find("2026-01-01") == first
    assert store.find("-") == second


@pytest.mark.parametrize(
    ("name", "said"),
    [("gsm8k", "any of 2 jobs"), ("2026", "any of 3"), ("nope", "no job"), ("", "no job")],
)
def test_an_unknown_or_ambiguous_name_says_so(store: Store, name: str, said: str) -> None:
    for job_id in ("2026-01-01-gsm8k-aaaa", "2026-01-02-gsm8k-bbbb", "2026-01-02-alpaca-cccc"):
        placed(store, job_id)
    with pytest.raises(JobNotFound, match=said) as unknown:
        store.find(name)
    assert unknown.value.exit_code == 3


def test_an_empty_home_has_no_jobs(store: Store) -> None:
    assert store.jobs() == []
    with pytest.raises(JobNotFound, match="no jobs yet"):
        store.find("-")


def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(MachineError, match="cannot be written"):
            made(Store(home), "a")


def test_remove_is_refused_while_a_worker_or_an_export_lives(store: Store) -> None:
    job = made(store, "a")
    for path in (job.worker_lock, job.export_lock):
        with Lock.take(path) or pytest.fail("the lock is free"), pytest.raises(StateError):
            store.remove(job)
    store.remove(job)
    assert list(store.jobs_folder.iterdir()) == []


def test_nobody_takes_a_job_while_it_is_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = made(store, "a")
    rename = Path.rename

    def renaming(path: Path, target: Path) -> Path:
        assert Lock.take(job.worker_lock, patience_seconds=0) is None
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", renaming)
    store.remove(job)


def test_many_at_once_make_as_many_jobs(store: Store) -> None:
    threads = [threading.Thread(target=made, args=(store, "same")) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.jobs()) == 20


def test_the_home_is_the_users_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path))
    assert Store().home == tmp_path
    monkeypatch.delenv("TUNEDECK_HOME")
    monkeypatch.setitem(os.environ, "XDG_DATA_HOME", str(tmp_path / "data"))
    assert "tunedeck" in str(Store().home)


def test_a_job_is_found_by_what_the_lists_call_it(store: Store) -> None:
    first = store.create("alpha", lambda job: None)
    store.create("alpha", lambda job: None)
    assert store.find(first.id.split("-", 3)[3]) == first
