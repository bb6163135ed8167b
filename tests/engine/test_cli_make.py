"""`init`, data in place of a spec, `plan`, `export`, the demo's table, `doctor`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import actions, launch, spec
from engine.cli import main, outcome
from engine.files import write_json
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from tests.engine.cli_jobs import add_checkpoint, make_job

QA = '{"task": "a?", "response": "b"}\n'


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(actions, "ensure_supervisor", lambda store: None)
    monkeypatch.chdir(tmp_path)
    return Store(tmp_path / "home")


# --- init -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "method", "format", "columns"),
    [
        ("qa.jsonl", QA * 60, "sft", "prompt-completion", {"prompt": "task"}),
        ("pc.csv", "prompt,completion\n" + "a,b\n" * 60, "sft", "prompt-completion", {}),
        ("book.txt", "one\n\ntwo\n", "pretrain", "text", {}),
        ("no way: x.json", '[{"instruction": "a", "output": "b"}]', "sft", "alpaca", {}),
        ("org.jsonl", '{"body": "some text"}\n', "sft", "text", {"text": "body"}),
        ("p.jsonl", '{"prompt": "a", "chosen": "b", "rejected": "c"}\n', "dpo", "preference", {}),
        ("q.jsonl", '{"prompt": "a"}\n', "grpo", "question", {}),
    ],
)
def test_init_writes_a_spec_that_reads_back_and_plans(
    store: Store,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: str,
    method: str,
    format: str,
    columns: dict[str, str],
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["init", name, "-o", "made.yaml", "--model", "org/model"]) == 0
    assert capsys.readouterr().out == "tunedeck run made.yaml\n"
    made = spec.load(tmp_path / "made.yaml")
    assert made.data.train == str(tmp_path / name)
    assert made.data.format == format
    assert made.method == (method if format != "text" else "pretrain")
    assert columns.items() <= made.data.columns.items()
    assert made.model.name == "org/model"
    assert (made.data.eval == 0.05) is (content.count("\n") > 40)
    assert main(["plan", "made.yaml"]) == 0


def test_init_does_not_overwrite_and_can_print(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "qa.jsonl").write_text(QA)
    (tmp_path / "qa.yaml").write_text("precious")
    assert main(["init", "qa.jsonl"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / "qa.yaml").read_text() == "precious"
    assert main(["init", "qa.jsonl", "-o", "-"]) == 0
    assert "tunedeck run qa.yaml" in capsys.readouterr().out
    assert main(["init", "qa.jsonl", "--force"]) == 0
    assert spec.load(tmp_path / "qa.yaml").name == "qa"


def test_init_says_what_is_wrong_with_the_data(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.jsonl").touch()
    judged = '{"prompt": "a", "completion": "b", "label": false}\n'
    (tmp_path / "judged.jsonl").write_text(judged)
    (tmp_path / "half.jsonl").write_text('{"prompt": "a", "completion": "b"}\n{"prompt"\n')
    for name, words in (
        ("empty.jsonl", "no rows"),
        ("gone.jsonl", "no such file"),
        ("judged.jsonl", "which the method sft does not learn from"),
        ("half.jsonl", "line 2: not JSON"),
    ):
        assert main(["init", name, "-o", "made.yaml"]) == 2
        assert words in capsys.readouterr().err
        assert not (tmp_path / "made.yaml").exists()


# --- data in place of a spec ----------------------------------------------------------------------


def test_data_needs_a_model_and_a_spec_needs_none(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "qa.jsonl").write_text(QA)
    (tmp_path / "qa.json").write_text(f"[{QA.strip()}]")
    (tmp_path / "s.yaml").write_text("model: {name: org/m}\ndata: {train: qa.jsonl}\n")
    for arguments, words in (
        (["submit", "qa.jsonl"], "add --model NAME"),
        (["submit", "qa.json"], "add --model NAME"),
        (["submit", "s.yaml", "--model", "org/x"], "--set model.name=NAME"),
    ):
        assert main(arguments) == 2
        assert words in capsys.readouterr().err


def test_advice_about_columns_comes_as_flags_where_there_is_no_spec(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "qa.jsonl").write_text(QA)
    assert main(["submit", "qa.jsonl", "--model", "org/m"]) == 2
    err = capsys.readouterr().err
    flag = "--set 'data.columns={prompt: task, completion: response}'"
    assert flag in err
    override = flag.removeprefix("--set ").strip("'")
    assert main(["submit", "qa.jsonl", "--model", "org/m", "--set", override]) == 0


def test_plan_prints_facts_or_an_object(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.jsonl").write_text('{"prompt": "a", "completion": "b"}\n' * 20)
    arguments = ["plan", "t.jsonl", "--model", "org/m", "--set", "data.eval=0.1"]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    for words in ("sft with lora", "18 to train on, 2 to evaluate", "first row", '"content":"a"'):
        assert words in out
    assert "tunedeck run t.jsonl --model org/m --set data.eval=0.1" in err
    assert main([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["works"], shown["steps_per_epoch"], shown["total_steps"]) == (True, 3, 9)
    assert main([*arguments, "--json", "--set", "compute.gpus=2"]) == 5
    out, err = capsys.readouterr()
    assert json.loads(out)["works"] is False
    assert json.loads(err)["exit_code"] == 5
    assert store.jobs() == []


# --- export ---------------------------------------------------------------------------------------


def exporter(monkeypatch: pytest.MonkeyPatch, states: dict[str, dict[str, Any]]) -> None:
    """An export process that has ended already, leaving these `export.json`."""

    def start(job: Job, kinds: Sequence[str], checkpoint: str) -> int:
        for kind in kinds:
            if kind in states:
                job.export_folder(kind).mkdir(parents=True, exist_ok=True)
                write_json(job.export_folder(kind) / "export.json", states[kind])
        return 2**22 + 1  # a pid that no process has

    monkeypatch.setattr(launch, "launch_export", start)


def done(moment: str) -> dict[str, Any]:
    return {"state": "completed", "started_at": moment, "checkpoint_step": 3, "verified": True}


def test_export_prints_the_paths(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.COMPLETED)
    add_checkpoint(job, 3)
    exporter(monkeypatch, {"adapter": done("1"), "merged": done("1")})
    assert main(["export", job.id, "--to", "adapter,merged"]) == 0
    paths = [str(job.export_folder(kind)) for kind in ("adapter", "merged")]
    assert capsys.readouterr().out.splitlines() == paths
    exporter(monkeypatch, {"adapter": done("2")})
    assert main(["export", job.id, "--json"]) == 0
    [shown] = json.loads(capsys.readouterr().out)
    assert (shown["kind"], shown["path"], shown["verified"]) == ("adapter", paths[0], True)


def test_full_fine_tuning_exports_the_model_unless_told_otherwise(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.COMPLETED)
    add_checkpoint(job, 3)
    (job.checkpoints / "checkpoint-3" / "model.safetensors").touch()
    exporter(monkeypatch, {"merged": done("1")})
    assert main(["export", job.id]) == 0
    assert capsys.readouterr().out.strip() == str(job.export_folder("merged"))


def test_an_export_that_fails_or_never_begins_exits_1(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.COMPLETED)
    add_checkpoint(job, 3)
    failure = {"message": "no room", "hint": "make some"}
    exporter(monkeypatch, {"merged": {"state": "failed", "started_at": "1", "error": failure}})
    assert main(["export", job.id, "--to", "merged"]) == 1
    err = capsys.readouterr().err
    assert "the export to merged failed: no room" in err
    assert "make some" in err
    exporter(monkeypatch, {"adapter": done("1")})
    assert main(["export", job.id]) == 0
    exporter(monkeypatch, {})
    assert main(["export", job.id]) == 1, "an older artifact is not the new one"
    assert "ended before it began" in capsys.readouterr().err


def test_export_can_leave_at_once(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(store, JobState.COMPLETED)
    add_checkpoint(job, 3)
    exporter(monkeypatch, {})
    assert main(["export", job.id, "--detach"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert str(job.exports) in err
    assert main(["export", job.id, "--checkpoint", "9"]) == 4


# --- the demo's table -----------------------------------------------------------------------------


def sample(when: str, loss: float | None, match: float | None, answer: str) -> dict[str, Any]:
    answers = [
        {"prompt": f"[bold]question {n}", "expected": '{"team": "app"}', "answer": answer}
        for n in range(5)
    ]
    return {"when": when, "eval_loss": loss, "exact_match": match, "rows": 200, "answers": answers}


def test_the_demo_ends_with_before_after_and_three_questions(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "%s"}]}'
    (tmp_path / "t.jsonl").write_text((row % "x" + "\n") * 3 + row % "y" + "\n")
    asked = spec.build(
        {
            "model": {"name": "org/m"},
            "data": {"train": "t.jsonl"},
            "samples": {"rows": "t.jsonl"},
        },
        source="s",
        base_folder=tmp_path,
    )
    job = make_job(
        store,
        JobState.COMPLETED,
        step=350,
        started_at="2026-11-20T10:00:00.000Z",
        ended_at="2026-11-20T10:03:12.000Z",
    )
    lines = [
        sample("before", 2.95, 0.0, "\x1b[2Jrambling " * 30),
        sample("after", 0.0333, 0.664, '{"team": "app"}'),
    ]
    job.samples_file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = outcome.read_outcome(job, asked, job.stored())
    assert (found.best_constant, found.seconds, len(found.questions)) == (0.75, 192.0, 3)
    outcome.print_outcome(found)
    out = capsys.readouterr().out
    for words in ("350 steps in 3m12s", "0.0%", "66.4%", "75.0%", "2.95", "0.0333", "200 held-out"):
        assert words in out
    assert out.count("[bold]question") == 3
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_run_without_samples_has_an_honest_table(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = spec.build(
        {"model": {"name": "org/m"}, "data": {"train": "t.jsonl"}}, source="s", base_folder=tmp_path
    )
    job = make_job(store, JobState.COMPLETED)
    outcome.print_outcome(outcome.read_outcome(job, asked, job.stored()))
    assert "?" in capsys.readouterr().out


# --- doctor ---------------------------------------------------------------------------------------


def test_doctor_tells_what_is_there_and_changes_nothing(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--json"]) == 0
    found = {line["title"]: line for line in json.loads(capsys.readouterr().out)}
    assert found["Python"]["verdict"] == "ok"
    assert "torch" in found["training"]["text"]
    assert "next submit starts one" in found["queue"]["text"]
    assert not store.home.exists()
    assert main(["doctor"]) == 0


def test_doctor_exits_5_when_something_needed_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "file" / "home"))
    assert main(["doctor"]) == 5
    shown = capsys.readouterr()
    assert "cannot be written" in shown.out
    assert "missing here: home" in shown.err
