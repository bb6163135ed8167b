"""The text that the demo's base model is pre-trained on; pure and seeded, without a label line of the task."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

from engine.demo.task import Label, fill, message, random_label, sentences

SEED: Final = 7
USER: Final = "<|user|>"
ASSISTANT: Final = "<|assistant|>"
END: Final = "<|end|>"

FIELDS: Final = (
    ("team", "topic", "topics"),
    ("wish", "wish", "wishes"),
    ("priority", "pace", "paces"),
)
"""A label's field, the questions about it, and the answers to them."""

Writer = Callable[[random.Random], str]


@cache
def prose() -> dict[str, Any]:
    """The phrases of `prose.toml`."""
    return tomllib.loads(files("engine.demo").joinpath("prose.toml").read_text("utf-8"))


@cache
def slots() -> dict[str, list[str]]:
    """All slots, those of the messages and those of the rest of the world."""
    world = {key: value for key, value in prose()["world"].items() if isinstance(value, list)}
    return {**sentences()["slots"], **world}


def turn(user: str, assistant: str) -> str:
    """One question and its answer as the chat template writes them."""
    return f"{USER}{user}{END}{ASSISTANT}{assistant}{END}"


def pick(rng: random.Random, *path: str) -> str:
    """One of the phrases at this path of the prose, its slots filled."""
    node = prose()
    for key in path:
        node = node[key]
    return fill(rng.choice(list(node)), rng, slots())


def lower(text: str) -> str:
    """The text with a small first letter."""
    return text[0].lower() + text[1:]


def reply(label: Label, rng: random.Random) -> str:
    """What the shop answers to a message of this meaning."""
    parts = [
        pick(rng, "team", label.team, "replies"),
        pick(rng, "wish", label.wish, "replies"),
        pick(rng, "priority", label.priority, "replies"),
    ]
    if rng.random() < 0.3:
        parts.insert(0, pick(rng, "replies", "opening"))
    if rng.random() < 0.3:
        parts.append(pick(rng, "replies", "closing"))
    return " ".join(parts)


def letter(rng: random.Random) -> str:
    """A customer's message and the shop's reply."""
    label = random_label(rng)
    return turn(message(label, "seen", rng), reply(label, rng))


def reading(rng: random.Random) -> str:
    """A message and questions about it, answered in other words."""
    label = random_label(rng)
    asked = [
        (pick(rng, "questions", "topic"), pick(rng, "team", label.team, "topics")),
        (pick(rng, "questions", "wish"), pick(rng, "wish", label.wish, "wishes")),
        (pick(rng, "questions", "pace"), pick(rng, "priority", label.priority, "paces")),
    ]
    rng.shuffle(asked)
    first, answer = asked[0]
    text = turn(f"{message(label, 'seen', rng)}\n{first}", f"{answer}.")
    return text + "".join(turn(question, f"{said}.") for question, said in asked[1:])


def glance(rng: random.Random) -> str:
    """Single sentences, each with what it says in other words."""
    text = ""
    for _ in range(rng.randint(1, 3)):
        label = random_label(rng)
        field, question, key = rng.choice(FIELDS)
        value = getattr(label, field)
        if value == "normal":
            said = fill(rng.choice(sentences()["filler"]["seen"]), rng, slots())
        else:
            said = fill(rng.choice(sentences()[field][value]["seen"]), rng, slots())
        text += turn(
            f"{said}\n{pick(rng, 'questions', question)}", f"{pick(rng, field, value, key)}."
        )
    return text


def note(rng: random.Random) -> str:
    """A message, quoted, and a colleague's note about it."""
    label = random_label(rng)
    parts = {
        "topic": lower(pick(rng, "team", label.team, "topics")),
        "wish": lower(pick(rng, "wish", label.wish, "wishes")),
        "pace": lower(pick(rng, "priority", label.priority, "paces")),
    }
    template = rng.choice(prose()["notes"]["note"])
    text = fill(template, rng, {**slots(), **{key: [value] for key, value in parts.items()}})
    quoted = message(label, "seen", rng)
    return f'"{quoted}"\n{text}{END}' if rng.random() < 0.5 else f'{text}\n"{quoted}"{END}'


def paraphrase(rng: random.Random) -> str:
    """Sentences that mean the same, one after the other."""
    label = random_label(rng)
    field, value = rng.choice(
        [("team", label.team), ("wish", label.wish), ("priority", label.priority)]
    )
    pools = sentences()[field].get(value)
    if pools is None:
        return note(rng)
    said = [fill(one, rng, slots()) for one in rng.sample(pools["seen"], rng.randint(2, 4))]
    return (
        rng.choice(("Much the same was said in other words: ", "People write: ", ""))
        + " ".join(said)
        + END
    )


def dictionary(rng: random.Random) -> str:
    """What a word has to do with others; the shop's words are a few among many."""
    source = prose()
    entries: dict[str, list[str]] = dict(source["world"]["words"])
    for field in ("team", "wish", "priority"):
        entries |= {word: node["words"] for word, node in source[field].items()}
    lines = []
    for word in rng.sample(sorted(entries), 3):
        near = rng.sample(entries[word], min(3, len(entries[word])))
        if rng.random() < 0.5:
            lines.append(json.dumps({"word": word, "near": near[0]}))
        else:
            lines.append(f'The word "{word}" has to do with {", ".join(near[:-1])} and {near[-1]}.')
    return "\n".join(lines) + END


def record(rng: random.Random) -> str:
    """A small JSON object about the rest of the world, asked for in words."""
    one = fill("{name}|{river}|{level}|{weather}|{day}|{food}|{count}|{city}", rng, slots()).split(
        "|"
    )
    name, river, level, weather, day, food, count, city = one
    if rng.random() < 0.5:
        asked = f"The {river} is {level} on {day} and there is {weather} in {city}."
        made = {"river": river, "water": level, "weather": weather}
    else:
        asked = f"{name} from {city} buys {count} times {food} on {day}."
        made = {"who": name, "food": food, "day": day}
    return turn(asked + " Write it as a record.", json.dumps(made))


def sums(rng: random.Random) -> str:
    """A little arithmetic in words."""
    a, b = rng.randint(1, 20), rng.randint(1, 20)
    name = rng.choice(slots()["name"])
    food = rng.choice(slots()["food"])
    return turn(
        f"{name} has {a} {food} and buys {b} more. How many {food} does {name} have now?",
        f"{a} + {b} = {a + b}. {name} has {a + b} {food} now.",
    )


def story(rng: random.Random) -> str:
    """A few sentences about nothing in particular."""
    return " ".join(pick(rng, "world", "stories") for _ in range(rng.randint(1, 2))) + END


KINDS: Final[dict[Writer, int]] = {
    letter: 20, reading: 34, glance: 32, note: 2, paraphrase: 2, dictionary: 4, record: 3, sums: 1, story: 2,
}  # fmt: skip
"""How to write a text -> how often, in percent."""


def texts(count: int, seed: int = SEED) -> Iterator[str]:
    """The first `count` texts of the corpus."""
    rng = random.Random(seed)
    for writer in rng.choices(list(KINDS), list(KINDS.values()), k=count):
        yield writer(rng)
