"""The first rows in `tunedeck data inspect`, as the model will see them: what is learned is coloured or marked.

Without a model they are shown as what is said in them.
"""

import textwrap
from collections.abc import Iterator

from engine.cli.data_report import Paper, bars, fact, spread_words
from engine.cli.output import json_text
from engine.data import Inspection
from engine.data.kinds import Canonical
from engine.data.preview import Preview, View
from engine.data.turns import Turn, turns
from engine.text import cells, clean_text, one_line

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
    room = LONGEST_ROW
    before, after = (_ON, _OFF) if paper.colours else paper.marks
    pieces: list[tuple[str, bool]] = []
    for stretch in view.stretches:
        text = clean_text(stretch.text)[:room]
        room -= len(text)
        if text:
            pieces.append((text, stretch.trained))
    left = sum(len(one.text) for one in view.stretches) > LONGEST_ROW or view.hidden_tokens
    yield from _wrapped(pieces, before, after, paper)
    if left:
        yield paper.drawn("  …")


def _wrapped(
    pieces: list[tuple[str, bool]], before: str, after: str, paper: Paper
) -> Iterator[str]:
    """Lines of at most the width, each with its own colours, so that a pager shows them right."""
    room = paper.width - 4
    line, used, on = "", 0, False

    def turned(line: str, to: bool) -> str:
        return line if to == on else line + (before if to else after)

    for text, trained in pieces:
        line = turned(line, trained)
        on = trained
        for character in text:
            width = cells(character)
            if character == "\n" or used + width > room:
                yield "  " + (line + after if on and paper.colours else line)
                line, used = (before if on and paper.colours else ""), 0
                if character == "\n":
                    continue
            line += "    " if character == "\t" else character
            used += 4 if character == "\t" else width
    yield "  " + (line + after if on else line)


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
