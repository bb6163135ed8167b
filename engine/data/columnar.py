"""Rows of Parquet and Arrow files, batch by batch; places are row numbers. pyarrow is imported when needed."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.data.lines import LONGEST_ROW, TOO_LONG, TOO_LONG_HINT
from engine.data.row import AnyRow, BrokenRow, Row, located, printable
from engine.data.streams import on_disk
from engine.errors import DataError

if TYPE_CHECKING:
    import pyarrow

BATCH_ROWS = 1024
_BATCH_BYTES = 8 * 1024 * 1024
_STREAM_END = b"\xff\xff\xff\xff\0\0\0\0"
_ARROW_FILE = b"ARROW1"
_COMPLETE = "check that the file is complete and really "


def read_parquet(stream: BinaryIO, path: Path) -> Iterator[AnyRow]:
    """The rows of a Parquet file; what cannot be decoded ends the reading."""
    arrow = _pyarrow(path)
    import pyarrow.parquet

    number = 0
    try:
        with on_disk(stream, path) as file:
            content = _mapped(file)
            if content is None:
                return
            source = arrow.BufferReader(arrow.py_buffer(content))
            parquet = pyarrow.parquet.ParquetFile(source)
            _check_columns(parquet.schema_arrow, path)
            for batch in parquet.iter_batches(BATCH_ROWS, use_threads=False):
                for row in _rows(batch, path, number):
                    number += 1
                    yield row
            if number != parquet.metadata.num_rows:
                raise _unreadable(path, number, "rows are missing", "Parquet")
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, number, str(error), "Parquet") from error


def read_arrow(stream: BinaryIO, path: Path) -> Iterator[AnyRow]:
    """The rows of an Arrow file in either of its two layouts."""
    arrow = _pyarrow(path)
    number = 0
    try:
        with on_disk(stream, path) as file:
            content = _mapped(file)
            for batch in _batches(arrow, content, path) if content is not None else ():
                for row in _rows(batch, path, number):
                    number += 1
                    yield row
    except (arrow.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, number, str(error), "Arrow") from error


def _batches(arrow: Any, content: mmap.mmap, path: Path) -> "Iterator[pyarrow.RecordBatch]":
    source = arrow.BufferReader(arrow.py_buffer(content))
    if content[: len(_ARROW_FILE)] == _ARROW_FILE:
        reader = arrow.ipc.open_file(source)
        _check_columns(reader.schema, path)
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
        return
    reader = arrow.ipc.open_stream(source)
    _check_columns(reader.schema, path)
    yield from reader
    # One that was cut between two batches reads like a whole one.
    if content[-len(_STREAM_END) :] != _STREAM_END:
        raise ValueError("the file ends without the mark that closes it")


def _mapped(file: BinaryIO) -> mmap.mmap | None:
    """The file in memory, of which only what is looked at is loaded; None where it is empty.

    A column of Parquet and a batch of Arrow may be as large as the file.
    """
    size = file.seek(0, 2)
    return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) if size else None


def _rows(batch: "pyarrow.RecordBatch", path: Path, before: int) -> Iterator[AnyRow]:
    """The rows of a batch, as many at once as are small together."""
    step = max(1, min(BATCH_ROWS, batch.num_rows * _BATCH_BYTES // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, step):
        some = batch.slice(start, step)
        first = before + start + 1
        if some.nbytes <= LONGEST_ROW and (values := _values(some)) is not None:
            for number, one in enumerate(values, first):
                yield Row(one, str(path), number, "row")
            continue
        for index in range(some.num_rows):
            yield _one_row(some.slice(index, 1), path, first + index)


def _values(batch: "pyarrow.RecordBatch") -> list[dict[str, Any]] | None:
    """The rows as Python has them; None where one of them is broken."""
    try:
        batch.validate(full=True)
        rows: list[dict[str, Any]] = _readable(batch).to_pylist()
        return rows
    except (ValueError, OverflowError, TypeError, KeyError):
        return None


def _one_row(row: "pyarrow.RecordBatch", path: Path, number: int) -> AnyRow:
    if row.nbytes > LONGEST_ROW:
        return BrokenRow(str(path), number, f"the row is {TOO_LONG}", TOO_LONG_HINT, None, "row")
    try:
        row.validate(full=True)
        return Row(_readable(row).to_pylist()[0], str(path), number, "row")
    except (ValueError, OverflowError, TypeError, KeyError) as error:
        reason = f"the row cannot be read: {printable(str(error), 200)}"
        return BrokenRow(str(path), number, reason, "write this row anew", None, "row")


def _readable(batch: "pyarrow.RecordBatch") -> "pyarrow.RecordBatch":
    """Times as text: Python's own have no nanoseconds, and know not every zone."""
    import pyarrow

    types = pyarrow.types
    columns = []
    for column in batch.columns:
        if types.is_duration(column.type):
            columns.append(column.cast(pyarrow.int64()))
        elif types.is_timestamp(column.type):
            columns.append(column.cast(pyarrow.timestamp(column.type.unit)).cast(pyarrow.string()))
        elif types.is_temporal(column.type):
            columns.append(column.cast(pyarrow.string()))
        else:
            columns.append(column)
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _check_columns(schema: "pyarrow.Schema", path: Path) -> None:
    names = schema.names
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"{printable(str(path))}: more than one column is named {printable(repeated[0])!r}",
            "give every column a name of its own",
        )


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError as error:
        raise DataError(
            f"{printable(str(path))}: reading this kind of file needs pyarrow",
            "pip install pyarrow",
        ) from error
    return pyarrow


def _unreadable(path: Path, number: int, reason: str, what: str) -> DataError:
    return DataError(
        f"{located(path, number + 1, 'row')}: {printable(reason, 200)}", _COMPLETE + what
    )
