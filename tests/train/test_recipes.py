"""The recipes for a CPU, really run: filled in by `init` with real rows, a few steps on the bundled model."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import recipes
from engine.status import JobState
from tests.train.runs import Home, until_state

BASE = Path(recipes.__file__).parents[1] / "demo" / "base"
ROWS = {
    "sft": {"instruction": "Name a colour.", "input": "", "output": "Blue."},
    "osft": {"prompt": "Name a colour.", "completion": "Blue."},
    "dpo": {"prompt": "Name a colour.", "chosen": "Blue.", "rejected": "Seven."},
    "grpo": {"question": "What is 3 and 4?", "answer": "It is\n#### 7"},
    "pretrain": {"text": "Once upon a time there was a very small model. " * 20},
}
SHORT = {
    "training.max_steps": 3,
    "training.eval_steps": 2,
    "training.max_length": 128,
    "training.max_completion_length": 8,
    "training.warmup_steps": 1,
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A fresh home."""
    made = Home(tmp_path / "home")
    yield made
    made.close()


@pytest.mark.exact
@pytest.mark.parametrize("recipe", [one for one in recipes.all_recipes() if one.endswith("-cpu")])
def test_a_recipe_for_a_cpu_trains(recipe: str, home: Home, tmp_path: Path) -> None:
    method = recipes.read(recipe).method
    data = tmp_path / "rows.jsonl"
    rows = [{**ROWS[method], "number": number} for number in range(48)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = tmp_path / "spec.yaml"
    home.call("init", str(data), "--recipe", recipe, "--model", str(BASE), "-o", str(spec))
    sections = recipes.read(recipe).document["training"]
    short = {
        field: value
        for field, value in SHORT.items()
        if field.partition(".")[2] in sections
        or field in ("training.max_steps", "training.eval_steps")
    }
    settings = [word for field, value in short.items() for word in ("--set", f"{field}={value}")]
    job = home.store.find(home.call("submit", str(spec), *settings).stdout.strip())
    done = until_state(job, JobState.COMPLETED)
    assert done.step == 3
    assert done.loss is not None
