"""Exact match: the answer is the data's, spacing apart."""

import unicodedata

from engine.rewards.answers import cut
from engine.rewards.reward import Attempt, Reward
from engine.spec.rewards import ExactReward


class Exact(Reward):
    """1 where the answer is the reference; runs of space count as one, and letters as composed (NFC)."""

    def __init__(self, name: str, section: ExactReward) -> None:
        super().__init__(name)
        self._section = section

    def judge(self, attempt: Attempt) -> float:
        answer = self._plain(attempt.text, self._section.answer_from)
        wanted = self._plain(attempt.reference, self._section.reference_from)
        return float(answer is not None and answer == wanted)

    def why_unusable(self, reference: str) -> str | None:
        if self._plain(reference, self._section.reference_from) is None:
            return "holds no answer to compare with"
        return None

    def _plain(self, text: str, source: str) -> str | None:
        found = cut(text, source)
        if found is None:
            return None
        plain = " ".join(unicodedata.normalize("NFC", found).split())
        return plain.casefold() if self._section.ignore_case else plain
