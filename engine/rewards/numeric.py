"""Numeric match: the answer's last number is the data's."""

import math
import re

from engine.rewards.answers import cut
from engine.rewards.reward import Attempt, Reward
from engine.spec.rewards import NumericReward

LONGEST_NUMBER = 64
"""Characters; what is longer is no answer."""


class Numeric(Reward):
    """1 where the last number of the answer equals the reference's, within the tolerances."""

    def __init__(self, name: str, section: NumericReward) -> None:
        super().__init__(name)
        self._section = section

    def judge(self, attempt: Attempt) -> float:
        wanted = self._number(attempt.reference, self._section.reference_from)
        given = self._number(attempt.text, self._section.answer_from)
        if wanted is None or given is None:
            return 0.0
        same = math.isclose(
            given, wanted, rel_tol=self._section.rel_tol, abs_tol=self._section.abs_tol
        )
        return float(same)

    def why_unusable(self, reference: str) -> str | None:
        if self._number(reference, self._section.reference_from) is None:
            return "holds no number to compare with"
        return None

    def _number(self, text: str, source: str) -> float | None:
        found = cut(text, source)
        return last_number(found, self._section.decimal) if found is not None else None


def last_number(text: str, decimal: str = ".") -> float | None:
    """The last number in a text; `1,234.50`, `-3`, `$5`, `2e3`, `50%` (50) and `3/4` are numbers."""
    last = None
    for last in _PATTERNS[decimal].finditer(text):  # noqa: B007 - the last one is wanted
        pass
    if last is None:
        return None
    value = _value(last["number"], decimal)
    if value is None:
        return None
    if last["sign"] not in {None, "+"}:
        value = -value
    if last["below"] is None:
        return value
    divisor = _value(last["below"], decimal)
    return value / divisor if divisor else None


def _value(written: str, decimal: str) -> float | None:
    if len(written) > LONGEST_NUMBER:
        return None
    plain = "".join(sign for sign in written if sign not in _GROUPING[decimal])
    value = float(plain.replace(decimal, ".").replace(_MINUS, "-"))
    return value if math.isfinite(value) else None


_MINUS = "\N{MINUS SIGN}"
_SIGN = f"[-+{_MINUS}]"
_NARROW = (
    "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}'\N{RIGHT SINGLE QUOTATION MARK}_"
)
_GROUPING = {".": f",{_NARROW}", ",": f".{_NARROW}"}
"""Decimal sign -> what may group thousands; a plain space more often parts two numbers."""


def _compiled(decimal: str) -> re.Pattern[str]:
    """Repetitions are bounded or go on with another sign, so matching never backtracks far."""
    point, groups = re.escape(decimal), f"[{re.escape(_GROUPING[decimal])}]"
    whole = rf"(?:[0-9]{{1,3}}(?:{groups}[0-9]{{3}})+(?![0-9])|[0-9]+)"
    number = rf"(?:{whole}(?:{point}[0-9]+)?|{point}[0-9]+)(?:[eE]{_SIGN}?[0-9]{{1,4}}(?![0-9]))?"
    return re.compile(
        rf"(?P<sign>(?<![\w)]){_SIGN})?[$€£¥]?(?P<number>{number})(?:\s?/\s?(?P<below>{number}))?"
    )


_PATTERNS = {decimal: _compiled(decimal) for decimal in _GROUPING}
