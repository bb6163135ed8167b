"""Files that survive a crash: atomic replacement, whole-line appends, tolerant reads.

Knows nothing of jobs; `engine.job` owns the names.
"""

import contextlib
import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

MAX_JSON_BYTES = 64 * 1024 * 1024
"""A JSON file larger than this is not ours; reading it is refused."""


def to_bytes(value: Any) -> bytes:
    """JSON bytes; NaN and infinity become null, as JSON has no word for them."""
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


def write_atomic(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace `path` so that every reader sees the old or the new content, never a part.

    `durable` also survives a power loss (fsync of file and folder); progress ticks do without.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """`write_atomic` of one JSON value."""
    write_atomic(path, to_bytes(value) + b"\n", durable=durable)


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_regular(path: Path) -> BinaryIO:
    """The file, open for reading; a pipe or a device in its place is refused, and never waited for.

    Raises:
        OSError: it is not there, may not be read, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def unreadable(path: Path) -> str | None:
    """Why a file cannot be read, in words that name it; None when it can, or is not there."""
    try:
        open_regular(path).close()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror or error}"
    return None


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in `path`; None when the file is missing, and ValueError when it is no object."""
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_JSON_BYTES:
                raise ValueError(f"{path.name} is larger than {MAX_JSON_BYTES} bytes")
            data = orjson.loads(file.read())
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not isinstance(data, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return data


class LineAppender:
    """Appends one JSON object a line, each with one `os.write`; for the single writer of a file."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        size = os.fstat(self._descriptor).st_size
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")
        self._torn = False

    def append(self, value: Any) -> None:
        """Write one line.

        Raises:
            OSError: the disk is full or failed; half a line may be there, and the next append or
                opening heals it.
        """
        line = (b"\n" if self._torn else b"") + to_bytes(value) + b"\n"
        self._torn = True
        written = os.write(self._descriptor, line)
        if written != len(line):
            os.write(self._descriptor, line[written:])
        self._torn = False

    def sync(self) -> None:
        """Make every line so far survive a power loss."""
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


@dataclass
class LineReader:
    """Reads only what was added to a growing file since the last read.

    Half a last line waits for its end; a file that was replaced or shrank is read from its beginning,
    which `restarts` counts. One that cannot be read has nothing new: `unreadable` says why.
    """

    path: Path
    offset: int = 0
    inode: tuple[int, int] | None = None
    restarts: int = 0

    def read(self, max_bytes: int = 8 * 1024 * 1024) -> bytes:
        """The whole lines that are new, at most about `max_bytes` of them."""
        try:
            with open_regular(self.path) as file:
                found = os.fstat(file.fileno())
                inode = (found.st_dev, found.st_ino)
                if self.inode is not None and (inode != self.inode or found.st_size < self.offset):
                    self.offset = 0
                    self.restarts += 1
                self.inode = inode
                if found.st_size == self.offset:
                    return b""
                file.seek(self.offset)
                block = file.read(max_bytes)
                end = block.rfind(b"\n") + 1
                if not end and len(block) == max_bytes:
                    self.offset += len(block)
                    return b""
        except OSError:
            return b""
        self.offset += end
        return block[:end]

    def objects(self, max_bytes: int = 8 * 1024 * 1024) -> list[dict[str, Any]]:
        """The new lines as JSON objects."""
        return objects_of(self.read(max_bytes))

    @property
    def share(self) -> float:
        """How much of the file was read, 0 to 1; 1 when it is not there."""
        try:
            return min(1.0, self.offset / max(1, self.path.stat().st_size))
        except OSError:
            return 1.0


def objects_of(lines: bytes) -> list[dict[str, Any]]:
    """Whole lines as JSON objects, parsed at once; a line that is none is passed over."""
    try:
        values = orjson.loads(b"[" + lines[:-1].replace(b"\n", b",") + b"]")
    except orjson.JSONDecodeError:
        values = _one_by_one(lines.splitlines())
    return [value for value in values if isinstance(value, dict)]


def _one_by_one(lines: list[bytes]) -> list[Any]:
    values = []
    for line in lines:
        with contextlib.suppress(orjson.JSONDecodeError):
            values.append(orjson.loads(line))
    return values
