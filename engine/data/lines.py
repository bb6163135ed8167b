"""A data file's ending, and its bytes as numbered lines of text."""

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path

from engine.data.row import located
from engine.errors import DataError


def suffix(path: Path) -> str:
    """What decides the reader: the ending in lower case, without a final `.gz`."""
    name = path.name.lower().removesuffix(".gz")
    return Path(name).suffix


def numbered_lines(stream: Iterable[bytes], path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines as text, without a byte order mark, line ends kept."""
    for number, raw in enumerate(stream, 1):
        if number == 1:
            if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise DataError(
                    f"{located(path, 1)}: the file is UTF-16, not UTF-8",
                    "convert it: iconv -f UTF-16 -t UTF-8 OLD > NEW",
                )
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            byte = raw[error.start]
            raise DataError(
                f"{located(path, number)}: byte {error.start + 1} (0x{byte:02x}) is not UTF-8",
                "save the file as UTF-8, for example: iconv -f LATIN1 -t UTF-8 OLD > NEW",
            ) from error
        yield number, text
