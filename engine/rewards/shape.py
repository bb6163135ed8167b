"""Format: the text is made of certain tags, one after the other."""

from engine.rewards.reward import Attempt, Reward
from engine.spec.rewards import FormatReward


class Shape(Reward):
    """1 where each tag opens and closes once, in order, has something inside, and nothing is outside."""

    def __init__(self, name: str, section: FormatReward) -> None:
        super().__init__(name)
        self._section = section

    def judge(self, attempt: Attempt) -> float:
        tags = self._section.tags
        text = f"<{tags[0]}>{attempt.text}" if self._section.opened else attempt.text
        right, rest = 0, text
        for tag in tags:
            before, opening, inside = rest.partition(f"<{tag}>")
            body, closing, after = inside.partition(f"</{tag}>")
            once = text.count(f"<{tag}>") == text.count(f"</{tag}>") == 1
            if opening and closing and once and not before.strip() and body.strip():
                right += 1
            if closing:
                rest = after
        if self._section.partial:
            return right / len(tags)
        return float(right == len(tags) and not rest.strip())
