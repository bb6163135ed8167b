"""Tools that an assistant may call, and its calls, in the shape of OpenAI's API.

Calls carry their arguments as an object, since that is what chat templates expect; OpenAI's own JSON text is
read too. Declarations are kept as JSON text, as LLaMA-Factory writes them.
"""

import re
from collections.abc import Mapping
from typing import Any

from engine.data.checks import Unusable, as_json, from_json, is_list, listed_keys
from engine.data.row import kind_of

_DEEPEST = 100
"""Levels of a declaration."""

_THOUGHT = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


def declared(value: object, what: str = "tools") -> str | None:
    """The tools of a row as JSON text; null, empty text and an empty list are none."""
    if value is None or value == "":
        return None
    given = from_json(value, what) if isinstance(value, str) else _without_nulls(value, what)
    if given is None:
        return None
    if not is_list(given):
        raise Unusable(f"{what} is {kind_of(given)}, not a list of tools")
    tools = [_tool(item, f"{what}[{index}]") for index, item in enumerate(given)]
    return as_json(tools, what) if tools else None


def calls(value: object, what: str) -> list[dict[str, Any]]:
    """The `tool_calls` of a message."""
    if not is_list(value):
        raise Unusable(f"{what} is {kind_of(value)}, not a list of calls")
    return [_call(item, f"{what}[{index}]") for index, item in enumerate(value)]


def called(value: object, what: str) -> dict[str, Any]:
    """A message of ShareGPT's `function_call`: one call or a list of them as JSON, a thought before it."""
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    if isinstance(value, str):
        if thought := _THOUGHT.match(value):
            message["reasoning_content"] = thought[1].strip()
            value = value[thought.end() :]
        value = from_json(value, f"the function call of {what}")
    if isinstance(value, Mapping):
        value = [value]
    made = calls(value, f"the function call of {what}")
    if not made:
        raise Unusable(f"the function call of {what} is empty")
    return {**message, "tool_calls": made}


def _without_nulls(value: Any, what: str, depth: int = 0) -> Any:
    """Columns of structures fill with null what one tool lacks and another has; it declares nothing."""
    if depth > _DEEPEST:
        raise Unusable(f"{what} is nested too deeply")
    if isinstance(value, Mapping):
        kept = ((key, item) for key, item in value.items() if item is not None)
        return {key: _without_nulls(item, what, depth + 1) for key, item in kept}
    return [_without_nulls(one, what, depth + 1) for one in value] if is_list(value) else value


def _tool(item: object, what: str) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise Unusable(f"{what} is {kind_of(item)}, not an object")
    function = item.get("function") if "function" in item else item
    if not isinstance(function, Mapping):
        raise Unusable(f"{what}.function is {kind_of(function)}, not an object")
    _name(function, what)
    return dict(item) if "function" in item else {"type": "function", "function": dict(item)}


def _call(item: object, what: str) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise Unusable(f"{what} is {kind_of(item)}, not an object")
    if item.get("type") not in (None, "function"):
        raise Unusable(f"{what} is of the type {item['type']!r}; known: function")
    function = item.get("function") if item.get("function") is not None else item
    if not isinstance(function, Mapping):
        raise Unusable(f"{what}.function is {kind_of(function)}, not an object")
    made = {
        "type": "function",
        "function": {"name": _name(function, what), "arguments": _arguments(function, what)},
    }
    return {"id": str(item["id"]), **made} if item.get("id") else made


def _name(function: Mapping[str, Any], what: str) -> str:
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise Unusable(f"{what} has no name, only {listed_keys(function)}")
    return name


def _arguments(function: Mapping[str, Any], what: str) -> dict[str, Any]:
    value = function.get("arguments")
    if value is None or value == "":
        return {}
    where = f"{what}.arguments"
    given = from_json(value, where) if isinstance(value, str) else value
    if not isinstance(given, Mapping):
        raise Unusable(f"{where} is {kind_of(given)}, not an object")
    as_json(given, where)
    return dict(given)
