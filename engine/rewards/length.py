"""Length: near a target, or between limits."""

from engine.rewards.reward import Attempt, Reward
from engine.spec.rewards import LengthReward


class Length(Reward):
    """1 at the wanted length, falling evenly to 0 at `slack` away from it."""

    def __init__(self, name: str, section: LengthReward) -> None:
        super().__init__(name)
        self._unit = section.unit
        if section.target is not None:
            self._low: float = section.target
            self._high: float = section.target
            self._slack = section.target if section.slack is None else section.slack
        else:
            self._low = section.minimum or 0
            self._high = float("inf") if section.maximum is None else section.maximum
            self._slack = section.slack or 0

    def judge(self, attempt: Attempt) -> float:
        length = self._length(attempt)
        away = max(self._low - length, length - self._high, 0)
        if away == 0:
            return 1.0
        return max(0.0, 1 - away / self._slack) if self._slack else 0.0

    def _length(self, attempt: Attempt) -> int:
        if self._unit == "tokens":
            return attempt.tokens
        return len(attempt.text.split()) if self._unit == "words" else len(attempt.text)
