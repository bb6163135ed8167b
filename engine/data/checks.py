"""What a value of a row must be: each check gives the value, or says in words why the row is unusable."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from engine.data.row import kind_of, printable


class Unusable(Exception):
    """What keeps a row from being learned from, in words; never with the row's place, which its reader adds."""


def is_list(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Whether a value is what JSON calls an array."""
    return isinstance(value, list | tuple)


def a_text(value: object, what: str) -> str:
    """A text that a tokenizer takes; it may be empty."""
    if not isinstance(value, str):
        raise Unusable(f"{what} is {kind_of(value)}, not text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unusable(
            f"{what} holds half of a surrogate pair, which no tokenizer accepts"
        ) from None
    return value


def filled_text(value: object, what: str) -> str:
    """A text with something in it."""
    text = a_text(value, what)
    if not text.strip():
        raise Unusable(f"{what} is empty")
    return text


def optional_text(value: object, what: str) -> str:
    """A text with something in it, or "" where null and empty text mean none."""
    return "" if value is None or value == "" else filled_text(value, what)


def flag(value: object, what: str) -> bool:
    """True or false; null means false."""
    if value is not None and not isinstance(value, bool):
        raise Unusable(f"{what} is {kind_of(value)}, not true or false")
    return bool(value)


def from_json(text: str, what: str) -> Any:
    """What a JSON text says."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise Unusable(f"{what} is JSON that is nested too deeply") from None
    except ValueError as error:
        raise Unusable(f"{what} is text that is not JSON: {error}") from None


def as_json(value: object, what: str) -> str:
    """JSON text of a value; the text is one that a tokenizer takes."""
    try:
        return a_text(json.dumps(value, ensure_ascii=False, allow_nan=False), what)
    except (TypeError, ValueError, RecursionError):
        raise Unusable(f"{what} cannot be written as JSON") from None


def listed_keys(item: Mapping[Any, Any]) -> str:
    """The keys of an object, for a message about a missing one."""
    return listed([str(key) for key in item]) or "nothing"


def listed(names: Sequence[str]) -> str:
    """Names from a file, at most twenty, as a message shows them."""
    shown = [printable(name, 40) for name in names[:20]]
    return ", ".join([*shown, "…"] if len(names) > 20 else shown)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
