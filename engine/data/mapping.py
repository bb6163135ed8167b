"""Column names: what `data.columns` makes of a row, and which mapping some rows probably need."""

import json
from collections.abc import Iterable, Mapping, Sequence

from engine.data.formats import Format
from engine.data.row import Row, Values, printable

_QUESTIONS = ("prompt", "question", "instruction", "query", "problem", "input")
_ANSWERS = ("completion", "answer", "response", "output", "solution", "target")
_TEXTS = ("text", "content", "body", "document")
_CHOSEN = ("chosen", "chosen_response", "accepted", "preferred", "better", "win")
_REJECTED = ("rejected", "rejected_response", "dispreferred", "worse", "lose")
_YAML_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


def renamed(values: Values, columns: Mapping[str, str]) -> Values:
    """A row's values under our names; a mapped column is not seen under its own name any more."""
    if not columns:
        return values
    hidden = {*columns, *columns.values()}
    mapped = {ours: values[theirs] for ours, theirs in columns.items() if theirs in values}
    return {name: value for name, value in values.items() if name not in hidden} | mapped


def columns_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """The columns of some rows together, in the order in which they appear."""
    return tuple(dict.fromkeys(name for row in rows for name in row.values))


def file_of(head: Sequence[Row]) -> str:
    """The file of the first rows, for a message about all of it."""
    return printable(head[0].file)


def columns_line(columns: Mapping[str, str]) -> str:
    """A mapping as the line to write in a spec."""
    return "columns: {" + ", ".join(f"{o}: {_yaml(theirs)}" for o, theirs in columns.items()) + "}"


def guess_columns(
    head: Sequence[Row], kinds: Sequence[str], format: Format | None = None
) -> dict[str, str] | None:
    """The `data.columns` that these rows probably need; None where there is nothing to guess.

    `format` is the one whose columns are to be named, where the user asked for one.
    """
    texts = [
        name
        for name in columns_of(head)
        if any(isinstance(row.values.get(name), str) for row in head)
    ]
    if format is not None:
        return _for_format(texts, format)
    if "preference" in kinds:
        return _preference(texts)
    if "exchange" in kinds:
        return _exchange(texts)
    if "question" in kinds:
        pair = _exchange(texts) or {}
        if set(pair) == {"prompt", "completion"}:
            return {"prompt": pair["prompt"], "answer": pair["completion"]}
        return {"prompt": texts[0]} if texts else None
    return _text(texts)


def _for_format(texts: list[str], format: Format) -> dict[str, str] | None:
    """A guess under the names of the format that was asked for, where two texts or one are enough."""
    if format.name == "text":
        return _text(texts)
    if format.name == "preference":
        return _preference(texts)
    guess = _exchange(texts) or {}
    if len(guess) == len(format.required) == 2:
        return dict(zip(format.required, guess.values(), strict=True))
    return None


def _text(texts: list[str]) -> dict[str, str] | None:
    body = _first_of(_TEXTS, texts) or (texts[0] if texts else None)
    return {"text": body} if body is not None else None


def _exchange(texts: list[str]) -> dict[str, str] | None:
    prompt = _first_of(_QUESTIONS, texts)
    completion = _first_of(_ANSWERS, [name for name in texts if name != prompt])
    if prompt is None or completion is None:
        if len(texts) < 2:
            return {"text": texts[0]} if texts else None
        rest = [name for name in texts if name not in (prompt, completion)]
        prompt = rest.pop(0) if prompt is None else prompt
        completion = rest.pop(0) if completion is None else completion
    return {"prompt": prompt, "completion": completion}


def _preference(texts: list[str]) -> dict[str, str] | None:
    """Three texts at least: which of two answers is the better one is only known by its name."""
    chosen, rejected = _first_of(_CHOSEN, texts), _first_of(_REJECTED, texts)
    rest = [name for name in texts if name not in (chosen, rejected)]
    prompt = _first_of(_QUESTIONS, rest) or (rest[0] if rest else None)
    if chosen is None or rejected is None or prompt is None:
        return None
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def _first_of(wanted: Sequence[str], there: Sequence[str]) -> str | None:
    by_lower_case = {name.lower(): name for name in reversed(there)}
    return next((by_lower_case[name] for name in wanted if name in by_lower_case), None)


def _yaml(name: str) -> str:
    """A column's name as YAML reads it back."""
    word = name.replace("_", "").replace("-", "")
    bare = word.isascii() and word.isalnum() and name[0].isalpha()
    return name if bare and name.lower() not in _YAML_WORDS else json.dumps(name)
