"""Samples: what the model answered to held-out questions before and after the training."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message

from engine.text import one_line, shortened
from tui import text
from tui.keys import SAMPLES, bindings_of
from tui.messages import DetailsChanged
from tui.tabs.tab import RowsTab
from tui.widgets.canvas import Toned
from tui.widgets.sheet import Scroll

Sample = Mapping[str, Any]


class SamplesTab(RowsTab):
    """Figures first, then every kept question with its answers."""

    table_name = SAMPLES
    BINDINGS = bindings_of(SAMPLES)

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
            self.rows.show(partial(sample_rows, message.details.samples))


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
