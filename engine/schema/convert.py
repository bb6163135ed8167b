"""Values that a user typed, against the fields of a configuration class: kept, converted or named.

Ranges are not checked here: only names, types and the values of a fixed choice.
"""

import json
import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

from engine.errors import MachineError, Problem
from engine.schema.configs import ADAPTERS, METHODS, config
from engine.schema.field import Field
from engine.schema.stored import fields

# Names of earlier releases and of other tools that do not look like their successor.
SUCCESSORS = {
    "batch_size": ("per_device_train_batch_size", ""),
    "epochs": ("num_train_epochs", ""),
    "group_by_length": ("train_sampling_strategy", ": group_by_length"),
    "lr": ("learning_rate", ""),
    "lr_scheduler": ("lr_scheduler_type", ""),
    "rank": ("r", ""),
    "warmup_ratio": ("warmup_steps", "; a number below 1 is a share of all steps"),
}

# YAML 1.1 reads these words, unquoted, as booleans.
YAML_WORDS = {False: ("no", "off"), True: ("yes", "on")}

WORDS = {
    "any": "any value",
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "str": "text",
}
ITEMS = {"float": "numbers", "int": "whole numbers", "str": "texts"}


class Checked(NamedTuple):
    """The values as the library wants them, without those that have a problem."""

    values: dict[str, Any]
    problems: list[Problem]


class MismatchError(ValueError):
    """A value that a field does not accept; the text says what it does accept."""


def check(name: str, values: Mapping[str, Any], prefix: str = "") -> Checked:
    """Check the settings of a method or an adapter; `prefix` is how the user typed their parent."""
    known = fields(name)
    kept: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in values.items():
        field = known.get(key)
        if field is None:
            problems.append(_unknown(name, str(key), known, prefix))
            continue
        try:
            kept[key] = convert(field, value)
        except MismatchError as mismatch:
            problems.append(Problem(f"{prefix}{key}", str(mismatch), _advice(field, value)))
    return Checked(kept, problems)


def convert(field: Field, value: Any) -> Any:
    """A value in the type that its field wants; raises MismatchError when it has none of them."""
    if value is None and field.optional:
        return None
    for attempt in (_as_it_is, _converted):
        for alternative in field.alternatives:
            found = attempt(alternative, value)
            if found is not None and _chosen(field, found):
                return found
    if isinstance(value, bool):
        word = next((word for word in YAML_WORDS[value] if word in field.choices), None)
        if word is not None:
            return word
    raise MismatchError(f"{_shown(value)} is not {_wanted(field)}")


def _as_it_is(alternative: str, value: Any) -> Any:
    """The value itself if it is of this type; None if not (None itself was settled before)."""
    if alternative.startswith("list["):
        inner = alternative.removeprefix("list[").removesuffix("]")
        if not isinstance(value, list | tuple):
            return None
        items = [_item(inner, item) for item in value]
        return None if any(item is None for item in items) else items
    accepted = PLAIN[alternative](value)
    return value if accepted and value is not None else None


def _item(inner: str, value: Any) -> Any:
    found = _as_it_is(inner, value)
    return _converted(inner, value) if found is None else found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


PLAIN: dict[str, Callable[[Any], bool]] = {
    "any": lambda _: True,
    "bool": lambda value: isinstance(value, bool),
    "dict": lambda value: isinstance(value, Mapping),
    "float": _is_number,
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "list": lambda value: isinstance(value, list | tuple),
    "str": lambda value: isinstance(value, str),
}


def _converted(alternative: str, value: Any) -> Any:
    """What a value plainly means in this type: "2e-4" as a number, one item as a list."""
    if alternative.startswith("list["):
        if isinstance(value, list | tuple | Mapping) or value is None:
            return None
        item = _item(alternative.removeprefix("list[").removesuffix("]"), value)
        return None if item is None else [item]
    if alternative not in ("int", "float"):
        return None
    number = _number(value)
    if number is None or alternative == "float":
        return number
    return int(number) if number.is_integer() else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _chosen(field: Field, value: Any) -> bool:
    """Whether a value is one of the choices; choices bind only the types that they are of."""
    if isinstance(value, list):
        return all(_chosen(field, item) for item in value)
    rivals = [choice for choice in field.choices if type(choice) is type(value)]
    return not rivals or any(_fits(choice, value) for choice in rivals)


def _fits(choice: Any, value: Any) -> bool:
    """Equality, except that a choice such as `pissa_niter_[number of iters]` is a pattern."""
    if isinstance(choice, str) and "[" in choice:
        return isinstance(value, str) and value.startswith(choice.split("[")[0])
    return bool(choice == value)


def _wanted(field: Field) -> str:
    bound = {type(choice).__name__ for choice in field.choices}
    names = [_worded(kind) for kind in field.alternatives if kind not in bound]
    names += [str(choice) for choice in field.choices]
    if field.optional:
        names.append("null")
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _worded(kind: str) -> str:
    if kind.startswith("list["):
        return f"a list of {ITEMS.get(kind.removeprefix('list[').removesuffix(']'), 'lists')}"
    return WORDS[kind]


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _advice(field: Field, value: Any) -> str:
    texts = [choice for choice in field.choices if isinstance(choice, str)]
    if isinstance(value, str) and (near := get_close_matches(value, texts, n=1)):
        return f"did you mean {near[0]}?"
    if field.type == "bool" and str(value).lower() in ("true", "false", "yes", "no", "on", "off"):
        return "write true or false without quotes"
    if "str" in field.alternatives and not field.choices and isinstance(value, int | float):
        return "put it in quotes"
    if field.symbolic or field.required:
        return ""
    return f"leave it out for the default, {_shown(field.default)}"


def _unknown(name: str, key: str, known: Mapping[str, Field], prefix: str) -> Problem:
    message = f"{config(name).class_name} has no such field"
    successor, how = SUCCESSORS.get(key, ("", ""))
    if successor in known:
        return Problem(f"{prefix}{key}", message, f"use {successor}{how}")
    if near := get_close_matches(key, known, n=1, cutoff=0.75):
        return Problem(f"{prefix}{key}", message, f"did you mean {near[0]}?")
    if owners := _owners(key):
        return Problem(f"{prefix}{key}", message, f"it is a field of {owners}")
    near = get_close_matches(key, known, n=1)
    return Problem(f"{prefix}{key}", message, f"did you mean {near[0]}?" if near else "remove it")


def _owners(key: str) -> str:
    """Where a misplaced field belongs: the adapters or methods that have it, at most three."""
    for kind, names in (("adapter", ("lora",)), ("method", METHODS), ("adapter", ADAPTERS)):
        owners = [name for name in names if key in _installed_fields(name)]
        if owners:
            return f"{kind} {', '.join(owners[:3])}{', ...' if len(owners) > 3 else ''}"
    return ""


def _installed_fields(name: str) -> Mapping[str, Field]:
    try:
        return fields(name)
    except MachineError:  # another release of the library does not have this class
        return {}
