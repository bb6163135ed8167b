"""Pydantic's errors in the words of the person who typed the spec."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from engine.errors import Problem

KnownKeys = Callable[[str], list[str]]
"""The keys of a section, by its name; of the whole document for an empty name."""


def problems(error: ValidationError, known_keys: KnownKeys) -> list[Problem]:
    """Pydantic's errors in the user's words, one for each field."""
    fields: dict[str, list[Any]] = {}
    for item in error.errors():
        parts = [str(part) for part in _typed(item["loc"])]
        named = [part for part in parts if part not in _UNION_PARTS and "[" not in part]
        fields.setdefault(".".join(named), []).append(item)
    return [_problem(where, items, known_keys) for where, items in fields.items()]


def _typed(place: Sequence[Any]) -> Sequence[Any]:
    """A place as the user typed it: pydantic names an entry of `rewards` by its type too."""
    return (*place[:2], *place[3:]) if place[:1] == ("rewards",) and len(place) > 2 else place


_UNION_PARTS = frozenset({"float", "str", "int"})
"""What pydantic adds to a location to name the alternative that it tried."""

_WANTED = {
    "bool": "true or false",
    "dict": "a mapping of fields to values",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "model": "a mapping of fields to values",
    "string": "text",
}
_WANTED_FULLY = {
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "not empty",
}


def _problem(where: str, items: Sequence[Any], known_keys: KnownKeys) -> Problem:
    """All that pydantic has against one field; several items are the alternatives of a union."""
    kind, given = items[0]["type"], items[0].get("input")
    if kind == "extra_forbidden":
        section, _, key = where.rpartition(".")
        known = known_keys(section)
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        return Problem(where, "unknown key", hint)
    if kind == "missing":
        return Problem(where, "is missing")
    if kind == "union_tag_not_found":
        return Problem(where, "has no `type`", "a kind, such as `type: numeric`")
    if kind == "union_tag_invalid":
        context = items[0]["ctx"]
        kinds = context["expected_tags"].replace("'", "")
        alike = difflib.get_close_matches(context["tag"], kinds.split(", "), n=1)
        meant = f"did you mean {alike[0]}? " if alike else ""
        return Problem(f"{where}.type", f"there is no {context['tag']!r}", f"{meant}known: {kinds}")
    if kind == "invalid_key":
        return Problem(where, "a key must be text", "put it in quotes")
    if kind == "value_error":
        return Problem(where, items[0]["msg"].removeprefix("Value error, "))
    wanted = " or ".join(dict.fromkeys(map(_wanted, items)))
    return Problem(where, f"must be {wanted}, not {given!r:.60}")


def _wanted(item: Any) -> str:
    kind: str = item["type"]
    if kind in _WANTED_FULLY:
        return _WANTED_FULLY[kind].format(**item["ctx"])
    return _WANTED.get(kind.partition("_")[0]) or str(item["msg"]).removeprefix("Input should be ")
