"""What is in some training data, told before anything starts; reads no hub, writes nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine.data.conversion import OpenSource, converted, open_source
from engine.data.dataset import check_fraction, data_fingerprint, held_out_count, resolve_both
from engine.data.formats import Canonical
from engine.data.row import printable
from engine.data.source import HubId

FEW_ROWS = 100
SHOWN_ROWS = 3

_HELD_OUT_NAME = re.compile(r"(^|[._-])(test|valid|validation|val|eval|dev)([._-]|$)", re.I)


@dataclass(frozen=True)
class Characters:
    """How long the rows are, in characters: token counts need the model's tokenizer."""

    p50: int

    p95: int

    max: int


@dataclass(frozen=True)
class Inspection:
    """What a look at the data found; None where it is not known."""

    format: str | None

    rows: int | None
    """Rows that were read and checked, evaluation rows of a fraction included."""

    complete: bool
    """Whether these are all rows."""

    eval_rows: int | None

    columns: tuple[str, ...]

    unused_columns: tuple[str, ...]
    """Columns that do not reach the trainer."""

    first: tuple[Canonical, ...]
    """The first rows as the trainer gets them."""

    characters: Characters | None

    warnings: tuple[str, ...]

    files: tuple[Path, ...]

    fingerprint: str | None
    """As `Loaded.fingerprint`; only of data that was read as a whole."""


def inspect(
    train: str,
    *,
    eval: float | str | None,
    format: str,
    columns: Mapping[str, str],
    method: str,
    base_folder: Path,
    sample: int | None,
    chat: bool = True,
) -> Inspection:
    """Read the data, or the first `sample` rows of each source, and check every row read."""
    sources = resolve_both(train, eval, base_folder)
    looks = [
        _Look(resolved.name)
        if isinstance(resolved, HubId)
        else _look(
            resolved,
            open_source(resolved, format=format, columns=columns, method=method),
            sample=sample,
            chat=chat,
        )
        for resolved in sources
    ]
    main = looks[0]
    complete = all(look.complete for look in looks)
    return Inspection(
        format=main.format,
        rows=len(main.lengths) if main.format else None,
        complete=complete,
        eval_rows=_eval_rows(eval, looks),
        columns=main.columns,
        unused_columns=main.unused_columns,
        first=main.first,
        characters=_characters(main.lengths),
        warnings=tuple(_warnings(looks, method=method, chat=chat)),
        files=tuple(path for look in looks for path in look.files),
        fingerprint=data_fingerprint(train, eval, base_folder=base_folder) if complete else None,
    )


@dataclass(frozen=True)
class _Look:
    """What one source holds, as far as it was read."""

    name: str

    files: Sequence[Path] = ()

    format: str | None = None

    columns: tuple[str, ...] = ()

    unused_columns: tuple[str, ...] = ()

    first: tuple[Canonical, ...] = ()

    lengths: Sequence[int] = ()
    """Characters of each row."""

    seen: frozenset[int] = frozenset()
    """Hashes of the rows."""

    glued: int = 0
    """Rows whose completion follows the prompt without a space."""

    complete: bool = False


def _look(files: Sequence[Path], source: OpenSource, *, sample: int | None, chat: bool) -> _Look:
    first: list[Canonical] = []
    lengths: list[int] = []
    seen: set[int] = set()
    glued = 0
    for row in converted(islice(source.rows, sample), source.reading, chat=chat):
        first += [row] if len(first) < SHOWN_ROWS else []
        lengths.append(_length(row))
        seen.add(hash(repr(row)))
        glued += _is_glued(row)
    return _Look(
        name=printable(files[0].name),
        files=files,
        format=source.reading.format.name,
        columns=source.columns,
        unused_columns=tuple(name for name in source.columns if not source.reading.uses(name)),
        first=tuple(first),
        lengths=lengths,
        seen=frozenset(seen),
        glued=glued,
        complete=sample is None or next(source.rows, None) is None,
    )


def _eval_rows(eval: float | str | None, looks: Sequence[_Look]) -> int | None:
    if eval is None:
        return None
    counted = len(looks[-1].lengths) if looks[-1].complete else None
    if isinstance(eval, str):
        return counted
    check_fraction(eval)
    return held_out_count(counted, eval) if counted is not None else None


def _warnings(looks: Sequence[_Look], *, method: str, chat: bool) -> Iterator[str]:
    main = looks[0]
    for look in looks:
        if look.format is None:
            yield f"{look.name} is on the Hugging Face hub: it is checked when the job starts"
        elif not look.complete:
            yield f"{look.name}: only the first {len(look.lengths)} rows were checked"
    if main.complete and len(main.lengths) < FEW_ROWS:
        yield f"only {len(main.lengths)} rows: expect memorising rather than learning"
    if repeated := len(main.lengths) - len(main.seen):
        yield f"{_rows(repeated)} the same as an earlier row"
    if len(looks) > 1 and (shared := len(main.seen & looks[1].seen)):
        yield f"{_rows(shared)} in the evaluation data too: its loss will look too good"
    held_out = [path.name for path in main.files if _HELD_OUT_NAME.search(path.name)]
    if held_out and len(main.files) > 1:
        yield f"{printable(held_out[0])} is read as training data, like every file of the folder"
    if main.format == "text" and method == "sft":
        yield "plain text is learned from the first word to the last: method: pretrain is for that"
    if not chat and main.format in ("messages", "sharegpt"):
        yield "without a chat template only the last answer of each conversation is learned"
    if main.glued:
        yield (
            f"in {main.glued} of {len(main.lengths)} rows the completion follows the prompt without"
            " a space: end the prompts with a line break, or use a model with a chat template"
        )


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count} rows are"


def _characters(lengths: Sequence[int]) -> Characters | None:
    if not lengths:
        return None
    ordered = sorted(lengths)
    last = len(ordered) - 1
    return Characters(ordered[round(last * 0.5)], ordered[round(last * 0.95)], ordered[last])


def _length(row: Canonical) -> int:
    return sum(
        len(part) if isinstance(part, str) else sum(len(message["content"]) for message in part)
        for part in row.values()
    )


def _is_glued(row: Canonical) -> bool:
    prompt, completion = row.get("prompt"), row.get("completion")
    if not isinstance(prompt, str) or not isinstance(completion, str):
        return False
    return not prompt[-1].isspace() and not completion[0].isspace()
