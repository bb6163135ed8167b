"""Which format some rows are in, seen through `data.format`, `data.columns` and the method."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.data.formats import FORMATS, Canonical, Format
from engine.data.row import Row, Values, printable
from engine.errors import DataError

AUTO = "auto"
PREFERENCE = "preference"
OUR_COLUMNS = tuple(dict.fromkeys(c for known in FORMATS for c in known.required + known.optional))
"""Every name that `data.columns` may map to a column of the file."""

_QUESTIONS = ("prompt", "question", "instruction", "query", "problem", "input")
_ANSWERS = ("completion", "answer", "response", "output", "solution", "target")
_TEXTS = ("text", "content", "body", "document")
_YAML_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


@dataclass(frozen=True)
class Reading:
    """How the rows of one source are understood."""

    format: Format

    columns: Mapping[str, str]
    """Our column name to the file's, where they differ."""

    def problem(self, row: Row) -> str | None:
        """What keeps a row from being learned from, in words."""
        values = renamed(row.values, self.columns)
        for name in self.format.required:
            if name not in values:
                theirs = self.columns.get(name, name)
                there = _listed(row.values)
                return f"the column {printable(theirs, 60)!r} is missing; the row has: {there}"
        return self.format.check(values)

    def convert(self, row: Row, *, chat: bool) -> Canonical:
        """A row without a problem, as the trainer wants it."""
        return self.format.convert(renamed(row.values, self.columns), chat=chat)

    def uses(self, column: str) -> bool:
        """Whether a column of the file reaches the trainer."""
        ours = self.format.required + self.format.optional
        return column in {self.columns.get(name, name) for name in ours}


def renamed(values: Values, columns: Mapping[str, str]) -> Values:
    """A row's values under our names; a mapped column is not seen under its own name any more."""
    if not columns:
        return values
    hidden = {*columns, *columns.values()}
    mapped = {ours: values[theirs] for ours, theirs in columns.items() if theirs in values}
    return {name: value for name, value in values.items() if name not in hidden} | mapped


def columns_of(rows: Iterable[Row]) -> tuple[str, ...]:
    """The columns of some rows together, in the order in which they appear."""
    return tuple(dict.fromkeys(name for row in rows for name in row.values))


def choose(head: Sequence[Row], *, format: str, columns: Mapping[str, str], method: str) -> Reading:
    """The one format that fits the first rows, or an error that says what to write instead."""
    named = _named(format, method)
    _check_mapping(head, columns)
    rows = [renamed(row.values, columns) for row in head]
    found = tuple(dict.fromkeys(name for row in rows for name in row))
    if format == PREFERENCE or (
        format == AUTO and not columns and {"chosen", "rejected"} <= set(found)
    ):
        raise _refused_preference(head, method)
    fitting = [
        known
        for known in named
        if set(columns) <= {*known.required, *known.optional} and known.matches(rows)
    ]
    usable = [known for known in fitting if method in known.methods]
    if fitting and not usable:
        raise _refused_by_method(head, fitting[0], method)
    if format == AUTO and len(usable) > 1 and usable[-1].name == "text":
        usable = usable[:-1]
    if not usable:
        raise _nothing_fits(head, format, named, method)
    if format == AUTO and len(usable) > 1:
        raise _several_fit(head, usable)
    return Reading(usable[0], columns)


def suggest_columns(head: Sequence[Row], method: str) -> dict[str, str] | None:
    """The `data.columns` that these rows probably need; None where there is nothing to guess."""
    texts = [
        name
        for name in columns_of(head)
        if any(isinstance(row.values.get(name), str) for row in head)
    ]
    if method == "pretrain":
        body = _first_of(_TEXTS, texts) or (texts[0] if texts else None)
        return {"text": body} if body is not None else None
    prompt = _first_of(_QUESTIONS, texts)
    completion = _first_of(_ANSWERS, [name for name in texts if name != prompt])
    if prompt is None or completion is None:
        if len(texts) < 2:
            return {"text": texts[0]} if texts else None
        rest = [name for name in texts if name not in (prompt, completion)]
        prompt = rest.pop(0) if prompt is None else prompt
        completion = rest.pop(0) if completion is None else completion
    return {"prompt": prompt, "completion": completion}


def columns_line(columns: Mapping[str, str]) -> str:
    """A mapping as the line to write in a spec."""
    return "columns: {" + ", ".join(f"{o}: {_yaml(theirs)}" for o, theirs in columns.items()) + "}"


def _named(name: str, method: str) -> list[Format]:
    if not any(method in known.methods for known in FORMATS):
        raise DataError(
            f"data for the method {method!r} cannot be read yet", "methods: sft, pretrain"
        )
    if name in (AUTO, PREFERENCE):
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
                f"a column that is not there; columns: {_listed(there)}",
                f"did you mean {printable(near[0], 60)}?" if near else "name one of these columns",
            )


def _refused_preference(head: Sequence[Row], method: str) -> DataError:
    there = set(columns_of(head))
    hint = "use it with a preference method such as dpo"
    if method == "sft" and "prompt" in there:
        wanted = columns_line({"prompt": "prompt", "completion": "chosen"})
        hint += f", or learn the chosen answers alone with data.{wanted}"
    return DataError(
        f"{_file(head)}: this is preference data (chosen and rejected answers), "
        f"which the method {method} does not learn from",
        hint,
    )


def _refused_by_method(head: Sequence[Row], found: Format, method: str) -> DataError:
    return DataError(
        f"{_file(head)}: the rows are in the format {found.name} "
        f"(columns: {_listed(columns_of(head))}), which the method {method} does not learn from",
        "use method: sft, or name the column to read as plain text: data.columns: {text: COLUMN}",
    )


def _nothing_fits(
    head: Sequence[Row], format: str, named: Sequence[Format], method: str
) -> DataError:
    there = columns_of(head)
    wanted = "any known format" if format == AUTO else f"the format {format}"
    known = "; ".join(
        f"{each.name}: {', '.join(each.required)}" for each in named if method in each.methods
    )
    suggested = _suggestion(head, format, named, method)
    return DataError(
        f"{_file(head)}: the columns ({_listed(there)}) are not those of {wanted} ({known})",
        f"say which column is which: data.{columns_line(suggested)}"
        if suggested
        else "rename the columns, or map them with data.columns",
    )


def _suggestion(
    head: Sequence[Row], format: str, named: Sequence[Format], method: str
) -> dict[str, str] | None:
    """The mapping to write, under the column names of the format that was asked for."""
    required = named[0].required
    if format == AUTO:
        return suggest_columns(head, method)
    if named[0].name == "text":
        return suggest_columns(head, "pretrain")
    guess = suggest_columns(head, method) or {}
    if len(guess) == len(required) == 2:
        return dict(zip(required, guess.values(), strict=True))
    return None


def _several_fit(head: Sequence[Row], usable: Sequence[Format]) -> DataError:
    names = list(dict.fromkeys(each.name for each in usable))
    listed = ", ".join(f"{each.name} ({', '.join(each.required)})" for each in usable)
    first = usable[0]
    wanted = columns_line({name: name for name in first.required})
    return DataError(
        f"{_file(head)}: the columns ({_listed(columns_of(head))}) fit several formats: {listed}",
        f"choose one with data.format ({' or '.join(names)}) or data.{wanted}",
    )


def _file(head: Sequence[Row]) -> str:
    return printable(head[0].file)


def _first_of(wanted: Sequence[str], there: Sequence[str]) -> str | None:
    by_lower_case = {name.lower(): name for name in reversed(there)}
    return next((by_lower_case[name] for name in wanted if name in by_lower_case), None)


def _listed(columns: Iterable[str]) -> str:
    names = [printable(name, 60) for name in columns]
    return ", ".join(names[:20] + (["…"] if len(names) > 20 else [])) or "none"


def _yaml(name: str) -> str:
    """A column's name as YAML reads it back."""
    word = name.replace("_", "").replace("-", "")
    bare = word.isascii() and word.isalnum() and name[0].isalpha()
    return name if bare and name.lower() not in _YAML_WORDS else json.dumps(name)
