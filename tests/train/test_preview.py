"""The first rows as tokens, by the process that the command line and the deck ask: marks, cuts, refusals."""

import io
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import preview, spec
from engine.data.lengths import Spread
from engine.data.preview import Preview
from engine.spec import JobSpec
from tests.train.tiny import write_model

pytestmark = pytest.mark.slow


SAID = [
    {"role": "user", "content": "red green"},
    {"role": "assistant", "content": "blue one two three"},
]


def made(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], **sections: Any) -> JobSpec:
    """A job on these rows."""
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    values = {
        "model": {"name": "base", "initialize": "random"},
        "data": {"train": name},
        **sections,
    }
    return spec.build(values, source="", base_folder=folder)


def learned(found: Preview) -> list[list[str]]:
    """What is learned of each view of each row."""
    return [
        ["".join(one.text for one in view.stretches if one.trained) for view in views]
        for views in found.rows
    ]


def test_rows_are_shown_as_they_are_trained_on(tmp_path: Path) -> None:
    write_model(tmp_path / "base")
    chats: list[dict] = [{"messages": SAID}, {"messages": []}, {"messages": [*SAID, *SAID]}] * 2
    found = preview.ask(made(tmp_path, "chats.jsonl", chats), rows=2)
    assert learned(found) == [
        ["blue one two three<|end|>"],
        ["blue one two three<|end|>blue one two three<|end|>"],
    ]
    assert (found.read_rows, found.complete, found.bad_rows) == (4, True, 2)
    first = found.rows[0][0]
    assert (first.cut_tokens, found.cut_rows, found.untrained_rows) == (0, 0, 0)
    assert found.trained_tokens < found.tokens
    assert found.template == "the tokenizer's own template"


def test_a_row_loses_what_is_beyond_the_length(tmp_path: Path) -> None:
    from engine.train.preview import preview as previewed

    write_model(tmp_path / "base")
    chats = [{"messages": SAID}] * 3
    whole = previewed(made(tmp_path, "a.jsonl", chats), rows=1, sample=2)
    assert (whole.read_rows, whole.complete, whole.max_length) == (2, False, 256)
    length = whole.rows[0][0].tokens - 2
    cut = previewed(
        made(tmp_path, "a.jsonl", chats, training={"max_length": length}), rows=1, sample=9
    )
    assert (cut.max_length, cut.cut_rows, cut.cut_share) == (length, 3, 1.0)
    assert cut.rows[0][0].cut_tokens == 2
    assert "<|end|>" not in learned(cut)[0][0]
    assert (cut.lengths, cut.tokens) == (
        Spread(length + 2, length + 2, length + 2, 3 * length + 6),
        3 * length,
    )


def test_both_answers_of_a_preference_and_no_token_of_a_question_are_learned(
    tmp_path: Path,
) -> None:
    from engine.train.preview import preview as previewed

    write_model(tmp_path / "base")
    preferences = [{"prompt": "red", "chosen": "green now", "rejected": "blue"}]
    both = previewed(made(tmp_path, "dpo.jsonl", preferences, method="dpo"), rows=1, sample=9)
    assert learned(both) == [["green now<|end|>", "blue<|end|>"]]
    assert [view.label for view in both.rows[0]] == ["chosen", "rejected"]
    questions = [{"prompt": "red", "answer": "blue"}]
    grpo: dict[str, Any] = {"method": "grpo", "rewards": [{"type": "exact"}]}
    asked = previewed(made(tmp_path, "grpo.jsonl", questions, **grpo), rows=1, sample=9)
    assert [one.text for one in asked.rows[0][0].stretches] == ["<|user|>red<|end|><|assistant|>"]
    assert (asked.trained_tokens, "writes the answers itself" in asked.note) == (0, True)


def test_what_cannot_be_read_is_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.train import preview as process

    write_model(tmp_path / "base")
    wanted = made(tmp_path, "a.jsonl", [{"text": "red"}])
    (tmp_path / "a.jsonl").unlink()
    asked = wanted.model_dump_json(exclude_none=True).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(asked)))
    assert process.main([str(tmp_path / "answer.json")]) == 0
    assert "no such file" in json.loads((tmp_path / "answer.json").read_text())["error"]


def test_a_preview_that_nobody_wants_any_more_ends_its_process(tmp_path: Path) -> None:
    write_model(tmp_path / "base")
    wanted = made(tmp_path, "a.jsonl", [{"text": "red"}])
    with pytest.raises(preview.Stopped):
        preview.ask(wanted, stop=lambda: True)
