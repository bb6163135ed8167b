"""What is in some training data, told before anything starts; reads no hub, writes nothing.

Everything is counted while the rows stream by. A row that cannot be learned from is counted and named; what
becomes of it is for `data.on_bad_row` to say, and for whoever asked.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.bad_rows import BadRows, report
from engine.data.conversion import OpenSource, open_source
from engine.data.dataset import (
    check_fraction,
    data_fingerprint,
    eval_source,
    held_out_count,
    resolve_all,
)
from engine.data.kinds import Canonical
from engine.data.lengths import Bar, Lengths, Spread
from engine.data.repeats import Leaks, Marks, Repeats, Watched
from engine.data.row import BrokenRow, printable
from engine.data.source import HubId, Resolved
from engine.data.turns import Turn, characters, turns
from engine.errors import DataError

if TYPE_CHECKING:  # pydantic would cost every reader of a file 0.2 s
    from engine.spec import DataSection, DataSource

SHOWN_ROWS = 3

Progress = Callable[[int], None]
"""Told now and then how many rows were read."""

_TOLD_ROWS = 1000


@dataclass(frozen=True)
class SourceFacts:
    """What one source holds, as far as it was read."""

    name: str
    trains: bool
    """Whether its rows are trained on; else they are for evaluation."""
    files: tuple[Path, ...] = ()
    """None of data on the Hub."""
    format: str | None = None
    """None where it was not read."""
    kind: str | None = None
    columns: tuple[str, ...] = ()
    unused_columns: tuple[str, ...] = ()
    """Columns that do not reach the trainer."""
    rows: int = 0
    """Rows that were read and can be learned from."""
    complete: bool = False
    """Whether these are all."""
    glued: int = 0
    """Rows whose completion follows the prompt without a space."""


@dataclass(frozen=True)
class Bad:
    """Rows that cannot be learned from."""

    count: int = 0
    first: tuple[BrokenRow, ...] = ()

    @property
    def error(self) -> DataError | None:
        """What they are to a job that learns from all rows or not at all."""
        return report(self.first, self.count) if self.count else None

    @property
    def named(self) -> list[str]:
        """File, line and reason of the first of them."""
        return [f"{row.where}: {row.reason}" for row in self.first]


@dataclass(frozen=True)
class Inspection:
    """What a look at the data found; None where it is not known."""

    sources: tuple[SourceFacts, ...]
    eval_rows: int | None
    first: tuple[Canonical, ...]
    """The first training rows as the trainer gets them."""
    roles: Mapping[str, int]
    """Who speaks how often in the training rows."""
    turns: Spread | None
    """Messages of a row, where rows are conversations."""
    characters: Spread | None
    """Of the training rows; token counts need the model's tokenizer."""
    histogram: tuple[Bar, ...]
    """The same, in bars."""
    repeats: Repeats
    """Among the training rows."""
    leaks: Leaks | None
    """None without evaluation data of its own."""
    bad: Bad
    fingerprint: str | None
    """As `data_fingerprint`; only of data that was read as a whole."""

    @property
    def trained(self) -> tuple[SourceFacts, ...]:
        """The sources that are trained on."""
        return tuple(one for one in self.sources if one.trains)

    @property
    def format(self) -> str | None:
        """The format of the training rows; all of them, where there are several."""
        return ", ".join(dict.fromkeys(one.format for one in self.trained if one.format)) or None

    @property
    def kind(self) -> str | None:
        """The kind of row that they become."""
        return ", ".join(dict.fromkeys(one.kind for one in self.trained if one.kind)) or None

    @property
    def rows(self) -> int | None:
        """Training rows that can be learned from, those of a fraction for evaluation included."""
        return sum(one.rows for one in self.trained) if self.format else None

    @property
    def complete(self) -> bool:
        """Whether everything was read."""
        return all(one.complete for one in self.sources)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the training rows."""
        return tuple(dict.fromkeys(name for one in self.trained for name in one.columns))

    @property
    def unused_columns(self) -> tuple[str, ...]:
        """Those of them that do not reach the trainer."""
        return tuple(dict.fromkeys(name for one in self.trained for name in one.unused_columns))

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that was read."""
        return tuple(path for one in self.sources for path in one.files)


def inspect(
    section: "DataSection",
    *,
    method: str,
    base_folder: Path,
    sample: int | None,
    chat: bool = True,
    shown: int = SHOWN_ROWS,
    progress: Progress | None = None,
) -> Inspection:
    """Read the data, or the first `sample` rows of each source, and check every row read.

    `shown` rows are kept.

    Raises:
        DataError: there is no data, it is in no known format, or a file cannot be read on.
    """
    if isinstance(section.eval, float):
        check_fraction(section.eval)
    look = _Look(chat=chat, method=method, sample=sample, shown=shown, progress=progress)
    held_out, resolved = eval_source(section), resolve_all(section, base_folder)
    watched = Watched() if held_out is not None else None
    measured = []
    if held_out is not None:  # first, to know what to watch for
        measured.append(look.read(held_out, resolved[-1], trains=False, watched=watched))
    sources = [
        *(
            look.read(one, where, trains=True, watched=watched)
            for one, where in zip(section.sources, resolved, strict=False)
        ),
        *measured,
    ]
    complete = all(one.complete for one in sources)
    return Inspection(
        sources=tuple(sources),
        eval_rows=_eval_rows(section.eval, sources),
        first=tuple(look.first),
        roles=dict(look.roles.most_common()),
        turns=look.turns.spread,
        characters=look.lengths.spread,
        histogram=look.lengths.bars(),
        repeats=look.marks.repeats,
        leaks=watched.leaks if watched is not None else None,
        bad=Bad(look.bad.count, tuple(look.bad.first)),
        fingerprint=data_fingerprint(section, base_folder) if complete else None,
    )


@dataclass
class _Look:
    """What was counted so far."""

    chat: bool
    method: str
    sample: int | None
    shown: int
    progress: Progress | None
    read_rows: int = 0
    first: list[Canonical] = field(default_factory=list)
    roles: Counter[str] = field(default_factory=Counter)
    turns: Lengths = field(default_factory=Lengths)
    lengths: Lengths = field(default_factory=Lengths)
    marks: Marks = field(default_factory=Marks)
    bad: BadRows = field(default_factory=lambda: BadRows("skip"))

    def read(
        self, source: "DataSource", resolved: Resolved, *, trains: bool, watched: Watched | None
    ) -> SourceFacts:
        """Read one source, as far as is wanted."""
        if isinstance(resolved, HubId):
            return SourceFacts(resolved.name, trains)
        opened = open_source(
            resolved,
            format=source.format,
            columns=source.columns,
            method=self.method,
            chat=self.chat,
        )
        rows = glued = 0
        for row in self._checked(opened):
            rows += 1
            glued += _is_glued(row)
            said = turns(row)
            if trains:
                self._count(row, said)
                if watched is not None:
                    watched.look(row, said)
            elif watched is not None:
                watched.add(row, said)
        return SourceFacts(
            name=printable(Path(source.path).name),
            trains=trains,
            files=tuple(resolved),
            format=opened.reading.format.name,
            kind=opened.kind,
            columns=opened.columns,
            unused_columns=tuple(name for name in opened.columns if not opened.reading.uses(name)),
            rows=rows,
            complete=self.sample is None or next(opened.rows, None) is None,
            glued=glued,
        )

    def _checked(self, opened: OpenSource) -> Iterator[Canonical]:
        """The rows that can be learned from; the others are counted."""
        for row in islice(opened.rows, self.sample):
            self.read_rows += 1
            if self.progress is not None and self.read_rows % _TOLD_ROWS == 0:
                self.progress(self.read_rows)
            found = opened.understood(row, chat=self.chat)
            if isinstance(found, BrokenRow):
                self.bad.add(found)
            else:
                yield found

    def _count(self, row: Canonical, said: Sequence[Turn]) -> None:
        if len(self.first) < self.shown:
            self.first.append(row)
        self.lengths.add(characters(row, said))
        self.marks.add(row, said)
        spoken = [turn for turn in said if turn.role]
        self.roles.update([turn.role for turn in spoken])
        if spoken:
            self.turns.add(sum(turn.column != "rejected" for turn in spoken))


def _eval_rows(eval: float | str | None, sources: Sequence[SourceFacts]) -> int | None:
    if eval is None or not all(one.complete for one in sources):
        return None
    if isinstance(eval, str):
        return sources[-1].rows
    return held_out_count(sum(one.rows for one in sources), eval)


def _is_glued(row: Canonical) -> bool:
    prompt, completion = row.get("prompt"), row.get("completion")
    if not isinstance(prompt, str) or not isinstance(completion, str):
        return False
    return not prompt[-1:].isspace() and not completion[:1].isspace()
