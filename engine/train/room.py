"""Recognising a full disk, which the libraries report each in its own way."""

import errno
import re
import shutil
from pathlib import Path

LEAST_FREE_BYTES = 1024 * 1024
"""With less room than this on the job's disk, a failed write means a full disk."""

_WORDS = re.compile(r"No space left on device|Disk quota exceeded|os error (28|122)\b")
"""How libraries that are not written in Python put it."""


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether a failure was a full disk; torch's writer does not say so in its own error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        if _WORDS.search(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return shutil.disk_usage(folder).free < LEAST_FREE_BYTES
