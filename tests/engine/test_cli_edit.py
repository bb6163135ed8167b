"""`tunedeck edit`: what it lists, shows, asks, writes and refuses."""

import json
import os
import sys
from typing import Any

import pexpect
import pytest

from engine import edits
from engine.cli import main
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from tests.engine.test_edits import make_job


@pytest.fixture
def job(home: Store) -> Job:
    return make_job(home)


def edit(job: Job, *arguments: str) -> int:
    return main(["edit", job.id, *arguments])


def test_without_changes_it_lists_what_can_be_edited(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(job) == 0
    printed = capsys.readouterr()
    line = next(one for one in printed.out.splitlines() if one.startswith("training.eval_steps"))
    assert "a tenth of the run (default)" in line
    assert f"tunedeck edit {job.id} --set" in printed.err
    assert edit(job, "--json") == 0
    listed = {one["field"]: one for one in json.loads(capsys.readouterr().out)}
    assert listed["training.learning_rate"]["value"] == 2e-4


def test_yes_writes_and_says_what_will_be_true(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(job, "--yes", "--set", "training.per_device_train_batch_size=2") == 0
    printed = capsys.readouterr()
    table = [line.split() for line in printed.out.splitlines()]
    assert table[1] == ["training.per_device_train_batch_size", "4", "->", "2"]
    assert table[2][:4] == ["training.gradient_accumulation_steps", "4", "->", "8"]
    assert "keeps 16 rows a step" in printed.out
    assert f"edited; `tunedeck resume {job.id}` goes on with it" in printed.err
    assert edits.effective(job).training["gradient_accumulation_steps"] == 8
    again = edit(job, "--yes", "--set", "training.per_device_train_batch_size=2")
    assert (again, "nothing to change" in capsys.readouterr().err) == (0, True)
    assert len(edits.read(job)) == 1


def test_status_names_what_was_edited(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit(job, "--yes", "--set", "training.weight_decay=0.1") == 0
    assert main(["status", job.id]) == 0
    assert "edited       training.weight_decay the default -> 0.1" in capsys.readouterr().out


def test_a_dry_run_writes_nothing(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit(job, "--dry-run", "--json", "--set", "training.max_steps=100") == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (shown["id"], shown["applied"]) == (job.id, False)
    assert shown["changes"] == {"training.max_steps": {"before": None, "after": 100}}
    assert shown["total_steps"] == {"before": 30, "after": 100}
    assert shown["consequences"]
    assert not job.edits_file.exists()


def test_json_says_that_it_was_applied(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    assert edit(job, "-y", "--json", "--set", "training.lr_scheduler_kwargs={num_cycles: 2}") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["applied"]
    assert edits.effective(job).training["lr_scheduler_kwargs"] == {"num_cycles": 2}


def test_nobody_to_ask_is_wrong_usage_and_a_wrong_edit_is_said_first(
    job: Job, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115
    assert edit(job, "--set", "training.learning_rate=1e-4") == 2
    assert "add --yes" in capsys.readouterr().err
    assert edit(job, "--set", "training.seed=1") == 2
    assert "training.seed: cannot be edited" in capsys.readouterr().err
    assert not job.edits_file.exists()


def test_exit_codes_tell_a_wrong_edit_from_a_wrong_moment(
    home: Store, job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(job, "--yes", "--json", "--set", "training.lr=1", "--set", "model.name=x") == 2
    error = json.loads(capsys.readouterr().err)
    assert [one["field"] for one in error["problems"]] == ["training.lr", "model.name"]
    completed = make_job(home, JobState.COMPLETED)
    assert edit(completed, "--yes", "--set", "training.learning_rate=1e-4") == 4
    assert main(["edit", "nowhere", "--yes", "--set", "training.learning_rate=1e-4"]) == 3


@pytest.mark.parametrize(("answer", "written"), [("y", 1), ("n", 0), ("", 0)])
def test_on_a_terminal_it_asks(job: Job, answer: str, written: int) -> None:
    command = ["-m", "engine.cli", "edit", job.id, "--set", "training.learning_rate=1e-4"]
    with pexpect.spawn(sys.executable, command, encoding="utf-8", timeout=60) as terminal:
        terminal.expect("training.learning_rate")
        terminal.expect(rf"edit {job.id}\? \[y/N\] ")
        terminal.sendline(answer)
        terminal.expect("edited; `tunedeck resume" if written else "left as it was")
        terminal.expect(pexpect.EOF)
    assert len(edits.read(job)) == written
