"""A job's rows as Arrow files in its folder, mapped into memory when they are trained on.

Rows are read, converted, rendered and written one batch at a time, so that a million of them need no more
memory than a thousand. The files are used again on a resume as long as what they were made of is the same.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow
import pyarrow.compute
from datasets import Dataset, interleave_datasets

from engine.data.kinds import Canonical
from engine.errors import DataError
from engine.files import read_json, write_json
from engine.train.rendering import Rendered

BATCH_ROWS = 1000

TOKENS = pyarrow.schema(
    [("input_ids", pyarrow.list_(pyarrow.int32())), ("labels", pyarrow.list_(pyarrow.int32()))]
)
_MESSAGES = pyarrow.list_(
    pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
)
_MESSAGE_KEYS = {"role", "content"}

Progress = Callable[[int], None]
"""Told how many rows are written."""


@dataclass(frozen=True)
class Written:
    """What was written of one source."""

    dataset: Dataset
    given_rows: int
    """Rows that could be read, with those of which nothing could be learned."""


class RowFolder:
    """`prepared/` of a job: the rows as they are trained on, and what they were made of."""

    def __init__(self, folder: Path, made_of: Any) -> None:
        """`made_of` is everything that decides the rows, as JSON can hold it."""
        self._folder = folder
        self._index = folder / "prepared.json"
        text = orjson.dumps(made_of, option=orjson.OPT_SORT_KEYS)
        self._key = hashlib.sha256(text).hexdigest()
        known = read_json(self._index) or {}
        if known.get("made_of") != self._key:
            shutil.rmtree(folder, ignore_errors=True)
            known = {"made_of": self._key, "files": {}}
        self._known: dict[str, Any] = known
        folder.mkdir(exist_ok=True)

    @property
    def facts(self) -> Mapping[str, Any] | None:
        """What was noted of the rows when all were written; None before that."""
        facts: Mapping[str, Any] | None = self._known.get("facts")
        return facts

    def commit(self, facts: Mapping[str, Any]) -> None:
        """Everything was read and may be used again."""
        self._known["facts"] = dict(facts)
        write_json(self._index, self._known)

    def written(self, name: str) -> Written:
        """What an earlier attempt wrote."""
        facts = self._known["files"][name]
        return Written(self._mapped(name, facts["rows"]), facts["given_rows"])

    def tokens(self, name: str, rows: Iterable[Rendered], said: Progress) -> int:
        """Writes rendered rows and counts those given; those in which nothing is learned are left out."""
        given = 0

        def learned() -> Iterator[dict[str, Any]]:
            nonlocal given
            for row in rows:
                given += 1
                if row.trained_tokens:
                    yield {"input_ids": row.input_ids, "labels": row.labels}

        written = self._write(name, learned(), TOKENS, said)
        self._known["files"][name] = {"rows": written, "given_rows": given}
        return given

    def values(self, name: str, rows: Iterable[Canonical], said: Progress) -> int:
        """Writes and counts rows as they are: text, lists of messages, and what else a reward looks at."""
        written = self._write(name, (_plain(row) for row in rows), None, said)
        self._known["files"][name] = {"rows": written, "given_rows": written}
        return written

    def _write(self, name: str, rows: Iterator[dict[str, Any]], schema: Any, said: Progress) -> int:
        """Rows that were written; the file is put in its place when it is whole."""
        building = self._folder / f".new-{name}.arrow"
        count = 0
        writer = None
        with pyarrow.OSFile(str(building), "wb") as sink:
            for batch in _batches(rows):
                schema = schema or _schema_of(batch)
                writer = writer or pyarrow.ipc.new_stream(sink, schema)
                writer.write_batch(_record(batch, schema))
                count += len(batch)
                said(count)
            if writer is None and schema is not None:
                writer = pyarrow.ipc.new_stream(sink, schema)
            if writer is not None:
                writer.close()
        building.replace(self._path(name))
        return count

    def _mapped(self, name: str, rows: int) -> Dataset:
        if not rows:
            return Dataset.from_dict({"input_ids": [], "labels": []})
        return Dataset.from_file(str(self._path(name)))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.arrow"

    def close(self) -> None:
        """Remove it: the job is completed, or its data is refused."""
        shutil.rmtree(self._folder, ignore_errors=True)


Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Lists:
    """A batch of lists of integers in one piece."""

    values: Array
    """Of all lists, one after another."""
    lengths: Array

    def summed(self, values: Array) -> Array:
        """The sum over each list of `values`, which belong to `self.values`."""
        total = np.concatenate(([0], np.cumsum(values, dtype=np.int64)))
        ends = np.cumsum(self.lengths)
        return np.asarray(total[ends] - total[ends - self.lengths])


def batches(dataset: Dataset, *columns: str) -> Iterator[list[Lists]]:
    """Columns of lists of integers, some rows at a time, without making Python objects of them."""
    for table in dataset.select_columns(list(columns)).with_format("arrow").iter(BATCH_ROWS):
        yield [_lists(table[name].combine_chunks()) for name in columns]


def lengths(dataset: Dataset, column: str = "input_ids") -> Array:
    """How long the list of each row is."""
    found = [batch[0].lengths for batch in batches(dataset, column)]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _lists(column: Any) -> Lists:
    counts = pyarrow.compute.list_value_length(column).to_numpy(zero_copy_only=False)
    return Lists(column.flatten().to_numpy(zero_copy_only=False), counts.astype(np.int64))


def mixed(parts: Sequence[Dataset], weights: Sequence[float | None], seed: int) -> Dataset:
    """All sources as one: in their order without weights, else drawn by weight until one is used up.

    Deterministic in `seed`: `datasets.interleave_datasets` draws the order beforehand.
    """
    if len(parts) == 1:
        return parts[0]
    if all(weight is None for weight in weights):
        from datasets import concatenate_datasets

        return concatenate_datasets(list(parts))
    asked = [1.0 if weight is None else weight for weight in weights]
    shares = [weight / sum(asked) for weight in asked]
    return interleave_datasets(
        list(parts), probabilities=shares, seed=seed, stopping_strategy="first_exhausted"
    )


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _schema_of(rows: Sequence[dict[str, Any]]) -> Any:
    """The columns of the first rows; lists of messages hold roles and contents."""
    fields = []
    for name, value in rows[0].items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            fields.append(pyarrow.field(name, _MESSAGES))
        else:
            fields.append(pyarrow.field(name, pyarrow.array([row.get(name) for row in rows]).type))
    return pyarrow.schema(fields)


def _record(rows: Sequence[dict[str, Any]], schema: Any) -> Any:
    try:
        return pyarrow.RecordBatch.from_pylist(list(rows), schema=schema)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
        raise DataError(
            f"the rows are not all of one shape: {str(error)[:200]}",
            "let every row have the same columns, each of one type",
        ) from error


def _plain(row: Canonical) -> dict[str, Any]:
    """Refuses what a column of messages would drop in silence."""
    for name, value in row.items():
        if not isinstance(value, list):
            continue
        for message in value:
            more = set(message) - _MESSAGE_KEYS if isinstance(message, dict) else set()
            if any(message[key] for key in more):
                raise DataError(
                    f"{name} has {', '.join(sorted(more))} in a message, which only sft learns from",
                    "use method: sft for it, or take these rows out",
                )
    return row
