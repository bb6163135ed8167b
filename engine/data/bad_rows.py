"""What becomes of rows that cannot be learned from: `data.on_bad_row`."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from engine.data.row import BrokenRow, printable
from engine.errors import DataError

Policy = Literal["fail", "skip", "quarantine"]

SHOWN_PROBLEMS = 10
"""Bad rows that a message names; the others are counted."""


class BadRows:
    """Counts the bad rows of a run and does with them what the policy says.

    The only writer of the quarantine file, which begins anew with the first bad row of a run; close it
    when all data was read.
    """

    def __init__(self, policy: Policy = "fail", quarantine: Path | None = None) -> None:
        self.policy = policy
        self.count = 0
        self.first: list[BrokenRow] = []
        """The first bad rows, as many as a message names."""
        self._path = quarantine if policy == "quarantine" else None
        self._file: BinaryIO | None = None

    def add(self, row: BrokenRow) -> None:
        """Take note of one bad row."""
        self.count += 1
        if len(self.first) < SHOWN_PROBLEMS:
            self.first.append(row)
        if self._path is not None:
            self._keep(row, self._path)

    def settle(self) -> None:
        """Raise one DataError that names the first bad rows, where the policy is `fail`."""
        if self.policy == "fail" and self.count:
            raise self.error()

    def error(self) -> DataError:
        """All bad rows as one error."""
        return report(self.first, self.count)

    def close(self) -> None:
        """Close the quarantine file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _keep(self, row: BrokenRow, path: Path) -> None:
        kept = {"file": row.file, "line": row.line, "reason": row.reason, "row": row.content}
        # Not orjson: it has no way to write half of a surrogate pair, which is what may be wrong.
        line = json.dumps(kept, default=str) + "\n"
        try:
            if self._file is None:
                self._file = path.open("wb", buffering=0)
            self._file.write(line.encode())
        except OSError as error:
            raise DataError(
                f"{printable(str(path))}: bad rows cannot be kept here: {error.strerror}",
                "make room on the disk, or leave bad rows out with data.on_bad_row: skip",
            ) from error


def report(rows: Sequence[BrokenRow], count: int) -> DataError:
    """One error about `count` bad rows, the first of which are given."""
    named = [f"{row.where}: {row.reason}" for row in rows]
    if count == 1:
        return DataError(named[0], rows[0].hint)
    more = [f"…and {count - len(named)} more"] if count > len(named) else []
    text = "\n  ".join([f"{count} rows cannot be learned from:", *named, *more])
    return DataError(text, next((row.hint for row in rows if row.hint), ""))
