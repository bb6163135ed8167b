"""GRPO on the bundled base model through the real worker: what is rewarded becomes more frequent."""

import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import engine.demo
from engine.curves import read_curves
from engine.rewards import sha256_of
from engine.status import JobState
from tests.train.runs import Home, tail, until_state

DEMO = Path(engine.demo.__file__).parent
DATA = Path(os.environ.get("TUNEDECK_TEST_DATA", "")).absolute()
CODE = "def brief(texts):\n    return [float(len(text) < 20) for text in texts]\n"
STEPS = 12


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


def spec(name: str, data: Path, rewards: list[dict[str, Any]], **training: Any) -> dict[str, Any]:
    return {
        "name": name,
        "method": "grpo",
        "model": {"name": str(DEMO / "base")},
        "data": {"train": str(data)},
        "rewards": rewards,
        "training": {"per_device_train_batch_size": 16, "learning_rate": "5e-3", **training},
        "compute": {"gpus": 0},
    }


def write_letters(path: Path, count: int) -> Path:
    """The demo's letters to a shop, without their answers."""
    letters = [json.loads(line) for line in (DEMO / "data" / "train.jsonl").open()][:count]
    rows = [{"prompt": row["messages"][0]["content"]} for row in letters]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.slow
def test_the_reward_rises_and_the_users_function_is_the_kept_one(
    home: Home, tmp_path: Path
) -> None:
    code = tmp_path / "rewards.py"
    code.write_text(CODE)
    rewards: list[dict[str, Any]] = [
        {"type": "length", "target": 4, "slack": 20},
        {"type": "function", "file": str(code), "function": "brief", "weight": 0.5},
    ]
    asked = spec(
        "brief",
        write_letters(tmp_path / "letters.jsonl", 32),
        rewards,
        max_steps=STEPS,
        max_completion_length=24,
    )
    (tmp_path / "unconfirmed.yaml").write_text(json.dumps(asked))
    refused = home.call("submit", str(tmp_path / "unconfirmed.yaml"), check=2)
    assert f"write sha256: {sha256_of(CODE.encode())}" in refused.stderr
    rewards[1]["sha256"] = sha256_of(CODE.encode())
    job = home.submit(asked)
    code.unlink()
    status = until_state(job, JobState.COMPLETED)
    measured = read_curves(job.metrics_file)

    def mean(key: str, part: slice) -> float:
        _, values = measured.points("train", key)
        return statistics.mean(value for value in values[part] if value is not None)

    first, last = slice(0, 3), slice(-3, None)
    assert mean("reward", last) > mean("reward", first) + 0.4, tail(job)
    assert mean("completions/mean_length", last) < mean("completions/mean_length", first)
    for name in ("rewards/length/mean", "rewards/brief/mean"):
        assert mean(name, last) > mean(name, first)
    both = mean("rewards/length/mean", last) + 0.5 * mean("rewards/brief/mean", last)
    assert mean("reward", last) == pytest.approx(both, abs=1e-4), "the weighted sum"
    assert status.loss is not None
    assert not status.exact
    assert "reward function" in str(status.exact_reason)
    assert [path.read_text() for path in job.rewards.iterdir()] == [CODE]


@pytest.mark.exact
@pytest.mark.skipif(
    not os.environ.get("TUNEDECK_TEST_DATA"), reason="TUNEDECK_TEST_DATA names no folder"
)
def test_gsm8k_runs_as_it_is_and_its_adapter_is_exported(home: Home) -> None:
    data = DATA / "gsm8k_train_2000.jsonl"
    rewards: list[dict[str, Any]] = [{"type": "numeric"}, {"type": "regex", "pattern": "[0-9]"}]
    asked = spec("gsm8k", data, rewards, max_steps=STEPS, max_completion_length=32)
    asked["data"] |= {"on_bad_row": "skip", "eval": 0.004}
    job = home.submit(asked)
    status = until_state(job, JobState.COMPLETED)
    measured = read_curves(job.metrics_file)
    digits = [value or 0.0 for value in measured.points("train", "rewards/regex/mean")[1]]
    assert statistics.mean(digits[-3:]) > statistics.mean(digits[:3])
    assert measured.points("train", "rewards/numeric/mean")[1]
    assert measured.points("eval", "eval_reward")[1]
    assert status.exact
    assert Path(home.call("export", job.id, "--to", "adapter").stdout.strip()).is_dir()
