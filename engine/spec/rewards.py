"""The `rewards` of a spec: what the answers of grpo are rewarded for, one section a kind.

Each gives 0 to 1 for an answer, and counts `weight` times in the sum.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from engine.spec.section import Section

ANSWER_TAG = "answer"
"""`auto` looks for `<answer>...</answer>`."""
ANSWER_MARK = "####"
"""`auto` looks for what follows the last of these: GSM8K's."""


class Reward(Section):
    """What all rewards have."""

    type: str
    weight: float = Field(default=1.0, allow_inf_nan=False)
    """How often it counts in the sum; below zero it is a penalty."""

    @field_validator("weight")
    @classmethod
    def _counts(cls, value: float) -> float:
        if value == 0:
            raise ValueError("0 counts nothing: leave the reward out")
        return value


class AnswerReward(Reward):
    """A reward for the final answer inside a longer text.

    Where it is cut out: `auto` takes what stands in `<answer>` tags, else after the last `####`, else in
    `\\boxed{}`, else the whole text behind the reasoning; `whole` takes everything; `boxed` takes what stands
    in `\\boxed{}`; any other text is a mark, and what follows the last of it counts. Without its mark a text
    has no answer.
    """

    answer_from: str = Field(default="auto", min_length=1)
    """Where the model's text has its answer: `auto`, `whole`, `boxed`, or the mark that it follows."""


class ReferenceReward(AnswerReward):
    """A reward for the answer that the data says is right."""

    reference_from: str = Field(default="auto", min_length=1)
    """Where the data's answer stands: `auto`, `whole`, `boxed`, or the mark that it follows (`####`)."""


class ExactReward(ReferenceReward):
    """1 where the answer is the data's, apart from spacing."""

    type: Literal["exact"]
    ignore_case: bool = False


class NumericReward(ReferenceReward):
    """1 where the answer's last number is the data's."""

    type: Literal["numeric"]
    rel_tol: float = Field(default=1e-6, ge=0, lt=1)
    """How far it may be off, as a share of the larger number."""
    abs_tol: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """How far it may be off at least."""
    decimal: Literal[".", ","] = "."
    """The sign before the decimals; the other one, a space or an apostrophe may group thousands."""


class RegexReward(AnswerReward):
    """1 where a regular expression is found (RE2: in linear time, whatever the model writes)."""

    type: Literal["regex"]
    answer_from: str = Field(default="whole", min_length=1)
    """Where it is looked for: `whole`, `auto`, `boxed`, or the mark that it follows."""
    pattern: str = Field(min_length=1)
    """RE2's syntax: as Python's, without lookaround and backreferences."""
    ignore_case: bool = False
    fully: bool = False
    """Whether the whole text must match, surrounding space apart."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        reason = why_no_pattern(value)
        if reason is not None:
            raise ValueError(f"is no RE2 pattern: {reason}; RE2 has no lookaround and no \\1")
        return value


class JsonReward(AnswerReward):
    """1 where the answer is a JSON object or array, and fits the schema where there is one."""

    type: Literal["json"]
    json_schema: dict[str, Any] | None = None
    """A JSON Schema: `{required: [name], properties: {name: {type: string}}}`."""

    @field_validator("json_schema")
    @classmethod
    def _is_a_schema(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None:
            _check_schema(value)
        return value


class LengthReward(Reward):
    """1 for a length that is wanted, less the further away it is."""

    type: Literal["length"]
    unit: Literal["tokens", "words", "characters"] = "tokens"
    target: int | None = Field(default=None, ge=1)
    """The best length; the reward falls to 0 at `slack` above or below it."""
    minimum: int | None = Field(default=None, ge=0)
    maximum: int | None = Field(default=None, ge=1)
    slack: int | None = Field(default=None, ge=0)
    """How far outside the reward reaches 0; without it the target itself, and 0 for limits."""

    @model_validator(mode="after")
    def _wants_something(self) -> "LengthReward":
        limits = (self.minimum, self.maximum)
        if self.target is None and limits == (None, None):
            raise ValueError("say what is wanted: target, or minimum and maximum, in `unit`s")
        if self.target is not None and limits != (None, None):
            raise ValueError("give a target, or limits (minimum, maximum), not both")
        if None not in limits and self.minimum > self.maximum:  # type: ignore[operator] # not None
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        if self.target is not None and self.slack == 0:
            raise ValueError("a target with slack 0 would reward nothing beside it: above 0")
        return self


class FormatReward(Reward):
    """1 where the text is these tags one after the other, each once: `<think>..</think><answer>..</answer>`."""

    type: Literal["format"]
    tags: list[str] = Field(default=["think", ANSWER_TAG], min_length=1)
    opened: bool = False
    """Whether the chat template writes the first tag itself, so that the text begins inside it."""
    partial: bool = False
    """Gives the share of tags that are right, instead of all or nothing: easier to learn."""

    @field_validator("tags")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        for tag in value:
            if not tag or any(sign in tag for sign in "<>/") or tag != tag.strip():
                raise ValueError(f"{tag!r} is no tag's name: write `think` for <think>")
        if len(set(value)) < len(value):
            raise ValueError("names a tag twice")
        return value


class FunctionReward(Reward):
    """What a function of yours gives; its code runs in the worker, and is kept with the job.

    `def score(texts, answer, **others)` gets what was written and the data's answers as lists of text, and
    returns one number, or None, for each. Among the others are `prompts` and `completions` as TRL gives them:
    of a chat model, lists of messages. So a function that was written for TRL works as it is.
    """

    type: Literal["function"]
    file: str = Field(min_length=1)
    """A Python file on this machine; relative to the spec file."""
    function: str = "score"
    """Its name there."""
    sha256: str | None = None
    """The file's SHA-256, which confirms that you know this code; a refusal names it."""

    @field_validator("file")
    @classmethod
    def _local(cls, value: str) -> str:
        if "://" in value:
            raise ValueError("is no file of this machine: copy it here, and read it first")
        return value

    @field_validator("function")
    @classmethod
    def _name(cls, value: str) -> str:
        if not value.isidentifier():
            raise ValueError(f"{value!r} is no function's name")
        return value


RewardSection = Annotated[
    ExactReward
    | NumericReward
    | RegexReward
    | JsonReward
    | LengthReward
    | FormatReward
    | FunctionReward,
    Field(discriminator="type"),
]
"""One reward, by its `type`."""

REWARDS: Mapping[str, type[Reward]] = {
    "exact": ExactReward,
    "numeric": NumericReward,
    "regex": RegexReward,
    "json": JsonReward,
    "length": LengthReward,
    "format": FormatReward,
    "function": FunctionReward,
}
"""Every kind of reward by its `type`."""


def known_keys(rewards: Any, place: str) -> list[str]:
    """The keys that the reward at `place` ("0", "1", ...) of what was typed may have."""
    try:
        kind = rewards[int(place)]["type"]
        return list(REWARDS[kind].model_fields)
    except (KeyError, IndexError, TypeError, ValueError):
        return list(Reward.model_fields)


def why_no_pattern(pattern: str) -> str | None:
    """What RE2 has against a pattern."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except (re2.error, UnicodeError) as error:
        reason = error.args[0] if error.args else "cannot be read"
        return (reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason))[
            :99
        ]
    return None


def _check_schema(schema: Mapping[str, Any]) -> None:
    """Raises ValueError with what JSON Schema, or its patterns, have against it."""
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        where = ".".join(str(part) for part in error.path) or "it"
        raise ValueError(f"is no JSON Schema: {where}: {error.message[:200]}") from None
    for keyword, value in _keywords(schema):
        if keyword == "$ref" and isinstance(value, str) and not value.startswith("#"):
            raise ValueError(f"$ref {value!r} points outside: write what it means into the schema")
        if keyword == "$ref" and isinstance(value, str) and not _resolves(schema, value):
            raise ValueError(f"$ref {value!r} points to nothing in the schema")
        if keyword == "patternProperties":
            raise ValueError("patternProperties is not supported: name the properties")
        reason = why_no_pattern(value) if keyword == "pattern" and isinstance(value, str) else None
        if reason is not None:
            raise ValueError(f"pattern {value!r:.60} is no RE2 pattern: {reason}")


def _resolves(schema: Mapping[str, Any], reference: str) -> bool:
    import referencing.exceptions
    import referencing.jsonschema

    resource = referencing.jsonschema.DRAFT202012.create_resource(dict(schema))
    try:
        referencing.Registry().with_resource("", resource).resolver().lookup(reference)
    except referencing.exceptions.Unresolvable:
        return False
    return True


def _keywords(value: Any) -> list[tuple[str, Any]]:
    """Every key with its value, at any depth."""
    if isinstance(value, Mapping):
        inner = [pair for one in value.values() for pair in _keywords(one)]
        return [*((str(key), one) for key, one in value.items()), *inner]
    if isinstance(value, list):
        return [pair for one in value for pair in _keywords(one)]
    return []
