"""What a job's model answered, as its worker keeps it in `samples.jsonl`; only reading.

A line is one measurement: `before` and `after` the training on held-out rows, `asked` for the prompts of its
spec at some step. A line `resume` says where a later attempt went on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.files import LineReader

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """The prompts and what the model answered at one step."""

    step: int
    eval_loss: float | None
    """Of the evaluation at that step, if there was one."""
    answers: tuple[tuple[str, str], ...]
    """Prompt and answer."""


def read(path: Path) -> list[Line]:
    """The lines of a `samples.jsonl` that hold."""
    reader, lines = LineReader(path), []
    while new := reader.objects():
        lines += new
    return in_force(lines)


def in_force(lines: Iterable[Line]) -> list[Line]:
    """Without what an attempt measured beyond the step from which a later one went on."""
    kept: list[Line] = []
    for line in lines:
        step, attempt = _whole(line, "step"), _whole(line, "attempt")
        if line.get("when") == "resume":
            kept = [one for one in kept if _whole(one, "step") <= step]
            continue
        kept = [
            one
            for one in kept
            if _whole(one, "attempt") >= attempt
            or _whole(one, "step") < step
            or (_whole(one, "step") == step and one.get("when") != line.get("when"))
        ]
        kept.append(line)
    return kept


def asked(lines: Iterable[Line]) -> tuple[Asked, ...]:
    """The answers to the prompts, by step; of two at one step the later."""
    found = {
        (step := _whole(line, "step")): Asked(step, _number(line.get("eval_loss")), answers)
        for line in lines
        if line.get("when") == "asked" and (answers := _answers(line.get("prompts")))
    }
    return tuple(found[step] for step in sorted(found))


def spread(steps: Sequence[Asked], most: int) -> list[Asked]:
    """At most `most` of them, the first and the last among them, the others evenly between."""
    if len(steps) <= most or most < 2:
        return list(steps[-most:])
    last = len(steps) - 1
    return [steps[round(number * last / (most - 1))] for number in range(most)]


def _answers(kept: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(kept, list):
        return ()
    return tuple(
        (str(one.get("prompt") or ""), str(one.get("answer") or ""))
        for one in kept
        if isinstance(one, Mapping)
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(line: Line, name: str) -> int:
    value = line.get(name)
    return value if isinstance(value, int) else 0
