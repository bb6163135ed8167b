"""The command line from outside: help, wrong use, exit codes, and what it does not import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.cli import main
from engine.cli.parser import BY_NAME, VERBS
from engine.status import JobState
from engine.store import Store
from tests.engine.cli_jobs import add_checkpoint, make_job, tunedeck

SPEC = "model: {name: base}\ndata: {train: train.jsonl}\n"
ROW = '{"prompt": "a", "completion": "b"}\n'


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder with a spec that would work but for the model's missing tokenizer."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "base" / "model.safetensors").write_bytes(b"x")
    (tmp_path / "train.jsonl").write_text(ROW)
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path


def test_every_verb_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    overview = capsys.readouterr().out
    for verb in VERBS:
        assert f"\n    {verb.name}" in overview
        assert main([verb.name, "--help"]) == 0
        assert f"usage: tunedeck {verb.name}" in capsys.readouterr().out


def test_every_verb_has_its_module() -> None:
    folder = Path(sys.modules["engine.cli"].__file__ or "").parent
    for verb in VERBS:
        assert (folder / f"{verb.module}.py").is_file()


def test_without_a_terminal_and_a_command_it_prints_help_and_fails(home: Path) -> None:
    found = tunedeck(home.parent / "home")
    assert found.returncode == 2
    assert found.stdout == ""
    assert "usage: tunedeck" in found.stderr


def test_on_a_terminal_it_becomes_the_deck(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[tuple[str, list[str], dict[str, str]]] = []
    monkeypatch.setattr("engine.cli.bare.on_terminal", lambda stream: True)
    monkeypatch.setattr(os, "execve", lambda *how: became.append(how))
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    main([])
    [(program, arguments, environment)] = became
    assert program == sys.executable
    assert arguments[1:] == ["-m", "tui"]
    assert environment["PYTHONSAFEPATH"] == "1"
    assert environment.get("PYTHONPATH") != "/somewhere"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lss"], "did you mean `tunedeck ls`?"),
        (["frobnicate"], "no command 'frobnicate'"),
        (["ls", "--jsn"], "--jsn"),
        (["pause"], "ID"),
        (["pause", "x", "--timeout", "5"], "without --wait"),
        (["pause", "x", "--wait", "--timeout", "0"], "not above zero"),
        (["export", "x", "--to", "gguf"], "choose from adapter, merged"),
        (["export", "x", "--checkpoint", "newest"], "neither last, best nor a step"),
        (["logs", "x", "-n", "-3"], ""),
        (["completion", "fish"], "fish"),
    ],
)
def test_wrong_use_exits_2_with_a_hint(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tunedeck: ")
    assert "hint: " in err
    assert words in err


def test_an_error_with_json_is_one_object_on_stderr(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "nope", "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {
        "error": "no job 'nope'",
        "hint": "`tunedeck ls` shows the jobs there are",
        "exit_code": 3,
    }


def test_a_fault_of_ours_is_one_sentence_and_a_file(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Store) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(Store, "jobs", fails)
    assert main(["ls"]) == 70
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "RuntimeError: boom" in err
    [written] = (home / "crashes").iterdir()
    assert str(written) in err
    assert "Traceback" in written.read_text()


# --- bad input, through the real command line ------------------------------------------------------


def refused(found: subprocess.CompletedProcess[str], code: int, words: str) -> None:
    assert found.returncode == code, found.stderr
    assert found.stdout == ""
    assert words in found.stderr
    assert "hint: " in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SPEC + "trainnig: {}\n", "did you mean training?"),
        (SPEC + "training: {per_device_train_batch_size: many}\n", "is not a whole number"),
        (SPEC + "training: {num_train_epochs: -1}\n", "training.num_train_epochs: -1 is too small"),
        ("model: [\n", "not valid YAML: line 2"),
        (SPEC.replace("train.jsonl", "gone.jsonl"), "gone.jsonl: no such file"),
        (SPEC.replace("train.jsonl", "empty.jsonl"), "the file has no rows"),
        (
            SPEC.replace("train.jsonl", "short.jsonl"),
            "short.jsonl, line 2: the column 'completion'",
        ),
    ],
)
def test_a_bad_spec_or_bad_data_exits_2_and_queues_nothing(
    home: Path, workplace: Path, text: str, words: str
) -> None:
    (workplace / "empty.jsonl").touch()
    (workplace / "short.jsonl").write_text(ROW + '{"prompt": "a"}\n')
    (workplace / "base" / "tokenizer.json").write_text("{}")
    (workplace / "spec.yaml").write_text(text)
    refused(tunedeck(home, "submit", "spec.yaml"), 2, words)
    assert Store(home).jobs() == []


def test_a_missing_spec_exits_2(home: Path, workplace: Path) -> None:
    refused(tunedeck(home, "submit", "spek.yaml"), 2, "did you mean spec.yaml?")


def test_a_model_folder_without_a_tokenizer_exits_1(home: Path, workplace: Path) -> None:
    for verb in ("submit", "run"):
        refused(tunedeck(home, verb, "spec.yaml"), 1, "has no tokenizer")
    planned = tunedeck(home, "plan", "spec.yaml")
    assert planned.returncode == 1
    assert "has no tokenizer" in planned.stderr
    assert "prompt-completion" in planned.stdout
    assert Store(home).jobs() == []


def test_a_home_that_cannot_be_written_exits_5(workplace: Path) -> None:
    refused(tunedeck(workplace / "spec.yaml" / "home", "submit", "spec.yaml", cwd=workplace), 5, "")
    refused(
        tunedeck(workplace / "spec.yaml" / "home", "worker", cwd=workplace), 5, "cannot be written"
    )
    refused(tunedeck(workplace / "spec.yaml", "ls", cwd=workplace), 5, "cannot be read")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
def test_the_doctor_tries_whether_the_home_can_be_written(workplace: Path) -> None:
    asked = tunedeck(Path("/proc/nobody-writes-here"), "doctor", cwd=workplace)
    assert asked.returncode == 5
    assert "home" in asked.stderr
    assert tunedeck(workplace / "new" / "home", "doctor", cwd=workplace).returncode == 0
    assert not (workplace / "new").exists()


def test_job_verbs_refuse_what_cannot_be(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(home)
    paused = make_job(store, JobState.PAUSED, name="alpha")
    done = make_job(store, JobState.COMPLETED, name="beta")
    queued = make_job(store, JobState.QUEUED, name="gamma")
    prefix = paused.id[:8]
    for arguments, code, words in (
        (["status", "zeta"], 3, "no job 'zeta'"),
        (["pause", prefix], 3, "could be any of 3 jobs"),
        (["resume", done.id], 4, "is completed"),
        (["resume", queued.id], 4, "waits in the queue already"),
        (["pause", done.id], 4, "is completed already"),
        (["export", paused.id], 4, "has no checkpoint yet"),
        (["export", paused.id], 4, f"hint: `tunedeck resume {paused.id}`"),
        (["export", queued.id], 4, "hint: `tunedeck ls` shows what it waits for"),
        (["rm", queued.id, "--yes"], 4, "cancel it first"),
        (["rm", queued.id, "--yes"], 4, f"hint: `tunedeck cancel {queued.id} --wait` first"),
    ):
        assert main(arguments) == code, arguments
        err = capsys.readouterr().err
        assert words in err
        assert "hint: " in err
    assert [job.stored().state for job in (paused, done, queued)] == [
        JobState.PAUSED,
        JobState.COMPLETED,
        JobState.QUEUED,
    ]


def test_resume_of_a_running_job_exits_4(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.lock import Lock

    job = make_job(Store(home), JobState.RUNNING, name="alpha")
    held = Lock.take(job.worker_lock)
    assert held is not None
    with held:
        assert main(["resume", job.id]) == 4
        assert main(["export", job.id]) == 4
    err = capsys.readouterr().err
    assert "is running" in err
    assert f"`tunedeck watch {job.id}`" in err
    assert "wait for its first save" in err


# --- what it costs --------------------------------------------------------------------------------

ASK_EVERYTHING = """
import sys, json, os
from engine.cli import main
codes = [main(arguments) for arguments in json.loads(sys.argv[1])]
slow = [name for name in ("pydantic", "textual", "torch", "datasets", "numpy", "rich", "plotext",
                          "shtab") if name in sys.modules]
print(json.dumps([codes, slow]))
"""


def test_looking_and_controlling_import_no_slow_library(home: Path) -> None:
    store = Store(home)
    job = make_job(store, JobState.QUEUED, name="alpha", log="hello\n")
    add_checkpoint(job, 3)
    calls = [
        ["ls"],
        ["ls", "--json"],
        ["ls", "--line"],
        ["status", "alpha"],
        ["logs", "alpha"],
        ["pause", "alpha"],
        ["cancel", "alpha"],
        ["rm", "alpha", "--yes"],
    ]
    root = str(Path(__file__).parents[2])
    found = subprocess.run(
        [sys.executable, "-c", ASK_EVERYTHING, json.dumps(calls)],
        env={**os.environ, "TUNEDECK_HOME": str(home), "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout.splitlines()[-1]) == [[0] * len(calls), []]


def test_a_reader_that_leaves_early_causes_no_complaint(home: Path) -> None:
    make_job(Store(home), JobState.COMPLETED, name="alpha", log="line\n" * 200_000)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "logs", "alpha"],
        env={**os.environ, "TUNEDECK_HOME": str(home), "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_verb(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in BY_NAME:
        assert name in script
    assert "tunedeck ls --all --quiet" in script
    assert main(["--print-completion", shell]) == 0
    assert capsys.readouterr().out == script


def test_the_bash_completion_is_valid_bash(capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", "bash"])
    script = capsys.readouterr().out
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0
