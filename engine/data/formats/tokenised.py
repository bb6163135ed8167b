"""Rows that were tokenised already."""

from dataclasses import dataclass
from typing import ClassVar

from engine.data.checks import Unusable, is_list
from engine.data.formats.format import Columns
from engine.data.kinds import Canonical
from engine.data.row import Values, kind_of

IGNORED = -100
"""The label of a token that nothing is learned from."""

LARGEST_ID = 2**31 - 1


@dataclass(frozen=True)
class Tokenised(Columns):
    """`input_ids`, and what of them is learned: `labels`, or a mask of the answer; without one, all of it."""

    name: ClassVar[str] = "tokenised"
    kinds: ClassVar[tuple[str, ...]] = ("tokenised",)
    required: ClassVar[tuple[str, ...]] = ("input_ids",)
    optional: ClassVar[tuple[str, ...]] = (
        "labels",
        "completion_mask",
        "assistant_masks",
        "attention_mask",
    )

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """Ids and labels of the tokens; padding is left out."""
        ids = _numbers(values.get("input_ids"), "input_ids", 0, LARGEST_ID)
        if not ids:
            raise Unusable("input_ids is an empty list")
        labels = _labels(values, ids)
        if (padding := values.get("attention_mask")) is not None:
            kept = _mask(padding, "attention_mask", len(ids))
            ids = [token for token, seen in zip(ids, kept, strict=True) if seen]
            labels = [label for label, seen in zip(labels, kept, strict=True) if seen]
        if labels.count(IGNORED) == len(labels):
            raise Unusable("no token of it is learned: every label is -100, or masked")
        return {"input_ids": ids, "labels": labels}


def _labels(values: Values, ids: list[int]) -> list[int]:
    given = [
        name
        for name in ("labels", "completion_mask", "assistant_masks")
        if values.get(name) is not None
    ]
    if "labels" in given:
        labels = _numbers(values["labels"], "labels", IGNORED, LARGEST_ID)
        _same_length(labels, "labels", len(ids))
        if wrong := next((label for label in {*labels} if IGNORED < label < 0), None):
            raise Unusable(f"labels holds {wrong}; a label is a token id, or -100 for none")
        return labels
    learned = [1] * len(ids)
    for name in given:
        mask = _mask(values[name], name, len(ids))
        learned = [both and one for both, one in zip(learned, mask, strict=True)]
    return [token if wanted else IGNORED for token, wanted in zip(ids, learned, strict=True)]


def _mask(value: object, what: str, length: int) -> list[int]:
    if is_list(value):
        value = [int(one) if isinstance(one, bool) else one for one in value]
    mask = _numbers(value, what, 0, 1)
    _same_length(mask, what, length)
    return mask


def _same_length(values: list[int], what: str, length: int) -> None:
    if len(values) != length:
        raise Unusable(f"{what} has {len(values)} entries, and input_ids {length}")


def _numbers(value: object, what: str, least: int, most: int) -> list[int]:
    if not is_list(value):
        raise Unusable(f"{what} is {kind_of(value)}, not a list of whole numbers")
    if not {*map(type, value)} <= {int}:
        index, wrong = next((i, one) for i, one in enumerate(value) if type(one) is not int)
        raise Unusable(f"{what}[{index}] is {kind_of(wrong)}, not a whole number")
    if value and not (least <= min(value) and max(value) <= most):
        index, wrong = next((i, one) for i, one in enumerate(value) if not least <= one <= most)
        raise Unusable(f"{what}[{index}] is {wrong}, not between {least} and {most}")
    return list(value)
