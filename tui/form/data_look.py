"""A look at training data that is short enough to be repeated while a form is filled in.

It never reads a large file as a whole: `engine.data.extent.endless` says why a file is not looked at.
"""

from pathlib import Path
from typing import Any

from engine.data import Inspection
from engine.data.extent import endless, estimated_rows, files_of
from engine.plan.model_folder import BaseModel
from engine.plan.preflight import inspected
from engine.spec import JobSpec

LOOKED_AT_BYTES = 4 * 1024**2
"""Larger data is checked by its first rows while it is typed; all of it before it is queued."""
LOOKED_AT_ROWS = 2000


class DataLook:
    """Looks at data for a form: a little of it, and not again while nothing changed."""

    def __init__(self, *, thorough: bool = False) -> None:
        self._thorough = thorough
        self._seen: tuple[Any, Inspection] | None = None
        self.skip = False
        """Whether there is no data to look at."""
        self.note = ""
        """Why it was not looked at, where it was not."""
        self.estimated_rows: int | None = None

    def __call__(self, spec: JobSpec, model: BaseModel) -> Inspection | None:
        """As `preflight` asks for it."""
        self.note, self.estimated_rows = "", None
        if self.skip:
            return None
        files = [path for name in spec.data.named for path in files_of(name)]
        for path in files:
            if found := endless(path):
                self.note = found
                return None
        data, chat = spec.data, (spec.model.chat_template, model.chat)
        asked = (data.model_dump_json(), spec.method, chat, [_signature(path) for path in files])
        if self._seen is None or self._seen[0] != asked:
            self._seen = (asked, self._look(spec, model))
        found_rows = self._seen[1]
        if not found_rows.complete:
            trained = [path for one in spec.data.sources for path in files_of(one.path)]
            self.estimated_rows = estimated_rows(trained)
        return found_rows

    def _look(self, spec: JobSpec, model: BaseModel) -> Inspection:
        if self._thorough:
            return inspected(spec, model)
        return inspected(spec, model, small_bytes=LOOKED_AT_BYTES, rows=LOOKED_AT_ROWS)


def _signature(path: Path) -> tuple[str, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return str(path), -1, -1
    return str(path), stat.st_size, stat.st_mtime_ns
