"""The demo's data: reproducible, honest about what is held out, and small."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer

import engine.demo
from engine.demo import build, corpus, task

HERE = Path(engine.demo.__file__).parent
MEANINGS = ("team", "wish", "priority")


def shipped(split: str) -> list[task.Row]:
    lines = (HERE / "data" / f"{split}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def questions(rows: list[task.Row]) -> set[str]:
    return {row["messages"][0]["content"] for row in rows}


def templates(pool: str) -> set[str]:
    source = task.sentences()
    found = {text for key in MEANINGS for node in source[key].values() for text in node[pool]}
    return found | set(source["greeting"][pool]) | set(source["filler"][pool])


def skeleton(sentence: str) -> str:
    """A template as a pattern, so that a filled sentence can be traced back to it."""
    pattern = ""
    for index, part in enumerate(task.SLOT.split(sentence)):
        if index % 2:
            pattern += "(?:" + "|".join(map(re.escape, task.sentences()["slots"][part])) + ")"
        else:
            pattern += re.escape(part)
    return pattern


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return list(corpus.texts(build.TEXTS))


@pytest.mark.parametrize("split", task.ROWS)
def test_shipped_rows_are_what_the_generator_makes(split: str) -> None:
    assert shipped(split) == task.rows(split)


def test_no_template_serves_two_purposes() -> None:
    seen, held, test = templates("seen"), templates("eval"), templates("test")
    assert not seen & (held | test)
    assert not held & test


def test_no_held_out_message_is_in_another_split_or_in_the_corpus(texts: list[str]) -> None:
    train, held, test = (questions(shipped(split)) for split in ("train", "eval", "test"))
    assert not train & (held | test)
    assert not held & test
    whole = "\n".join(texts)
    assert not [one for one in held | test if one in whole]


@pytest.mark.parametrize("pool", ["eval", "test"])
def test_no_held_out_sentence_with_a_meaning_is_read_in_training(
    pool: str, texts: list[str]
) -> None:
    source = task.sentences()
    whole = "\n".join([*texts, *questions(shipped("train"))])
    held_out = [text for key in MEANINGS for node in source[key].values() for text in node[pool]]
    assert not [text for text in held_out if re.search(skeleton(text), whole)]


def test_no_answer_of_the_task_is_in_the_corpus(texts: list[str]) -> None:
    whole = "\n".join(texts)
    assert '{"team":' not in whole
    assert not [answer for answer in set(task.answers(shipped("train"))) if answer in whole]


def test_no_constant_answer_comes_near() -> None:
    assert task.best_constant(shipped("train"), shipped("test")) < 0.4


def test_every_value_occurs_in_every_split() -> None:
    for split in task.ROWS:
        labels = [json.loads(answer) for answer in task.answers(shipped(split))]
        assert {label["team"] for label in labels} == set(task.TEAMS)
        assert {label["wish"] for label in labels} == set(task.WISHES)
        assert {label["priority"] for label in labels} == set(task.PRIORITIES)


def test_the_corpus_is_the_same_at_every_call() -> None:
    assert list(corpus.texts(50)) == list(corpus.texts(50))


def test_any_text_can_be_tokenized_and_read_back() -> None:
    tokenizer = Tokenizer.from_file(str(HERE / "base" / "tokenizer.json"))
    text = "Zażółć gęślą jaźń\n\t日本語 🎉 #### 1,234.50 $"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_special_tokens_are_distinct() -> None:
    tokenizer = Tokenizer.from_file(str(HERE / "base" / "tokenizer.json"))
    assert [tokenizer.token_to_id(token) for token in build.SPECIAL] == list(
        range(len(build.SPECIAL))
    )
    assert build.CONFIG["pad_token_id"] != build.CONFIG["eos_token_id"]


def test_the_demo_is_small() -> None:
    assert (HERE / "base" / "model.safetensors").stat().st_size <= 12_000_000
    assert sum(file.stat().st_size for file in HERE.rglob("*") if file.is_file()) <= 14_000_000
