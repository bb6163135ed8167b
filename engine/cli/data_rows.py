"""The first rows in `tunedeck data inspect`, as the model will see them: what is learned is coloured or marked.

Without a model they are shown as what is said in them.
"""

import textwrap
from collections.abc import Iterator

from engine.cli.data_report import Paper, bars, fact, spread_words
from engine.cli.output import json_text
from engine.data import Inspection, preview
from engine.data.kinds import Canonical
from engine.data.preview import Preview, Stretch, View
from engine.data.turns import Turn, turns
from engine.text import clean_text, one_line

LONGEST_ROW = 1200
"""Characters of a row that are shown."""

_ON, _OFF = "\x1b[32m", "\x1b[39m"


def shown(found: Inspection, seen: Preview | None, paper: Paper) -> Iterator[str]:
    """Lengths in tokens, and the first rows as the model will see them, as far as that is known."""
    if seen is None:
        for number, row in enumerate(found.first, 1):
            yield ""
            yield f"row {number}"
            yield from _spoken(row, paper)
        return
    yield from tokens(seen, paper)
    for number, views in enumerate(seen.rows, 1):
        for view in views:
            yield ""
            yield _headline(number, view)
            yield from _tokens_of(view, paper)


def tokens(seen: Preview, paper: Paper) -> Iterator[str]:
    """How long the rows are in tokens, how many are cut, and how much is learned."""
    of = "a row" if seen.complete else f"of the first {seen.read_rows:,} rows"
    if (spread := spread_words(seen.lengths, of)) and seen.lengths is not None:
        yield from fact("tokens", spread, paper)
        yield from bars(seen.bars, paper)
    for title, value in token_facts(seen):
        yield from fact(title, value, paper)


def token_facts(seen: Preview) -> Iterator[tuple[str, str]]:
    """What is cut, what is learned, and by which template."""
    if seen.max_length is not None:
        cut = (
            "none is cut"
            if not seen.cut_rows
            else (f"{seen.cut_share:.1%} of the rows ({seen.cut_rows:,}) are cut")
        )
        yield "max_length", f"{seen.max_length:,} tokens: {cut}"
    if seen.trained_tokens and seen.trained_share is not None:
        rows = seen.untrained_rows
        nothing = f"; {rows:,} row{'s teach' if rows != 1 else ' teaches'} nothing" if rows else ""
        yield "learned", f"{seen.trained_share:.1%} of the tokens{nothing}"
    elif seen.tokens and not seen.note:
        yield "learned", "nothing: no token of these rows is trained on"
    if seen.template:
        yield "template", seen.template
    if seen.note:
        yield "note", seen.note


def _headline(number: int, view: View) -> str:
    label = f" {view.label}" if view.label else ""
    cut = f", {view.cut_tokens:,} cut" if view.cut_tokens else ""
    return f"row {number}{label}: {view.tokens:,} tokens, {view.trained_tokens:,} learned{cut}"


def _tokens_of(view: View, paper: Paper) -> Iterator[str]:
    """The row's text, what is learned in colour or between marks, cut where it is very long."""
    kept, more = preview.shown(view, LONGEST_ROW)
    if not paper.colours:
        before, after = paper.marks
        kept = [Stretch(f"{before}{one.text}{after}", True) if one.trained else one for one in kept]
    for line in preview.lines(kept, paper.width - 2):
        yield "  " + "".join(
            f"{_ON}{one.text}{_OFF}" if one.trained and paper.colours else one.text for one in line
        )
    if more:
        yield paper.drawn("  …")


def _spoken(row: Canonical, paper: Paper) -> Iterator[str]:
    """Who says what, where no tokenizer tells more."""
    said = list(turns(row)) or [Turn("", json_text(row.get("input_ids")), "input_ids")]
    width = max(len(one_line(turn.name, 12)) for turn in said) + 2
    for turn in said:
        words = turn.text
        lines = clean_text(words[:LONGEST_ROW]).splitlines() or [""]
        for number, line in enumerate(lines):
            head = one_line(turn.name, 12) if number == 0 else ""
            room = max(20, paper.width - width - 2)
            for part_number, part in enumerate(textwrap.wrap(line, room) or [""]):
                yield f"  {head if part_number == 0 else '':<{width}}{part}".rstrip()
        if len(words) > LONGEST_ROW:
            yield f"  {'':<{width}}{paper.drawn('…')}"
