"""`ls --line`: all jobs in a few letters of a status bar."""

from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.ls import status_bar
from engine.errors import MachineError
from engine.lock import Lock
from engine.status import JobState, JobStatus
from engine.store import Store
from tests.engine.cli_jobs import make_job, tunedeck

NOW = "2026-11-20T10:00:00.000Z"
RUNS = "2026-11-20-gsm8k-7f3a"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    return Store(tmp_path / "home")


def running(**fields: object) -> JobStatus:
    known: dict[str, object] = {"step": 160, "total_steps": 350, "eta_seconds": 750.0}
    return JobStatus(state=JobState.RUNNING, **{**known, **fields})  # type: ignore[arg-type]


def bar(*jobs: tuple[str, JobStatus], ascii_only: bool = False) -> str:
    return status_bar(jobs, NOW, ascii_only=ascii_only)


def test_a_bar_counts_the_jobs_and_names_the_one_that_runs() -> None:
    jobs = [
        (RUNS, running()),
        ("2026-11-20-a-0001", JobStatus(state=JobState.PAUSED)),
        ("2026-11-20-b-0002", JobStatus(state=JobState.QUEUED)),
        ("2026-11-20-c-0003", JobStatus(state=JobState.QUEUED)),
        ("2026-11-20-d-0004", JobStatus(state=JobState.INTERRUPTED)),
        ("2026-11-20-e-0005", JobStatus(state=JobState.COMPLETED)),
    ]
    assert bar(*jobs) == "▶1 ○2 ‖1 !1 · gsm8k 45% 12m"
    assert bar(*jobs, ascii_only=True) == ">1 o2 =1 !1 - gsm8k 45% 12m"
    assert bar() == bar(jobs[-1]) == "idle"


def test_what_failed_is_news_for_a_day() -> None:
    def failed(at: str) -> tuple[str, JobStatus]:
        return "2026-11-19-x-0001", JobStatus(state=JobState.FAILED, ended_at=at)

    assert bar(failed("2026-11-19T10:30:00.000Z")) == "✗1"
    assert bar(failed("2026-11-19T09:30:00.000Z")) == "idle"


def test_before_its_first_step_a_bar_says_what_a_job_does() -> None:
    loads = JobStatus(state=JobState.STARTING, phase="loading model")
    assert bar((RUNS, loads)) == "▶1 · gsm8k loading model"
    pauses = JobStatus(state=JobState.PAUSING, step=1, total_steps=4)
    assert bar((RUNS, pauses)) == "▶1 · gsm8k 25% pausing"
    assert bar((RUNS, running(step=350, eta_seconds=7300))) == "▶1 · gsm8k 99% 2h"


def test_the_job_that_started_last_is_named() -> None:
    early = running(started_at="2026-11-20T08:00:00.000Z")
    late = running(started_at="2026-11-20T09:00:00.000Z", step=7)
    assert "· late 2%" in bar(("2026-11-20-late-0001", late), ("2026-11-20-soon-0002", early))


def test_a_bar_is_observed_like_any_other_list(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.RUNNING, name="busy", step=5, total_steps=10)
    assert main(["ls", "--line"]) == 0
    assert capsys.readouterr().out == "!1\n", "nobody holds its lock"
    held = Lock.take(job.worker_lock)
    assert held is not None
    with held:
        assert main(["ls", "--line"]) == 0
    assert capsys.readouterr().out == "▶1 · busy 50%\n"


def test_where_glyphs_cannot_be_written_a_bar_is_ascii(store: Store) -> None:
    make_job(store, JobState.PAUSED, name="rests")
    found = tunedeck(store.home, "ls", "--line", encoding="ascii")
    assert (found.returncode, found.stdout) == (0, "=1\n")
    assert tunedeck(store.home, "ls", "--ascii").stdout.splitlines()[1].startswith("= paused")


def test_an_error_is_a_few_words_in_the_bar_and_its_exit_code(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(self: Store) -> list[object]:
        raise MachineError("/a/very/long/home/jobs cannot be read: " + "no " * 60, "a hint")

    monkeypatch.setattr(Store, "jobs", unreadable)
    assert main(["ls", "--line"]) == 5
    out, err = capsys.readouterr()
    assert out.startswith("tunedeck: /a/very/long/home/jobs cannot be read")
    assert len(out) <= 61
    assert err == ""
