"""A data file's bytes as they were meant: unpacked, and as UTF-8 whatever Unicode it was saved in."""

import codecs
import gzip
import io
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from engine.data.row import printable
from engine.errors import DataError
from engine.files import open_regular

PACKED = (".gz", ".zst")
"""Endings of packed files."""

_BLOCK_BYTES = 1 << 20
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BROKEN = "tunedeck-broken"

codecs.register_error(_BROKEN, lambda error: ("\udcff", getattr(error, "end", 0)))


def suffix(path: Path) -> str:
    """What decides the reader: the ending in lower case, without a final `.gz` or `.zst`."""
    name = path.name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return Path(name).suffix


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked; never waits for a pipe or a device.

    Raises:
        OSError: it is not there, may not be read, or is no regular file.
    """
    with ExitStack() as stack:
        stream: BinaryIO = stack.enter_context(open_regular(path))
        if path.name.lower().endswith(".gz"):
            stream = cast(BinaryIO, stack.enter_context(gzip.GzipFile(fileobj=stream)))
        elif path.name.lower().endswith(".zst"):
            stream = stack.enter_context(_unpacked_zstandard(stream, path))
        yield stream


@contextmanager
def on_disk(stream: BinaryIO, path: Path) -> Iterator[BinaryIO]:
    """The same bytes as a file: of a packed one an unpacked copy, gone when it is closed."""
    if not path.name.lower().endswith(PACKED):
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        while block := stream.read(_BLOCK_BYTES):
            copy.write(block)
        copy.seek(0)
        yield cast(BinaryIO, copy)


def as_utf8(stream: BinaryIO) -> tuple[BinaryIO, str]:
    """The bytes in UTF-8, and what they were in; without a mark, UTF-16 is known by its zero bytes.

    What is broken in UTF-16 and UTF-32 becomes bytes that are no UTF-8 either, so that it is found in its
    place.
    """
    head = cast(io.BufferedReader, stream).peek(4)[:4]
    for mark, codec in _MARKS:
        if head.startswith(mark):
            return _recoded(stream, codec), codec[:6].upper()
    if len(head) == 4:
        zeros = tuple(byte == 0 for byte in head)
        if zeros == (False, True, False, True):
            return _recoded(stream, "utf-16-le"), "UTF-16"
        if zeros == (True, False, True, False):
            return _recoded(stream, "utf-16-be"), "UTF-16"
    return stream, "UTF-8"


def _recoded(stream: BinaryIO, codec: str) -> BinaryIO:
    return cast(BinaryIO, io.BufferedReader(_Recoded(stream, codec), _BLOCK_BYTES))


class _Recoded(io.RawIOBase):
    """Another Unicode encoding as UTF-8."""

    def __init__(self, stream: BinaryIO, codec: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(codec)(_BROKEN)
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        while not self._left and not self._ended:
            block = self._stream.read(_BLOCK_BYTES)
            self._ended = not block
            text = self._decoder.decode(block, final=self._ended)
            self._left = text.encode("utf-8", "surrogatepass")
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _unpacked_zstandard(stream: BinaryIO, path: Path) -> BinaryIO:
    try:
        import pyarrow
    except ImportError as error:
        raise DataError(
            f"{printable(str(path))}: reading .zst needs pyarrow", "pip install pyarrow"
        ) from error
    unpacked = pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, "r"), "zstd")
    return cast(BinaryIO, io.BufferedReader(unpacked, _BLOCK_BYTES))
