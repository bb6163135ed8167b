"""How GRPO's answers are divided into batches, known before TRL is imported; pure.

A round writes `num_generations` answers to each of some prompts and learns from them in micro-batches of
`per_device_train_batch_size`, so a round's answers must be a multiple of both.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import Problem

ANSWERS = 8
"""Answers to a prompt, where they divide what is asked for."""
MOST_ANSWERS = 64
"""As many as are chosen without being asked for."""
BATCH = 8
COMPLETION_TOKENS = 256
"""Of an answer, or half of the model's context where that is less."""

_BATCH, _ACCUMULATION = "per_device_train_batch_size", "gradient_accumulation_steps"
_ANSWERS, _EVAL_BATCH = "num_generations", "per_device_eval_batch_size"
_STEPS, _ROUND = "steps_per_generation", "generation_batch_size"


@dataclass
class Division:
    """Fields of TRL's config that the spec leaves open, why, and what cannot work."""

    chosen: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def divide(asked: Mapping[str, Any], *, has_eval: bool) -> Division:
    """Batches and answers that fit each other; `asked` are the fields that are settled already."""
    made = Division()
    wanted: int | None = asked.get(_ANSWERS)
    if wanted is not None and wanted < 2:
        made.problems.append(
            Problem(f"training.{_ANSWERS}", "answers are compared with each other", "2 or more")
        )
        return made
    total = _answers_of_a_round(asked, wanted, made)
    if made.problems:
        return made
    answers = wanted or _fitting(total)
    if total % answers or answers < 2:
        made.problems.append(_unfit(asked, total, wanted))
        return made
    if wanted is None:
        made.chosen[_ANSWERS] = answers
        if answers != ANSWERS:
            made.reasons.append(f"{answers} answers to a prompt: {total} are written in a round")
    if has_eval:
        _evaluation(asked, answers, made)
    return made


def problems(training: Mapping[str, Any], *, effective: int | None, full: bool) -> list[Problem]:
    """What GRPO cannot be asked for; `effective` rows are a step where `compute` says so.

    `full` trains the model itself, without an adapter.
    """
    asked = dict(training)
    if effective is not None and _STEPS not in asked:
        asked |= {_BATCH: effective, _ACCUMULATION: 1}
    found = divide(asked, has_eval=True).problems
    if training.get("sync_ref_model") and not (full and training.get("beta")):
        found.append(
            Problem(
                "training.sync_ref_model",
                "there is no reference that could be moved",
                "it needs adapter.type: none and training.beta above 0",
            )
        )
    return found


def completion_tokens(training: Mapping[str, Any], context_length: int | None) -> int | None:
    """Tokens that an answer may have; None is without a limit."""
    if "max_completion_length" in training:
        asked: int | None = training["max_completion_length"]
        return asked
    return min(COMPLETION_TOKENS, (context_length or 2 * COMPLETION_TOKENS) // 2)


def _answers_of_a_round(asked: Mapping[str, Any], wanted: int | None, made: Division) -> int:
    """How many are written at a time; chooses the batch and the accumulation where they are open."""
    batch, times = asked.get(_BATCH), asked.get(_STEPS) or asked.get(_ACCUMULATION)
    total = asked.get(_ROUND)
    if total is not None:
        if asked.get(_STEPS) is not None:
            made.problems.append(
                Problem(f"training.{_ROUND}", f"decides training.{_STEPS}", "give one of the two")
            )
            return 0
        size = batch or next(size for size in range(BATCH, 0, -1) if total % size == 0)
        if total % size:
            made.problems.append(
                Problem(
                    f"training.{_ROUND}",
                    f"{total} answers are no whole number of batches of {size}",
                    f"use a multiple of {size}",
                )
            )
        elif batch is None and size != BATCH:
            _choose(made, _BATCH, size, f"{total} answers of a round are divided by it")
        return int(total)
    usual = (batch or BATCH) * (times or 1)
    if wanted is None or usual % wanted == 0 or (batch and times):
        return int(usual)
    why = f"so that {wanted} answers to a prompt are whole batches"
    if batch is None and times is None:
        batch = next(size for size in range(BATCH, 0, -1) if wanted % size == 0)
        _choose(made, _BATCH, batch, why)
    elif batch is None and times is not None:
        batch = wanted // math.gcd(wanted, times)
        _choose(made, _BATCH, batch, why)
    batch = int(batch or BATCH)
    if times is None:
        times = wanted // math.gcd(wanted, batch)
        if times > 1:
            _choose(made, _ACCUMULATION, times, why)
    return int(batch * times)


def _choose(made: Division, name: str, value: int, why: str) -> None:
    made.chosen[name] = value
    made.reasons.append(f"{name} {value}: {why}")


def _fitting(total: int) -> int:
    """Answers to a prompt that divide a round's: the nearest to the usual number, rather fewer."""
    fewer = (size for size in range(min(ANSWERS, total), 1, -1) if total % size == 0)
    more = (size for size in range(ANSWERS + 1, MOST_ANSWERS + 1) if total % size == 0)
    return next(fewer, next(more, 1))


def _unfit(asked: Mapping[str, Any], total: int, wanted: int | None) -> Problem:
    """What to change, where batch and answers do not go together."""
    if wanted is None:
        return Problem(
            f"training.{_ACCUMULATION}",
            f"{total} answers of a round cannot be divided into groups to compare",
            f"set it to {ANSWERS}, or training.{_BATCH}: {ANSWERS}",
        )
    whole = [size for size in range(2, min(total, MOST_ANSWERS) + 1) if total % size == 0]
    near = sorted(sorted(whole, key=lambda size: abs(size - wanted))[:3])
    batch = int(asked.get(_BATCH) or BATCH)
    steps = wanted // math.gcd(wanted, batch)
    either = f"{_ANSWERS}: {' or '.join(map(str, near))}, or " if near else ""
    return Problem(
        f"training.{_ANSWERS}",
        f"{wanted} answers to a prompt do not divide the {total} of a round "
        f"({_BATCH} x {_STEPS if asked.get(_STEPS) else _ACCUMULATION})",
        f"use {either}{_ACCUMULATION}: {steps}",
    )


def _evaluation(asked: Mapping[str, Any], answers: int, made: Division) -> None:
    """Evaluation batches hold all answers to a prompt."""
    together = int(asked.get("num_generations_eval") or answers)
    size = asked.get(_EVAL_BATCH)
    if size is None:
        batch = int(made.chosen.get(_BATCH) or asked.get(_BATCH) or BATCH)
        made.chosen[_EVAL_BATCH] = together * max(1, batch // together)
    elif size % together:
        made.problems.append(
            Problem(
                f"training.{_EVAL_BATCH}",
                f"{size} rows are no whole number of groups of {together} answers",
                f"use a multiple of {together}, or num_generations_eval: a divisor of {size}",
            )
        )
