"""One reader for each kind of data file: bytes in, rows out; every error names file and place.

All of them stream. A row that cannot be read is a `BrokenRow` where the file can be read on after it, and a
DataError where it cannot.
"""

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from engine.data.columnar import read_arrow, read_parquet
from engine.data.documents import read_markdown, read_text
from engine.data.json_document import read_json
from engine.data.json_rows import read_json_lines
from engine.data.row import AnyRow, printable
from engine.data.streams import PACKED, opened, suffix
from engine.data.table import read_table
from engine.errors import DataError

Reader = Callable[[BinaryIO, Path], Iterator[AnyRow]]

READERS: dict[str, Reader] = {
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json,
    ".csv": read_table,
    ".tsv": read_table,
    ".txt": read_text,
    ".md": read_markdown,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
}
"""File ending to reader; each is also read with `.gz` or `.zst` behind it."""

KNOWN_ENDINGS = f"known endings, each also with {' or '.join(PACKED)}: {', '.join(READERS)}"


def read_rows(path: Path) -> Iterator[AnyRow]:
    """The rows of one file, in its order; a file without any row is an error."""
    reader = READERS[suffix(path)]
    last: AnyRow | None = None
    try:
        with opened(path) as stream:
            for last in reader(stream, path):
                yield last
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        behind = f" behind {last.unit} {last.line}" if last is not None else ""
        raise DataError(
            f"{printable(str(path))}: cannot be read{behind}: {printable(reason, 200)}",
            "check that the file is complete and that you may read it",
        ) from error
    if last is None:
        raise DataError(
            f"{printable(str(path))}: the file has no rows", "name a file that holds training data"
        )
