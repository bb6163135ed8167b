"""Which format rows are in and what they become, seen through `data.format`, `data.columns` and the method."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine import methods
from engine.data.checks import Unusable, listed
from engine.data.formats import FORMATS, JUDGED, LAST_RESORTS, Canonical, Format
from engine.data.formats.question import Prompt
from engine.data.kinds import KINDS
from engine.data.mapping import columns_line as columns_line
from engine.data.mapping import columns_of as columns_of
from engine.data.mapping import file_of, guess_columns, renamed
from engine.data.row import Row, Values, printable
from engine.errors import DataError

AUTO = "auto"
OUR_COLUMNS = tuple(dict.fromkeys(c for known in FORMATS for c in known.required + known.optional))
"""Every name that `data.columns` may map to a column of the file."""


@dataclass(frozen=True)
class Reading:
    """How the rows of one source are understood."""

    format: Format

    kind: str
    """What its rows become, a key of `engine.data.kinds.KINDS`."""

    columns: Mapping[str, str]
    """Our column name to the file's, where they differ."""

    def problem(self, row: Row) -> str | None:
        """What keeps a row from being learned from, in words."""
        values = renamed(row.values, self.columns)
        return self._missing(row, values) or self.format.check(values, self.kind)

    def understood(self, row: Row, *, chat: bool) -> Canonical | str:
        """The row as the trainer wants it, or else what is wrong with it; as `problem` and `convert`."""
        values = renamed(row.values, self.columns)
        reason = self._missing(row, values)
        if not chat:  # a row is checked as a chat model takes it, which `convert` does itself
            reason = reason or self.format.check(values, self.kind)
        try:
            return reason or self.format.convert(values, self.kind, chat=chat)
        except Unusable as problem:
            return str(problem)

    def _missing(self, row: Row, values: Values) -> str | None:
        for name in self.format.required:
            if name not in values:
                theirs = self.columns.get(name, name)
                there = listed(list(row.values)) or "none"
                return f"the column {printable(theirs, 60)!r} is missing; the row has: {there}"
        return None

    def convert(self, row: Row, *, chat: bool) -> Canonical:
        """A row without a problem, as the trainer wants it."""
        return self.format.convert(renamed(row.values, self.columns), self.kind, chat=chat)

    def uses(self, column: str) -> bool:
        """Whether a column of the file reaches the trainer."""
        ours = self.format.required + self.format.optional
        return column in {self.columns.get(name, name) for name in ours}


def choose(
    head: Sequence[Row],
    *,
    format: str,
    columns: Mapping[str, str],
    method: str,
    chat: bool = True,
) -> Reading:
    """The one format that fits the first rows and can become what the method learns from.

    Raises:
        DataError: there is none, or more than one; says what to write instead.
    """
    learns_from = methods.method(method).learns_from
    return recognise(
        head,
        format=format,
        columns=columns,
        kinds=learns_from,
        refusal=f"which the method {method} does not learn from",
        chat=chat,
    )


def recognise(
    head: Sequence[Row],
    *,
    format: str = AUTO,
    columns: Mapping[str, str],
    kinds: Iterable[str] = tuple(KINDS),
    refusal: str,
    advice: Callable[[Format], str] | None = None,
    chat: bool = True,
) -> Reading:
    """The one format that fits the first rows and can become one of these kinds.

    `refusal` ends the sentence about data in another format: "which the method dpo does not learn from".
    `advice` says what to do about it; without it, which methods learn from such data. Without `chat` a
    conversation is an exchange.
    """
    asked = _asked(format)
    _check_mapping(head, columns)
    seen = [renamed(row.values, columns) for row in head]
    fitting = [
        known
        for known in asked
        if set(columns) <= {*known.required, *known.optional} and known.matches(seen)
    ]
    wanted = _Wanted(tuple(kinds), refusal, chat, advice or _methods_for)
    able = [known for known in fitting if wanted.rank(known) is not None]
    judged = [known for known in fitting if known in JUDGED]
    plain = format != AUTO or columns or not judged
    usable = able if plain else [known for known in able if known in judged]
    if not usable:
        known_as = [*judged, *(known for known in fitting if not isinstance(known, Prompt))]
        if known_as:
            raise _refused(head, known_as[0], wanted, able)
        raise _nothing_fits(head, format, asked, wanted)
    return Reading(best := _best(head, usable, wanted), wanted.kind(best), columns)


def suggest_columns(head: Sequence[Row], method: str) -> dict[str, str] | None:
    """The `data.columns` that these rows probably need; None where there is nothing to guess."""
    return guess_columns(head, methods.method(method).learns_from)


@dataclass(frozen=True)
class _Wanted:
    """What rows must become."""

    kinds: tuple[str, ...]

    refusal: str

    chat: bool

    advice: Callable[[Format], str]

    def rank(self, known: Format) -> int | None:
        """0 where a format was written for one of the kinds, more where it must be converted."""
        return next((i for i, kind in enumerate(known.kinds) if kind in self.kinds), None)

    def kind(self, known: Format) -> str:
        """What the rows of a format become."""
        kind = next(kind for kind in known.kinds if kind in self.kinds)
        return "exchange" if kind == "conversation" and not self.chat else kind


def _best(head: Sequence[Row], usable: Sequence[Format], wanted: _Wanted) -> Format:
    """Formats made for the kind go before others, and last resorts after everything."""
    first = [known for known in usable if known not in LAST_RESORTS]
    if not first:
        return usable[0]
    rank = min(wanted.rank(known) or 0 for known in first)
    best = [known for known in first if (wanted.rank(known) or 0) == rank]
    names = {known.name for known in best}
    if len(names) > 1 or (rank > 0 and len(best) > 1):
        raise _several_fit(head, best)
    return best[0]


def _asked(name: str) -> list[Format]:
    if name == AUTO:
        return list(FORMATS)
    names = list(dict.fromkeys(known.name for known in FORMATS))
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        meant = f"did you mean {near[0]}? " if near else ""
        raise DataError(
            f"data.format: there is no format {printable(name, 60)!r}",
            f"{meant}known: {AUTO}, {', '.join(names)}",
        )
    return [known for known in FORMATS if known.name == name]


def _check_mapping(head: Sequence[Row], columns: Mapping[str, str]) -> None:
    there = columns_of(head)
    for ours, theirs in columns.items():
        if ours not in OUR_COLUMNS:
            near = difflib.get_close_matches(ours, OUR_COLUMNS, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise DataError(
                f"data.columns: {printable(ours, 60)!r} is not a name to map to",
                f"{meant}write our name first, then the file's; ours: {', '.join(OUR_COLUMNS)}",
            )
        if theirs not in there:
            near = difflib.get_close_matches(theirs, there, n=1)
            raise DataError(
                f"{head[0].where}: data.columns maps {ours} to {printable(theirs, 60)!r}, "
                f"a column that is not there; columns: {listed(there) or 'none'}",
                f"did you mean {printable(near[0], 60)}?" if near else "name one of these columns",
            )


def _refused(
    head: Sequence[Row], found: Format, wanted: _Wanted, otherwise: Sequence[Format]
) -> DataError:
    """The rows are understood, and whoever wants them cannot use them, or only `otherwise`."""
    there = columns_of(head)
    if found.name == "preference":
        return DataError(
            f"{file_of(head)}: this is preference data (chosen and rejected answers), "
            + wanted.refusal,
            _preference_hint(found, wanted),
        )
    if found.name == "unpaired":
        return DataError(
            f"{file_of(head)}: this is unpaired preference data (answers with a label, good or bad), "
            + wanted.refusal,
            f"write data.format: {otherwise[0].name} to use all answers, bad ones too"
            if otherwise
            else "use other data",
        )
    hints = [advice] if (advice := wanted.advice(found)) else []
    if "text" in wanted.kinds:
        hints.append("name the column to read as plain text: data.columns: {text: COLUMN}")
    return DataError(
        f"{file_of(head)}: the rows are in the format {found.name} "
        f"(columns: {listed(there)}), {wanted.refusal}",
        ", or ".join(hints) or "name other data",
    )


def _methods_for(found: Format) -> str:
    """The methods that learn from a format."""
    able = [
        known.name for known in methods.methods().values() if {*found.kinds} & {*known.learns_from}
    ]
    return f"use method: {' or '.join(able)}" if able else ""


def _preference_hint(found: Format, wanted: _Wanted) -> str:
    """What to write to use the chosen side alone."""
    hint = wanted.advice(found)
    if "exchange" not in wanted.kinds:
        return hint
    asked = found.required[0]
    mapping = {"messages": "chosen"}
    if asked == "instruction":
        mapping = {"instruction": asked, "output": "chosen"}
    elif asked != "chosen":
        mapping = {"prompt": asked, "completion": "chosen"}
    return f"{hint}, or use the chosen answers alone with data.{columns_line(mapping)}"


def _nothing_fits(
    head: Sequence[Row], format: str, asked: Sequence[Format], wanted: _Wanted
) -> DataError:
    fit = "any known format" if format == AUTO else f"the format {format}"
    known: dict[str, str] = {}
    for each in asked:
        if wanted.rank(each) is not None:
            known.setdefault(each.name, ", ".join(each.required))
    shown = "; ".join(f"{name}: {required}" for name, required in known.items())
    suggested = guess_columns(head, wanted.kinds, asked[0] if format != AUTO else None)
    return DataError(
        f"{file_of(head)}: the columns ({listed(columns_of(head)) or 'none'}) are not those of {fit}"
        + (f" ({shown})" if shown else ""),
        f"say which column is which: data.{columns_line(suggested)}"
        if suggested
        else "rename the columns, or map them with data.columns",
    )


def _several_fit(head: Sequence[Row], usable: Sequence[Format]) -> DataError:
    names = list(dict.fromkeys(each.name for each in usable))
    fitting = ", ".join(f"{each.name} ({', '.join(each.required)})" for each in usable)
    wanted = columns_line({name: name for name in usable[0].required})
    by_format = f"data.format ({' or '.join(names)}) or " if len(names) > 1 else ""
    return DataError(
        f"{file_of(head)}: the columns ({listed(columns_of(head))}) fit several formats: {fitting}",
        f"choose one with {by_format}data.{wanted}",
    )
