"""Following a job and asking something of it: lines, pace, endings, exit codes."""

import io
import itertools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import actions
from engine.cli import follow, main, words
from engine.cli.follow import Pace
from engine.job import Job
from engine.lock import Lock
from engine.status import Failure, JobState, JobStatus
from engine.store import Store
from tests.engine.cli_jobs import make_job

NOW = "2026-11-20T10:00:10.000Z"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A home whose supervisor is never started."""
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(actions, "ensure_supervisor", lambda store: None)
    monkeypatch.setattr(follow, "POLL_SECONDS", 0.02)
    return Store(tmp_path / "home")


@pytest.fixture
def played() -> Iterator[Callable[[Job, list[JobStatus]], None]]:
    """Plays a worker: holds the lock, stores one status after another, lets go at the end."""
    threads: list[threading.Thread] = []

    def play(job: Job, statuses: list[JobStatus]) -> None:
        held = Lock.take(job.worker_lock)
        assert held is not None

        def work() -> None:
            for status in statuses:
                job.write_status(status)
                time.sleep(0.15)
            held.close()

        threads.append(threading.Thread(target=work))
        threads[-1].start()

    yield play
    for thread in threads:
        thread.join()


# --- words and pace -------------------------------------------------------------------------------


def said(**fields: Any) -> str:
    return words.progress(JobStatus(**fields), NOW)


def test_progress_says_what_is_known_and_nothing_else() -> None:
    started = "2026-11-20T10:00:06.000Z"
    starting = JobState.STARTING
    assert said(state=starting, phase="importing", phase_started_at=started) == "importing 4s"
    assert said(state=starting, phase="tokenizing", phase_progress=0.4) == "tokenizing 40%"
    assert said(state=starting) == "starting"
    assert said(state=JobState.RUNNING, phase="training", total_steps=9) == "step 0/9"
    assert (
        said(
            state=JobState.RUNNING,
            phase="training",
            step=12,
            total_steps=350,
            loss=1.234,
            eval_loss=0.9,
            tokens_per_second=1830.4,
            eta_seconds=100,
        )
        == "step 12/350 loss 1.23 eval 0.9 1,830 tok/s eta 1m40s"
    )
    evaluating = said(state=JobState.RUNNING, phase="evaluating", phase_progress=0.5, step=3)
    assert evaluating == "step 3 · evaluating 50%"
    assert said(state=JobState.PAUSING, phase="saving", step=3) == "pausing · step 3 · saving"
    assert words.progress(JobStatus(), NOW, "behind 2 jobs") == "queued: behind 2 jobs"


def test_lines_are_never_further_apart_than_two_seconds() -> None:
    pace, printed = Pace(), []
    for tick in range(400):
        now = tick * 0.25
        if pace.due("training", f"step {tick // 40}", now):
            printed.append(now)
    gaps = [later - earlier for earlier, later in itertools.pairwise(printed)]
    assert max(gaps) <= 2.0
    assert min(gaps) >= follow.CHANGE_SECONDS


def test_a_new_landmark_is_said_at_once_and_a_long_wait_rarely() -> None:
    pace = Pace()
    assert pace.due("a", "x", 0.0)
    assert not pace.due("a", "y", 0.25)
    assert pace.due("b", "y", 0.5)
    printed = [t for t in range(1, 600) if pace.due("b", "y", float(t), may_rest=True)]
    assert len([t for t in printed if t > 60]) <= 10


# --- run and watch --------------------------------------------------------------------------------


def test_watch_prints_lines_until_the_job_is_complete(
    store: Store,
    played: Callable[[Job, list[JobStatus]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = make_job(store, JobState.QUEUED)
    running = JobStatus(state=JobState.RUNNING, phase="training", step=3, total_steps=5, loss=0.5)
    warned = JobStatus(state=JobState.RUNNING, phase="saving", step=3, warnings=("loss is high",))
    done = JobStatus(state=JobState.COMPLETED, step=5, total_steps=5, loss=0.25)
    starting = JobStatus(state=JobState.STARTING, phase="importing")
    played(job, [starting, running, warned, done])
    assert main(["watch", job.id]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert "importing" in lines
    assert "step 3/5 loss 0.5" in lines
    assert lines.count("warning: loss is high") == 1
    assert "completed after step 5/5 loss 0.25" in err


def test_watch_json_is_one_object_for_each_change(
    store: Store,
    played: Callable[[Job, list[JobStatus]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = make_job(store, JobState.QUEUED)
    played(job, [JobStatus(state=s) for s in (JobState.RUNNING, JobState.COMPLETED)])
    assert main(["watch", job.id, "--json"]) == 0
    out, err = capsys.readouterr()
    states = [json.loads(line)["state"] for line in out.splitlines()]
    assert states[-1] == "completed"
    assert len(states) == len(set(states))
    assert err == ""


@pytest.mark.parametrize(
    ("state", "code", "words_said"),
    [
        (JobState.COMPLETED, 0, "completed after"),
        (JobState.FAILED, 1, "out of memory"),
        (JobState.INTERRUPTED, 1, "was interrupted at step 7: the machine was restarted"),
        (JobState.PAUSED, 6, "tunedeck resume"),
        (JobState.CANCELLED, 6, "was cancelled"),
    ],
)
def test_the_end_of_the_followed_job_decides_the_exit_code(
    store: Store,
    capsys: pytest.CaptureFixture[str],
    state: JobState,
    code: int,
    words_said: str,
) -> None:
    failed = Failure(message="out of memory", hint="smaller batches")
    job = make_job(
        store,
        state,
        step=7,
        reason="the machine was restarted" if state is JobState.INTERRUPTED else None,
        error=failed if state is JobState.FAILED else None,
        log="Traceback: somewhere\n",
    )
    assert main(["watch", job.id]) == code
    err = capsys.readouterr().err
    assert words_said in err
    assert ("Traceback: somewhere" in err) is (code == 1)


def test_an_interruption_seen_once_is_no_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    job = make_job(store, JobState.RUNNING)
    seen = iter([JobState.INTERRUPTED, JobState.RUNNING])
    monkeypatch.setattr(Job, "observed", lambda self: JobStatus(state=next(seen)))
    assert follow.steady(job).state is JobState.RUNNING


def test_ctrl_c_leaves_the_job_running(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.QUEUED)

    def pressed(self: Job) -> JobStatus:
        raise KeyboardInterrupt

    monkeypatch.setattr(Job, "observed", pressed)
    assert main(["watch", job.id]) == 0
    assert f"tunedeck watch {job.id}" in capsys.readouterr().err


def test_run_submits_prints_the_id_and_follows(
    store: Store,
    tmp_path: Path,
    played: Callable[[Job, list[JobStatus]], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 3)
    done = JobStatus(state=JobState.COMPLETED)
    monkeypatch.setattr(actions, "ensure_supervisor", lambda s: played(s.jobs()[0], [done]))
    assert main(["run", "my.jsonl", "--model", "org/model", "--set", "adapter.r=4"]) == 0
    out, err = capsys.readouterr()
    [job] = store.jobs()
    assert out == job.id + "\n"
    assert "-my-" in job.id
    assert "warning: only 3 rows" in err
    assert "r: 4" in job.spec_file.read_text()


def test_submit_prints_the_id_and_nothing_else(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 3)
    (tmp_path / "my.yaml").write_text("model: {name: org/m}\ndata: {train: my.jsonl}\n")
    assert main(["submit", str(tmp_path / "my.yaml"), "--name", "second"]) == 0
    out = capsys.readouterr().out
    [job] = store.jobs()
    assert out == job.id + "\n"
    assert "second" in job.id
    assert main(["submit", str(tmp_path / "my.yaml"), "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["state"] == "queued"
    assert shown.err == ""


def test_a_terminal_gets_one_line_that_is_rewritten() -> None:
    class Terminal(io.StringIO):
        def fileno(self) -> int:
            return 2

    stream = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "get_terminal_size", lambda fd=1: os.terminal_size((20, 24)))
        lines = follow.Lines(stream, live=True)
        lines.show(JobStatus(state=JobState.RUNNING, phase="training", step=1, loss=2.0), "")
        lines.note("a warning")
        lines.end()
    assert stream.getvalue() == "\r\x1b[2Kstep 1 loss 2\r\x1b[2Ka warning\n"


# --- pause, resume, cancel, rm --------------------------------------------------------------------


def test_waiting_ends_with_the_state_that_was_asked_for(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.QUEUED)
    assert main(["pause", job.id, "--wait", "--timeout", "5"]) == 0
    assert job.stored().state is JobState.PAUSED
    assert main(["resume", job.id]) == 0
    assert job.stored().state is JobState.QUEUED
    assert main(["cancel", job.id, "--wait"]) == 0
    assert job.stored().state is JobState.CANCELLED
    assert capsys.readouterr().out == ""


def test_a_wait_that_takes_too_long_exits_124_and_the_request_stands(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.PAUSED)
    assert main(["resume", job.id, "--wait", "--timeout", "0.3"]) == 124
    assert "is still queued after 0.3 s" in capsys.readouterr().err
    assert job.stored().state is JobState.QUEUED


def test_another_settled_state_than_the_one_waited_for_exits_4(
    store: Store,
    played: Callable[[Job, list[JobStatus]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = make_job(store, JobState.RUNNING)
    played(job, [JobStatus(state=JobState.RUNNING), JobStatus(state=JobState.COMPLETED)])
    assert main(["pause", job.id, "--wait", "--timeout", "20"]) == 4
    assert "is completed" in capsys.readouterr().err


def test_several_jobs_are_all_asked_and_the_first_failure_is_the_exit_code(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    done = make_job(store, JobState.COMPLETED, name="done")
    one = make_job(store, JobState.QUEUED, name="one")
    two = make_job(store, JobState.QUEUED, name="two")
    assert main(["pause", done.id, one.id, two.id, "--json"]) == 4
    out, err = capsys.readouterr()
    assert [shown["id"] for shown in json.loads(out)] == [one.id, two.id]
    assert json.loads(err)["exit_code"] == 4
    assert main(["cancel", one.id, "nope"]) == 3
    assert one.stored().state is JobState.PAUSED, "an unknown name stops all"


def test_rm_asks_on_a_terminal_and_refuses_without_one(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.COMPLETED)
    assert main(["rm", job.id]) == 2
    assert "--yes" in capsys.readouterr().err
    monkeypatch.setattr("engine.cli.remove.on_terminal", lambda stream: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["rm", job.id]) == 0
    assert job.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["rm", job.id]) == 0
    assert not job.exists()
