"""What answers are rewarded for: judges made from the `rewards` of a spec. Imports no training library.

To add one: its section in `engine.spec.rewards`, a module here, and a line in `_made`.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from engine.rewards.exact import Exact
from engine.rewards.function import Function
from engine.rewards.json_answer import Json
from engine.rewards.length import Length
from engine.rewards.numeric import Numeric
from engine.rewards.pattern import Pattern
from engine.rewards.reward import Attempt, Completion, Reward
from engine.rewards.shape import Shape
from engine.rewards.source import keep, refuse_unconfirmed, sha256_of
from engine.spec import rewards as sections

__all__ = [
    "Attempt",
    "Completion",
    "Reward",
    "judges",
    "keep",
    "refuse_unconfirmed",
    "sha256_of",
]


def judges(rewards: Sequence[sections.Reward], folder: Path) -> list[Reward]:
    """The judges of a job, in the order of the spec, each with a name of its own.

    Args:
        rewards: the sections of the spec.
        folder: where the job keeps its reward functions.

    Raises:
        PlanError: a function cannot be loaded.
    """
    used: Counter[str] = Counter()
    made = []
    for section in rewards:
        base = section.function if isinstance(section, sections.FunctionReward) else section.type
        used[base] += 1
        name = base if used[base] == 1 else f"{base}_{used[base]}"
        made.append(_made(name, section, folder))
    return made


def _made(name: str, section: sections.Reward, folder: Path) -> Reward:
    match section:
        case sections.ExactReward():
            return Exact(name, section)
        case sections.NumericReward():
            return Numeric(name, section)
        case sections.RegexReward():
            return Pattern(name, section)
        case sections.JsonReward():
            return Json(name, section)
        case sections.LengthReward():
            return Length(name, section)
        case sections.FormatReward():
            return Shape(name, section)
        case sections.FunctionReward():
            return Function(name, section, folder)
        case _:
            raise AssertionError(section)
