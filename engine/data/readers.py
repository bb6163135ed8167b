"""One reader for each kind of data file: bytes in, rows out; every error names file and line.

JSON lines, tables, text and parquet are streamed; a JSON array is held in memory as a whole.
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from engine.data.json_rows import read_json, read_json_lines
from engine.data.lines import numbered_lines, suffix
from engine.data.row import Row, located, printable
from engine.errors import DataError

Reader = Callable[[BinaryIO, Path], Iterator[Row]]

_LONGEST_FIELD = 2**31 - 1


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of one file, in its order; a file without any row is an error."""
    reader = READERS[suffix(path)]
    empty = True
    try:
        with _opened(path) as stream:
            for row in reader(stream, path):
                empty = False
                yield row
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(
            f"{printable(str(path))}: cannot be read: {reason}",
            "check that the file is complete and that you may read it",
        ) from error
    if empty:
        raise DataError(
            f"{printable(str(path))}: the file has no rows", "name a file that holds training data"
        )


def _opened(path: Path) -> BinaryIO:
    if path.name.lower().endswith(".gz"):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def read_table(stream: BinaryIO, path: Path) -> Iterator[Row]:
    """A table whose first line names the columns; .tsv by tabs, .csv by commas or semicolons."""
    csv.field_size_limit(_LONGEST_FIELD)
    lines = (line for _, line in numbered_lines(stream, path))
    top = next(lines, "")
    delimiter = "\t" if suffix(path) == ".tsv" else ";" if ";" in top and "," not in top else ","
    table = csv.reader(chain([top], lines), delimiter=delimiter, strict=True)
    start = 1
    try:
        header = next(table, [])
        if repeated := sorted({name for name in header if header.count(name) > 1}):
            raise DataError(
                f"{located(path, 1)}: more than one column is named {printable(repeated[0])!r}",
                "give every column a name of its own in the first line",
            )
        start = table.line_num + 1
        for fields in table:
            if fields:
                yield Row(_record(header, fields, path, start), str(path), start)
            start = table.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{located(path, start)}: {error}",
            'put text with commas, quotes or line breaks in double quotes, and write " as ""',
        ) from error


def _record(header: list[str], fields: list[str], path: Path, line: int) -> dict[str, str]:
    if len(fields) != len(header):
        raise DataError(
            f"{located(path, line)}: the row has {len(fields)} fields, the header {len(header)}",
            "put text that holds commas or line breaks in double quotes",
        )
    return dict(zip(header, fields, strict=True))


def read_text(stream: BinaryIO, path: Path) -> Iterator[Row]:
    """Plain text: documents separated by blank lines, each a row with the column `text`."""
    document: list[str] = []
    start = 1
    for number, line in numbered_lines(stream, path):
        if line.strip():
            start = start if document else number
            document.append(line.rstrip("\r\n"))
        elif document:
            yield Row({"text": "\n".join(document)}, str(path), start)
            document = []
    if document:
        yield Row({"text": "\n".join(document)}, str(path), start)


def read_parquet(stream: BinaryIO, path: Path) -> Iterator[Row]:
    """A parquet file, batch by batch; places are row numbers."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            f"{printable(str(path))}: reading parquet needs pyarrow", "pip install pyarrow"
        ) from error
    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(stream).iter_batches(batch_size=1024):
            for values in batch.to_pylist():
                number += 1
                yield Row(values, str(path), number, "row")
    except pyarrow.ArrowException as error:
        raise DataError(
            f"{located(path, number + 1, 'row')}: {printable(str(error), 200)}",
            "check that the file is complete and really parquet",
        ) from error


READERS: dict[str, Reader] = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".csv": read_table,
    ".tsv": read_table,
    ".txt": read_text,
    ".parquet": read_parquet,
}
"""File ending to reader; each is also read with `.gz` behind it."""
