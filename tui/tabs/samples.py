"""Samples: what the model answered to held-out questions before and after, and to its prompts step by step."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message

from engine import answers
from engine.answers import Asked
from engine.text import clean_text, one_line, shortened
from tui import text
from tui.keys import SAMPLES, Key, bindings_of
from tui.messages import DetailsChanged
from tui.tabs.tab import KeysChanged, Noted, RowsTab
from tui.widgets.about import wrapped
from tui.widgets.canvas import Toned
from tui.widgets.sheet import Scroll

Sample = Mapping[str, Any]

LONGEST_ANSWER = 40
"""Rows of one answer to a prompt; `tunedeck samples` prints all of it."""


class SamplesTab(RowsTab):
    """The prompts at the selected step, then the figures, then every kept question with its answers."""

    table_name = SAMPLES
    BINDINGS = bindings_of(SAMPLES)

    def __init__(self, *, ascii_only: bool, id: str | None = None) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self._samples: Sequence[Sample] = ()
        self._asked: tuple[Asked, ...] = ()
        self._step: int | None = None
        """The step that was chosen; None stays at the newest."""

    def compose(self) -> ComposeResult:
        """Rows that scroll."""
        yield Scroll(id="sample-rows")

    @property
    def rows(self) -> Scroll:
        """What is shown."""
        return self.query_one(Scroll)

    def take(self, message: Message) -> None:
        """Show what was answered."""
        if isinstance(message, DetailsChanged):
            self._samples = message.details.samples
            self._asked = answers.asked(self._samples)
            self._show()

    @property
    def _at(self) -> int:
        """Which of the steps is shown; the newest where the chosen one was taken back."""
        steps = [one.step for one in self._asked]
        return steps.index(self._step) if self._step in steps else len(steps) - 1

    def action_later(self) -> None:
        """Show the answers of the next step; at the last, stay with the newest."""
        self._go(1)

    def action_earlier(self) -> None:
        """Show the answers of the step before."""
        self._go(-1)

    def useful(self, key: Key) -> bool:
        """Whether there is another step that way."""
        match key.action:
            case "later":
                return self._at < len(self._asked) - 1
            case "earlier":
                return self._at > 0
        return super().useful(key)

    def _go(self, by: int) -> None:
        at = self._at + by
        if not 0 <= at < len(self._asked):
            self.post_message(Noted("there are no answers of another step that way", "wait"))
            return
        self._step = self._asked[at].step if at < len(self._asked) - 1 else None
        self._show()

    def _show(self) -> None:
        def rows(widget: Toned, width: int) -> list[Text]:
            prompts = prompt_rows(self._asked, self._at, widget, width)
            measured = sample_rows(self._samples, widget, width)
            return [*prompts, *([Text()] if prompts and measured else []), *measured]

        self.rows.show(rows)
        self.post_message(KeysChanged())


def prompt_rows(asked: Sequence[Asked], at: int, widget: Toned, width: int) -> list[Text]:
    """The prompts at one step: each with the first answer that there was, and the one of the step."""
    if not asked:
        return []
    one, first = asked[at], asked[0]
    loss = f", eval loss {text.loss(one.eval_loss)}" if one.eval_loss is not None else ""
    place = f"prompts at step {one.step}{loss}"
    rows = [
        Text.assemble(place, (f"   {at + 1} of {len(asked)} steps", widget.tone("dim"))),
    ]
    for number, (prompt, answer) in enumerate(one.answers):
        rows += [Text(), _row("asked", one_line(prompt), "strong", widget, width)]
        if at and number < len(first.answers):
            said = one_line(first.answers[number][1]) or "(nothing)"
            rows.append(_row(f"step {first.step}", said, "dim", widget, width))
        rows += _whole(f"step {one.step}", answer, widget, width)
    return rows


def _row(title: str, words: str, tone: str, widget: Toned, width: int) -> Text:
    row = Text.assemble((f"{title:<14}", widget.tone("dim")), no_wrap=True)
    return row.append(shortened(words, max(8, width - len(row.plain))), style=widget.tone(tone))


def _whole(title: str, answer: str, widget: Toned, width: int) -> list[Text]:
    """An answer in as many rows as it needs."""
    lines = wrapped(clean_text(answer).strip() or "(nothing)", width - 14, LONGEST_ANSWER)
    return [
        _row(title if not number else "", line, "", widget, width)
        for number, line in enumerate(lines)
    ]


def sample_rows(samples: Sequence[Sample], widget: Toned, width: int) -> list[Text]:
    """Before against after, on rows that the model never saw."""
    before = next((one for one in samples if one.get("when") == "before"), None)
    after = next((one for one in reversed(samples) if one.get("when") == "after"), None)
    if before is None and after is None:
        return []
    known = after or before or {}
    rows = [
        Text.assemble(
            (f"{'':<14}{'before':>10}{'after':>10}", widget.tone("dim")),
            (
                f"   on {one_line(str(known.get('rows', '?')), 20)} held-out rows",
                widget.tone("dim"),
            ),
        )
    ]
    for key, title, words in (
        ("eval_loss", "eval loss", text.loss),
        ("exact_match", "exact match", _percent),
    ):
        pair = [words(_number(one, key)) for one in (before, after)]
        rows.append(
            Text.assemble((f"{title:<14}", widget.tone("dim")), f"{pair[0]:>10}{pair[1]:>10}")
        )
    for number, answer in enumerate(_answers(known)):
        earlier = _answers(before)[number : number + 1]
        compared = before is not None and after is not None
        said = _said(answer, earlier if compared else ())
        rows += [Text(), *(_answer_row(*one, answer, widget, width) for one in said)]
    return rows


def _said(answer: Sample, earlier: Sequence[Sample]) -> list[tuple[str, str]]:
    """Title and words of every line about one question."""
    said = [("asked", answer.get("prompt")), ("expected", answer.get("expected"))]
    if earlier:
        said.append(("before", earlier[0].get("answer")))
    said.append(("after" if earlier else "answer", answer.get("answer")))
    return [(title, one_line(str(words or ""))) for title, words in said]


def _answer_row(title: str, words: str, answer: Sample, widget: Toned, width: int) -> Text:
    row = Text.assemble((f"{title:<14}", widget.tone("dim")))
    if title in {"before", "after", "answer"}:
        right = words == one_line(str(answer.get("expected", "")))
        row.append("✓ " if right else "✗ ", style=widget.tone("good" if right else "bad"))
    room = max(8, width - len(row.plain))
    tone = "strong" if title == "asked" else ""
    return row.append(shortened(words or "(nothing)", room), style=widget.tone(tone))


def _answers(sample: Sample | None) -> Sequence[Sample]:
    found = (sample or {}).get("answers")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _number(sample: Sample | None, key: str) -> float | None:
    value = (sample or {}).get(key)
    return float(value) if isinstance(value, int | float) else None


def _percent(value: float | None) -> str:
    return text.UNKNOWN if value is None else f"{value:.1%}"
