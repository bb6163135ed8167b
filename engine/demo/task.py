"""The demo's task: sort a customer's message by team, wish and priority; makes its rows, pure and seeded."""

from __future__ import annotations

import json
import random
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

Pool = Literal["seen", "eval", "test"]
Row = dict[str, list[dict[str, str]]]
"""One training row: `{"messages": [user, assistant]}`."""

TEAMS: Final = ("delivery", "billing", "account", "repair", "app", "store")
WISHES: Final = ("refund", "fix", "answer", "cancel", "call")
PRIORITIES: Final = ("high", "normal", "low")

ROWS: Final = {"train": 1600, "eval": 100, "test": 200}
SEEDS: Final = {"train": 11, "eval": 12, "test": 13}
POOLS: Final[dict[str, Pool]] = {"train": "seen", "eval": "eval", "test": "test"}
SLOT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Label:
    """What a message means."""

    team: str
    wish: str
    priority: str

    def text(self) -> str:
        """The answer that the fine-tuned model should give, letter by letter."""
        return json.dumps({"team": self.team, "wish": self.wish, "priority": self.priority})


@cache
def sentences() -> dict[str, Any]:
    """The templates and slots of `sentences.toml`."""
    return tomllib.loads(files("engine.demo").joinpath("sentences.toml").read_text("utf-8"))


def fill(template: str, rng: random.Random, slots: Mapping[str, Sequence[str]]) -> str:
    """The template with a random word in every slot, and a capital first letter."""
    text = SLOT.sub(lambda match: rng.choice(slots[match[1]]), template)
    return text[0].upper() + text[1:]


def random_label(rng: random.Random) -> Label:
    """A label, every value of a field as likely as its others."""
    return Label(rng.choice(TEAMS), rng.choice(WISHES), rng.choice(PRIORITIES))


def message(label: Label, pool: Pool, rng: random.Random) -> str:
    """A customer's message with this meaning, made of one pool's templates only."""
    source = sentences()
    parts = [
        rng.choice(source["team"][label.team][pool]),
        rng.choice(source["wish"][label.wish][pool]),
    ]
    if rng.random() < 0.2:
        parts.reverse()
    if label.priority != "normal":
        hurry = rng.choice(source["priority"][label.priority][pool])
        parts.insert(rng.choice((0, 1, 2, 2, 2)), hurry)
    if rng.random() < 0.35:
        parts.insert(rng.randint(1, len(parts)), rng.choice(source["filler"][pool]))
    if rng.random() < 0.6:
        parts.insert(0, rng.choice(source["greeting"][pool]))
    return " ".join(fill(part, rng, source["slots"]) for part in parts)


def balanced_labels(count: int, rng: random.Random) -> list[Label]:
    """Labels in which all combinations occur equally often, as far as the count allows."""
    every = [Label(t, w, p) for t in TEAMS for w in WISHES for p in PRIORITIES]
    labels: list[Label] = []
    while len(labels) < count:
        labels += rng.sample(every, len(every))
    return labels[:count]


def row(question: str, answer: str) -> Row:
    """One question and its answer as a chat."""
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    }


def rows(split: str) -> list[Row]:
    """The rows of `train`, `eval` or `test`; the same at every call, no message twice."""
    rng = random.Random(SEEDS[split])
    made: list[Row] = []
    known: set[str] = set()
    for label in balanced_labels(ROWS[split], rng):
        text = message(label, POOLS[split], rng)
        while text in known:
            text = message(label, POOLS[split], rng)
        known.add(text)
        made.append(row(text, label.text()))
    return made


def answers(some_rows: Iterable[Row]) -> list[str]:
    """The right answers of the rows."""
    return [one["messages"][-1]["content"] for one in some_rows]


def best_constant(train_rows: Sequence[Row], test_rows: Sequence[Row]) -> float:
    """The share of test rows that the best single answer for all of them gets right.

    Candidates are the answers of both splits, so no constant can do better.
    """
    counts = Counter(answers(test_rows))
    candidates = set(answers(train_rows)) | set(counts)
    return max(counts[answer] for answer in candidates) / len(test_rows)
