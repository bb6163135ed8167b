"""Questions that the model answers in words: held-out rows with their right answers, and free prompts.

Greedy, so that the same weights give the same answers; the random state is left as it was.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from engine.train.model import Loaded

BATCH_ROWS = 50


@dataclass(frozen=True)
class Question:
    """A prompt and the answer that is right."""

    prompt: str
    """As shown to people: the last user turn."""
    rendered: str
    """As shown to the model."""
    expected: str


def questions(rows: list[dict[str, Any]], base: Loaded) -> list[Question]:
    """The questions in converted rows; a row's last assistant turn is the expected answer."""
    return [_question(row, base) for row in rows]


def prompted(prompts: list[str], base: Loaded) -> list[Question]:
    """Free prompts, each as a user's first turn where the model chats; nothing is expected."""
    return [
        _question({"prompt": _turn(prompt, base), "completion": ""}, base) for prompt in prompts
    ]


def _turn(prompt: str, base: Loaded) -> Any:
    return [{"role": "user", "content": prompt}] if base.chat else prompt


def answer(
    asked: list[Question],
    model: Any,
    base: Loaded,
    *,
    max_new_tokens: int,
    progress: Callable[[float], None],
) -> list[str]:
    """The model's greedy answer to each question, with surrounding space removed."""
    tokenizer: Any = base.tokenizer
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    side, tokenizer.padding_side = tokenizer.padding_side, "left"
    was_training = model.training
    model.eval()
    found: list[str] = []
    try:
        with untouched_randomness(), torch.no_grad():
            for start in range(0, len(asked), BATCH_ROWS):
                progress(start / len(asked))
                batch = [one.rendered for one in asked[start : start + BATCH_ROWS]]
                inputs = tokenizer(
                    batch, return_tensors="pt", padding=True, add_special_tokens=not base.chat
                ).to(model.device)
                inputs.pop("token_type_ids", None)
                written = model.generate(
                    **inputs,
                    do_sample=False,
                    max_new_tokens=max_new_tokens,
                    pad_token_id=pad,
                    use_cache=True,
                )
                new = written[:, inputs["input_ids"].shape[1] :]
                found += [
                    text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)
                ]
    finally:
        tokenizer.padding_side = side
        model.train(was_training)
    return found


def exact_match(asked: list[Question], answers: list[str]) -> float:
    """Share of answers that equal the expected one, 0 to 1."""
    right = sum(q.expected.strip() == a for q, a in zip(asked, answers, strict=True))
    return right / len(asked) if asked else 0.0


@contextmanager
def untouched_randomness() -> Iterator[None]:
    """Put the random state of Python, NumPy and torch back at the end."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def _question(row: dict[str, Any], base: Loaded) -> Question:
    """A row of any kind that has an answer; of preferences it is the chosen one."""
    if "messages" in row:
        *before, last = row["messages"]
    else:
        before = row["prompt"]
        last = next(row[name] for name in ("completion", "chosen", "answer") if name in row)
    expected = last if isinstance(last, str) else _content(last)
    if isinstance(before, str):
        return Question(before, before, expected)
    rendered = base.tokenizer.apply_chat_template(
        before, tokenize=False, add_generation_prompt=True
    )
    shown = next((turn["content"] for turn in reversed(before) if turn["role"] == "user"), "")
    return Question(shown, str(rendered), expected)


def _content(turn: Any) -> str:
    """The words of a turn, or of the last of several."""
    return str((turn[-1] if isinstance(turn, list) else turn)["content"] or "")
