"""What is on the screens of a job, as lines and as data: history, checkpoints, exports, log."""

import json
from pathlib import Path

import pytest
import yaml

from engine import edits
from engine.checkpoints import commit
from engine.cli import main
from engine.edits import Edit
from engine.files import LineAppender, write_json
from engine.status import JobState
from engine.store import Store
from tests.engine.cli_jobs import make_job


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TZ", "UTC")
    return Store(tmp_path / "home")


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    return capsys.readouterr().out


def test_history_says_what_happened_and_when(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.PAUSED)
    job.append_event("state", state="running", step=0, reason=None, attempt=1)
    job.append_event("checkpoint", step=7, size_bytes=2048)
    job.append_event("warning", message="\x1b[31mthe loss is high")
    first, second, third = out(capsys, "history", job.id).splitlines()
    assert first.endswith("  running")
    assert "checkpoint 7 saved" in second
    assert third.endswith("  the loss is high")
    events = json.loads(out(capsys, "history", job.id, "--json"))
    assert [event["kind"] for event in events] == ["state", "checkpoint", "warning"]
    assert events[1]["step"] == 7
    assert events[0]["words"] == "running"
    assert events[0]["time"].endswith("Z")


def test_a_job_without_a_history_is_no_error(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.QUEUED)
    for verb, words in (
        ("history", "nothing is known"),
        ("checkpoints", "no checkpoint yet"),
        ("exports", "no export yet"),
    ):
        assert main([verb, job.id]) == 0
        shown = capsys.readouterr()
        assert (shown.out, words in shown.err) == ("", True)
        assert json.loads(out(capsys, verb, job.id, "--json")) == []


def test_checkpoints_name_the_newest_the_best_and_what_was_set_aside(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.PAUSED)
    for step, loss in ((10, 0.9), (20, 0.5), (30, 0.7)):
        folder = job.checkpoints / f"checkpoint-{step}"
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"x" * 1024)
        commit(folder, step, {"eval_loss": loss})
    (job.checkpoints / "rejected-5-model-has-other-content").mkdir()
    lines = out(capsys, "checkpoints", job.id).splitlines()
    assert [line.split()[0] for line in lines] == ["step", "10", "20", "30", "5"]
    assert "best" in lines[2]
    assert "0.5" in lines[2]
    assert "1.0 KiB" in lines[2]
    assert "newest" in lines[3]
    assert "set aside: model has other content" in lines[4]
    found = json.loads(out(capsys, "checkpoints", job.id, "--json"))
    good = [one for one in found if one["committed"]]
    assert [(one["step"], one["best"], one["newest"]) for one in good] == [
        (10, False, False),
        (20, True, False),
        (30, False, True),
    ]
    assert Path(good[0]["path"]).is_dir()
    assert found[-1]["why"] == "model has other content"


def test_exports_tell_their_state_and_why_one_failed(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.COMPLETED)
    for kind, facts in (
        ("adapter", {"state": "completed", "checkpoint_step": 30}),
        ("merged", {"state": "failed", "error": {"message": "the disk is full"}}),
    ):
        job.export_folder(kind).mkdir(parents=True)
        write_json(job.export_folder(kind) / "export.json", facts)
    _, adapter, merged = out(capsys, "exports", job.id).splitlines()
    assert adapter.split()[:3] == ["adapter", "completed", "30"]
    assert "the disk is full" in merged
    found = json.loads(out(capsys, "exports", job.id, "--json"))
    assert [(one["kind"], one["state"]) for one in found] == [
        ("adapter", "completed"),
        ("merged", "failed"),
    ]
    assert found[0]["path"] == str(job.export_folder("adapter"))


def test_log_lines_come_as_objects_when_asked(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.COMPLETED, log='say "a"\n10%\r100%\n')
    for flags in (["--json"], ["--json", "-f"]):
        lines = out(capsys, "logs", job.id, *flags).splitlines()
        assert [json.loads(line) for line in lines] == [{"line": 'say "a"'}, {"line": "100%"}]


def test_the_spec_in_force_can_be_submitted_again(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.PAUSED)
    change = {"training.learning_rate": {"before": None, "after": 0.5}}
    edits.append(job, Edit(at="2026-11-21T00:00:00Z", by="cli", at_step=1, changes=change))
    assert main(["spec", job.id]) == 0
    shown = capsys.readouterr()
    assert yaml.safe_load(shown.out)["training"]["learning_rate"] == 0.5
    assert "training.learning_rate" in shown.err
    given = json.loads(out(capsys, "spec", job.id, "--json"))
    assert given["training"]["learning_rate"] == 0.5
    job.spec_file.write_text("{[")
    assert main(["spec", job.id]) == 2
    assert capsys.readouterr().out == ""


def test_samples_show_answers_before_and_after(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job(store, JobState.COMPLETED)
    assert json.loads(out(capsys, "samples", job.id, "--json")) == []
    assert main(["samples", job.id]) == 0
    assert "no `samples` section" in capsys.readouterr().err
    answer = {"prompt": "What is 1+1?", "expected": "2", "answer": "a fish"}
    lines = LineAppender(job.samples_file)
    lines.append({"when": "before", "eval_loss": 4.5, "exact_match": 0.0, "answers": [answer]})
    right = {**answer, "answer": "2"}
    lines.append({"when": "after", "eval_loss": 0.5, "exact_match": 1.0, "answers": [right]})
    lines.close()
    shown = out(capsys, "samples", job.id)
    assert "a fish" in shown
    assert "100.0%" in shown
    assert [one["when"] for one in json.loads(out(capsys, "samples", job.id, "--json"))] == [
        "before",
        "after",
    ]
