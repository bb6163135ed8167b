"""A fault of tunedeck itself: its traceback goes into a file, the user gets one sentence."""

import os
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from engine import __version__
from engine.errors import TunedeckError
from engine.store import default_home


def explained(error: BaseException) -> TunedeckError:
    """The sentence to show for an unexpected exception, after its traceback was written."""
    path = _write("".join(traceback.format_exception(error)))
    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return TunedeckError(
        f"a fault in tunedeck itself: {what}",
        f"the traceback is in {path}; please report it" if path else "please report it",
    )


def _write(text: str) -> Path | None:
    """The file that now holds the traceback: below the home folder, or where it can be written."""
    name = f"crash-{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    for folder in (default_home() / "crashes", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = folder / name
            path.write_text(f"tunedeck {__version__}\n{text}", encoding="utf-8", errors="replace")
        except OSError:
            continue
        return path
    return None
