import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.files import LineAppender
from engine.status import JobState
from engine.store import Store
from tests.engine.cli_jobs import make_job


def test_answers_to_prompts_are_shown_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    job = make_job(Store(tmp_path / "home"), JobState.RUNNING)
    lines = LineAppender(job.samples_file)
    for step in range(0, 100, 5):
        prompts = [{"prompt": "Say\x1b[31m it", "answer": f"said {step}\n  twice"}]
        lines.append({"when": "asked", "step": step, "eval_loss": 2.0, "prompts": prompts})
    lines.close()
    assert main(["samples", job.id]) == 0
    shown = capsys.readouterr()
    assert "prompt: Say it\n" in shown.out
    rows = [line.split() for line in shown.out.splitlines() if line.startswith("  step")]
    assert [row[1] for row in rows] == ["0", "15", "25", "40", "55", "70", "80", "95"]
    assert rows[-1][-3:] == ["said", "95", "twice"]
    assert "12 more steps" in shown.err
    assert main(["samples", job.id, "--step", "40"]) == 0
    assert capsys.readouterr().out == "# Say it\nsaid 40\n  twice\n\n"
    assert main(["samples", job.id, "--step", "40", "--json"]) == 0
    assert [one["step"] for one in json.loads(capsys.readouterr().out)] == [40]
    assert main(["samples", job.id, "--step", "41"]) == 4
    assert "asked at: 0, 5, 10" in capsys.readouterr().err
