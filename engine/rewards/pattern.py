"""A regular expression in the answer, through RE2: linear in the text, so no answer can stop the run."""

import re2

from engine.rewards.answers import cut
from engine.rewards.reward import Attempt, Reward
from engine.spec.rewards import RegexReward


class Pattern(Reward):
    """1 where the pattern is found."""

    def __init__(self, name: str, section: RegexReward) -> None:
        super().__init__(name)
        self._section = section
        options = re2.Options()
        options.case_sensitive = not section.ignore_case
        self._pattern = re2.compile(section.pattern, options)

    def judge(self, attempt: Attempt) -> float:
        found = cut(attempt.text, self._section.answer_from)
        if found is None:
            return 0.0
        text = found.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
        match = self._pattern.fullmatch if self._section.fully else self._pattern.search
        return float(match(text) is not None)
