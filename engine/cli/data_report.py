"""What `tunedeck data inspect` says of some data: facts by title, and lengths as bars."""

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TextIO

from engine.ascii import to_ascii
from engine.cli.output import on_terminal, speaks_unicode
from engine.data import Inspection, SourceFacts, remarks
from engine.data.lengths import Bar, Spread
from engine.data.preview import Preview
from engine.series import format_bytes
from engine.spec import DataSection
from engine.text import one_line

TITLE_WIDTH = 13
BAR_WIDTH = 30
PIPE_WIDTH = 100


class Asked(Protocol):
    """What was asked for, as far as a report needs it."""

    @property
    def section(self) -> DataSection:
        """The data."""

    @property
    def method(self) -> str:
        """What it is for."""

    @property
    def chat(self) -> bool:
        """Whether a chat template renders it."""


@dataclass(frozen=True)
class Paper:
    """What a stream can show."""

    width: int
    colours: bool
    ascii_only: bool

    @classmethod
    def of(cls, stream: TextIO, *, ascii_only: bool) -> "Paper":
        """Colours for a person who wants them; ASCII when asked, or when the stream has nothing else."""
        seen = on_terminal(stream)
        dull = os.environ.get("TERM") == "dumb" or bool(os.environ.get("NO_COLOR"))
        width = shutil.get_terminal_size().columns if seen else PIPE_WIDTH
        return cls(max(40, width), seen and not dull, ascii_only or not speaks_unicode(stream))

    def drawn(self, text: str) -> str:
        """Signs of ours as this stream can show them."""
        return to_ascii(text) if self.ascii_only else text

    @property
    def marks(self) -> tuple[str, str]:
        """What stands around what is learned, where no colour tells it."""
        return ("[[", "]]") if self.ascii_only else ("⟦", "⟧")


# --- facts ----------------------------------------------------------------------------------------


def facts(
    found: Inspection,
    section: DataSection,
    method: str,
    estimate: int | None,
    size: int,
    paper: Paper,
) -> Iterator[str]:
    """Format, rows, roles, repeats, leaks, bad rows and lengths."""
    said = [
        ("data", f"{', '.join(one_line(name) for name in section.named)} ({format_bytes(size)})"),
        ("format", _format(found, method)),
        ("rows", _rows(found, estimate)),
        *_sources(found),
        ("columns", _columns(found)),
        ("roles", ", ".join(f"{one_line(r, 30)} {n:,}" for r, n in found.roles.items())),
        ("turns", _turns(found.turns, found.rows)),
        ("repeats", _repeats(found)),
        ("evaluation", _evaluation(found)),
        ("characters", spread_words(found.characters, "a row")),
    ]
    for title, value in said:
        if value:
            yield from fact(title, value, paper)
    yield from bars(found.histogram, paper)
    yield from _bad(found, paper)


def _format(found: Inspection, method: str) -> str:
    if found.format is None:
        return "on the Hugging Face hub, which is not read here: --model NAME reads its first rows"
    return f"{found.format}, read as {found.kind} for {method}"


def _rows(found: Inspection, estimate: int | None) -> str:
    if found.rows is None:
        return ""
    if found.complete:
        if found.eval_rows is None or found.leaks is not None:
            return f"{found.rows:,}"
        return f"{found.rows:,}, {found.eval_rows:,} of them for evaluation"
    of = f" of about {estimate:,}" if estimate else ""
    return f"a sample: the first {found.rows:,}{of}; everything below is about these"


def _sources(found: Inspection) -> Iterator[tuple[str, str]]:
    if len(found.sources) < 2:
        return
    for source in found.sources:
        yield "", _source(source)


def _source(source: SourceFacts) -> str:
    what = "" if source.trains else " (evaluation)"
    if source.format is None:
        return f"{source.name}{what}: on the Hub"
    return f"{source.name}{what}: {source.rows:,} rows, {source.format}"


def _columns(found: Inspection) -> str:
    used = ", ".join(one_line(name, 40) for name in found.columns)
    unused = ", ".join(one_line(name, 40) for name in found.unused_columns)
    return f"{used}; not used: {unused}" if unused else used


def _turns(spread: Spread | None, rows: int | None) -> str:
    if spread is None or not rows:
        return ""
    return f"half of the rows up to {spread.p50:,}, at most {spread.max:,}"


def _repeats(found: Inspection) -> str:
    repeats = found.repeats
    if not repeats.among:
        return ""
    among = f" among the first {repeats.among:,}" if repeats.among < (found.rows or 0) else ""
    if not repeats.normalised:
        return f"none{among}"
    return (
        f"{repeats.exact:,} the same as an earlier row, {repeats.normalised:,} but for upper case "
        f"and white space{among}"
    )


def _evaluation(found: Inspection) -> str:
    leaks = found.leaks
    if leaks is None:
        return ""
    if not leaks.questions:
        return f"{leaks.among:,} different rows, none of them trained on"
    return (
        f"{leaks.among:,} different rows; trained on as well: {leaks.exact:,} the same, "
        f"{leaks.normalised:,} but for upper case and white space, {leaks.questions:,} by the question"
    )


def spread_words(spread: Spread | None, of: str) -> str:
    """How long rows are, in words."""
    if spread is None:
        return ""
    return (
        f"{of}: half up to {spread.p50:,}, 95% up to {spread.p95:,}, longest {spread.max:,}; "
        f"{spread.total:,} in all"
    )


def _bad(found: Inspection, paper: Paper) -> Iterator[str]:
    if not found.bad.count:
        yield from fact("bad rows", "none", paper)
        return
    more = found.bad.count - len(found.bad.named)
    yield from fact("bad rows", f"{found.bad.count:,} cannot be learned from:", paper)
    for line in [*found.bad.named, *([f"…and {more:,} more"] if more else [])]:
        yield from fact("", paper.drawn(line), paper)


def remarked(found: Inspection, section: DataSection, method: str, chat: bool) -> Iterator[str]:
    """What may go wrong, and what could be asked for."""
    for warning in remarks.warnings(found, section, method=method, chat=chat):
        yield f"{'warning':<{TITLE_WIDTH}}{one_line(warning)}"
    for offer in remarks.offers(found, section):
        yield f"{'offer':<{TITLE_WIDTH}}{one_line(offer)}"


def fact(title: str, value: str, paper: Paper) -> Iterator[str]:
    """A title and what it is, on as many lines as that takes."""
    lines = textwrap.wrap(
        one_line(value),
        max(20, paper.width - TITLE_WIDTH),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(lines or [""]):
        yield f"{title if number == 0 else '':<{TITLE_WIDTH}}{line}".rstrip()


def bars(found: Iterable[Bar], paper: Paper) -> Iterator[str]:
    """One line a bar: how many rows are so long."""
    known = list(found)
    highest = max((bar.count for bar in known), default=0)
    words = [f"{bar.low:,} to {bar.high:,}" for bar in known]
    room = max(map(len, words), default=0)
    for bar, label in zip(known, words, strict=True):
        full = max(1, round(bar.count / highest * BAR_WIDTH)) if bar.count else 0
        drawn = paper.drawn("█" * full)
        yield f"{'':<{TITLE_WIDTH}}{label:>{room}} {drawn} {bar.count:,}"


# --- JSON -----------------------------------------------------------------------------------------


def as_json(found: Inspection, seen: Preview | None, asked: Asked) -> dict[str, Any]:
    """Everything as one object."""
    return {
        "data": list(asked.section.named),
        "method": asked.method,
        "format": found.format,
        "kind": found.kind,
        "rows": found.rows,
        "complete": found.complete,
        "eval_rows": found.eval_rows,
        "sources": [
            asdict(one) | {"files": [str(path) for path in one.files]} for one in found.sources
        ],
        "columns": list(found.columns),
        "unused_columns": list(found.unused_columns),
        "roles": dict(found.roles),
        "turns": asdict(found.turns) if found.turns is not None else None,
        "characters": asdict(found.characters) if found.characters is not None else None,
        "histogram": [asdict(bar) for bar in found.histogram],
        "repeats": asdict(found.repeats),
        "leaks": asdict(found.leaks) if found.leaks is not None else None,
        "bad_rows": {
            "count": found.bad.count,
            "first": [
                {"file": row.file, "line": row.line, "unit": row.unit, "reason": row.reason}
                for row in found.bad.first
            ],
        },
        "first": list(found.first),
        "fingerprint": found.fingerprint,
        "warnings": remarks.warnings(found, asked.section, method=asked.method, chat=asked.chat),
        "offers": remarks.offers(found, asked.section),
        "tokens": seen.to_json() if seen is not None else None,
    }
