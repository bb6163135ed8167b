"""What is worth saying about some data: what will hurt the training, and what could be asked for."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.data.inspection import Inspection, SourceFacts
from engine.data.row import printable

if TYPE_CHECKING:
    from engine.spec import DataSection

FEW_ROWS = 100
ENOUGH_TO_HOLD_OUT = 40
HELD_OUT = 0.05

_HELD_OUT_NAME = re.compile(r"(^|[._-])(test|valid|validation|val|eval|dev)([._-]|$)", re.I)


def warnings(
    found: Inspection, section: "DataSection", *, method: str, chat: bool = True
) -> list[str]:
    """What may go wrong though every row can be learned from."""
    said = [*_of_the_sources(found), *_of_bad_rows(found, section)]
    said += [*_of_the_rows(found, section), *_of_the_method(found, method, chat=chat)]
    return said


def offers(found: Inspection, section: "DataSection") -> list[str]:
    """What the spec could ask for and does not."""
    if section.eval is not None or (found.complete and (found.rows or 0) < ENOUGH_TO_HOLD_OUT):
        return []
    return [
        f"nothing is held out to measure with: data.eval: {HELD_OUT} keeps "
        f"{HELD_OUT:.0%} of the rows for it"
    ]


def _of_the_sources(found: Inspection) -> Iterator[str]:
    for source in found.sources:
        if source.format is None:
            yield f"{source.name} is on the Hugging Face hub: it is checked when the job starts"
        elif not source.complete:
            yield f"{source.name}: only the first {source.rows:,} rows were checked"
    for source in found.trained:
        yield from _held_out_beside(source)


def _held_out_beside(source: SourceFacts) -> Iterator[str]:
    held_out = [path.name for path in source.files if _HELD_OUT_NAME.search(path.name)]
    if held_out and len(source.files) > 1:
        yield f"{printable(held_out[0])} is read as training data, like every file of the folder"


def _of_bad_rows(found: Inspection, section: "DataSection") -> Iterator[str]:
    """What is done about them; where that ends the run, they are a problem and no warning."""
    bad = found.bad
    if bad.count and section.on_bad_row != "fail":
        what = "are left out" if section.on_bad_row == "skip" else "go to quarantine.jsonl"
        what = what if bad.count != 1 else what.replace("are", "is").replace("go", "goes")
        rows = "1 row that cannot" if bad.count == 1 else f"{bad.count:,} rows that cannot"
        yield f"{rows} be learned from {what}; the first: {bad.named[0]}"


def _of_the_rows(found: Inspection, section: "DataSection") -> Iterator[str]:
    rows, repeats = found.rows, found.repeats
    if found.format and all(one.complete for one in found.trained) and (rows or 0) < FEW_ROWS:
        yield f"only {rows} row{'s' * (rows != 1)}: expect memorising rather than learning"
    if repeats.exact:
        held = " and may be held out as well as trained on" * isinstance(section.eval, float)
        yield f"{_rows_are(repeats.exact)} the same as an earlier row{held}"
    if more := repeats.normalised - repeats.exact:
        yield f"{_rows_are(more)} the same as an earlier row but for upper case and white space"
    if found.leaks is not None:
        yield from _of_leaks(found)


def _of_leaks(found: Inspection) -> Iterator[str]:
    leaks = found.leaks
    assert leaks is not None
    if leaks.exact:
        yield (f"{_rows_are(leaks.exact)} in the evaluation data too: its loss will look too good")
    if more := leaks.normalised - leaks.exact:
        yield (
            f"{_rows_are(more)} in the evaluation data too but for upper case and white space: "
            "its loss will look too good"
        )
    if more := leaks.questions - leaks.normalised:
        asked = (
            "question of the evaluation data is"
            if more == 1
            else ("questions of the evaluation data are")
        )
        yield f"{more:,} {asked} trained on with another answer"


def _of_the_method(found: Inspection, method: str, *, chat: bool) -> Iterator[str]:
    if found.kind == "text" and method in ("sft", "osft"):
        yield "plain text is learned from the first word to the last: method: pretrain is for that"
    if not chat and found.format in ("messages", "sharegpt"):
        yield "without a chat template only the last answer of each conversation is learned"
    if glued := sum(one.glued for one in found.trained):
        yield (
            f"in {glued} of {found.rows} rows the completion follows the prompt without"
            " a space: end the prompts with a line break, or use a model with a chat template"
        )


def _rows_are(count: int) -> str:
    return "1 row is" if count == 1 else f"{count:,} rows are"
