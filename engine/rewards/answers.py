"""Cuts the final answer out of a text; in time linear in its length, since a model wrote it."""

from engine.spec.rewards import ANSWER_MARK, ANSWER_TAG

AUTO, WHOLE, BOXED = "auto", "whole", "boxed"
"""Words of `answer_from` and `reference_from` that are no marks."""
THINK_END = "</think>"
THINK_BEGIN = "<think>"
_BOX = "\\boxed{"


def cut(text: str, source: str) -> str | None:
    """The answer in `text`, without surrounding space; None where there is none.

    Args:
        text: what the model wrote, or what the data holds.
        source: `auto`, `whole`, `boxed`, or the mark that the answer follows.
    """
    if source == WHOLE:
        found: str | None = text
    elif source == BOXED:
        found = _boxed(text)
    elif source == AUTO:
        found = _automatic(text)
    else:
        found = _after(text, source)
    return (found.strip() or None) if found is not None else None


def said(text: str) -> str | None:
    """The text behind the reasoning; None where the reasoning has no end."""
    if THINK_END in text:
        return text.rpartition(THINK_END)[2]
    return None if THINK_BEGIN in text else text


def _automatic(text: str) -> str | None:
    spoken = said(text)
    if spoken is None:
        return None
    for look in (_tagged, _marked, _boxed):
        found = look(spoken)
        if found is not None:
            return found
    return spoken


def _tagged(text: str) -> str | None:
    """Inside the last answer tags."""
    before, end, _ = text.rpartition(f"</{ANSWER_TAG}>")
    _, begin, inside = before.rpartition(f"<{ANSWER_TAG}>")
    return inside if begin and end else None


def _marked(text: str) -> str | None:
    return _after(text, ANSWER_MARK)


def _after(text: str, mark: str) -> str | None:
    """What follows the last mark: the rest of its line, or the next line where nothing follows."""
    _, found, rest = text.rpartition(mark)
    if not found:
        return None
    return rest.strip().partition("\n")[0]


def _boxed(text: str) -> str | None:
    """Inside the last `\\boxed{}`, braces inside it counted."""
    _, found, rest = text.rpartition(_BOX)
    if not found:
        return None
    depth = 1
    for place, sign in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        if depth == 0:
            return rest[:place]
    return None
