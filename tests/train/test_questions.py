"""Questions that cannot be learned from are found before the first step."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from engine.spec import build
from engine.train.questions import Questions
from engine.train.rendering import Renderer
from tests.train import tiny


def questions(folder: Path, *rewards: dict[str, Any], context: int, answer: int) -> Questions:
    spec = build(
        {
            "method": "grpo",
            "model": {"name": "m"},
            "data": {"train": "a.jsonl"},
            "rewards": list(rewards),
            "training": {"max_completion_length": answer},
        },
        source="s",
        base_folder=folder,
    )
    tokenizer = AutoTokenizer.from_pretrained(tiny.write_model(folder / "model"))
    return Questions(spec, Renderer(tokenizer, None), context)


def test_a_question_that_leaves_no_room_for_the_answer_is_named(tmp_path: Path) -> None:
    asked = questions(tmp_path, {"type": "format"}, context=40, answer=20)
    row = {"prompt": "red " * 30, "answer": ""}
    problem = asked.problem(row)
    assert problem is not None
    assert "leaves no room for an answer of 20 in the model's 40" in problem[0]
    assert asked.problem({**row, "prompt": "red cat"}) is None


def test_an_answer_that_a_reward_cannot_judge_is_named(tmp_path: Path) -> None:
    function = {"type": "function", "file": "never_read.py"}
    asked = questions(tmp_path, {"type": "numeric"}, function, context=256, answer=20)
    problem = asked.problem({"prompt": "red?", "answer": "blue"})
    assert problem is not None
    assert "no number to compare with, which the reward numeric needs" in problem[0]
    assert asked.problem({"prompt": "red?", "answer": "#### 7"}) is None
