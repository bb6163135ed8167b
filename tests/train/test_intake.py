"""Rows on their way to the trainer: what a chat template refuses is a bad row like others."""

import json
from pathlib import Path

import pytest
from transformers import AutoConfig, AutoModelForCausalLM

from engine import spec as specs
from engine.errors import DataError
from engine.store import Store
from engine.train import model
from engine.train.intake import Intake, Taker
from engine.train.reporter import Reporter
from tests.train import tiny

ALTERNATING = (
    "{% for message in messages %}{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}"
    "<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ROWS, REFUSED = 300, (5, 270)


def take(folder: Path, **data: str) -> Intake:
    """The rows of a job of which the template refuses two, and leaves the answer of none out."""
    (folder / "alternating.jinja").write_text(ALTERNATING)
    rows = [json.loads(line) for line in tiny.write_chats(folder / "all", ROWS).open()]
    for index in REFUSED:
        rows[index]["messages"].insert(0, {"role": "system", "content": "one"})
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = specs.build(
        {
            "name": "rows",
            "model": {
                "name": str(tiny.write_model(folder / "model")),
                "chat_template": str(folder / "alternating.jinja"),
            },
            "data": {"train": str(folder / "rows.jsonl"), **data},
        },
        source="",
        base_folder=folder,
    )
    text = spec.to_yaml()
    job = Store(folder / "home").create("rows", lambda new: fill(new.spec_file, text))
    network = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(spec.model.name))
    base = model.Loaded(network, *model.load_tokenizer(spec))
    return Taker(job, spec, base, Reporter(job), seed=0).take()


def fill(path: Path, content: str) -> None:
    """Write a file."""
    path.write_text(content)


def test_rows_that_the_template_refuses_are_named_with_file_and_number(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        take(tmp_path)
    assert caught.value.message.splitlines() == [
        "2 rows cannot be learned from:",
        *(
            f"  {tmp_path}/rows.jsonl, row {index + 1}: the chat template refuses it: roles must alternate"
            for index in REFUSED
        ),
    ]
    assert "model.chat_template: chatml" in caught.value.hint


def test_rows_that_the_template_refuses_can_be_kept_apart(tmp_path: Path) -> None:
    intake = take(tmp_path, on_bad_row="quarantine")
    assert (len(intake.train), intake.bad_rows) == (ROWS - len(REFUSED), len(REFUSED))
    (kept,) = (tmp_path / "home").rglob("quarantine.jsonl")
    assert [json.loads(line)["line"] - 1 for line in kept.open()] == list(REFUSED)
