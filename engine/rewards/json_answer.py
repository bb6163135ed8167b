"""JSON validity: the answer is an object or array, and fits a JSON Schema where one is given."""

from typing import Any

import orjson
import re2

from engine.rewards.answers import cut
from engine.rewards.reward import Attempt, Reward
from engine.spec.rewards import JsonReward

_FENCE = "```"


class Json(Reward):
    """1 where the answer, or the one block of code in it, is JSON as wanted.

    A bare number or word is no object or array, so it earns nothing: it would be too easily found.
    """

    def __init__(self, name: str, section: JsonReward) -> None:
        super().__init__(name)
        self._section = section
        self._validator = None if section.json_schema is None else _validator(section.json_schema)

    def judge(self, attempt: Attempt) -> float:
        found = cut(attempt.text, self._section.answer_from)
        if found is None:
            return 0.0
        try:
            value = orjson.loads(_unfenced(found).encode("utf-8", "replace"))
        except orjson.JSONDecodeError:
            return 0.0
        if not isinstance(value, dict | list):
            return 0.0
        try:
            return float(self._validator is None or self._validator.is_valid(value))
        except RecursionError:  # a schema that means itself, or an answer nested a thousand deep
            return 0.0


def _unfenced(text: str) -> str:
    """What stands in the only block of code, or the text itself."""
    parts = text.split(_FENCE)
    if len(parts) != 3:
        return text
    return parts[1].strip().removeprefix("json")


def _validator(schema: dict[str, Any]) -> Any:
    """JSON Schema's newest draft, with RE2 for its patterns."""
    import jsonschema

    def matches(validator: Any, pattern: str, value: Any, schema: Any) -> Any:
        if isinstance(value, str) and not re2.search(pattern, value):
            yield jsonschema.ValidationError(f"{pattern} is not found")

    draft = jsonschema.Draft202012Validator
    return jsonschema.validators.extend(draft, {"pattern": matches})(schema)
