"""Asks a process of its own how the model will see some rows, and remembers what it said of a job.

Tokens need the training libraries, which nothing here imports; whoever asks waits ten seconds or more.
"""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from engine import edits, launch
from engine.data.extent import files_of
from engine.data.preview import Preview
from engine.errors import DataError, MachineError
from engine.files import read_json, write_json
from engine.job import Job
from engine.spec import JobSpec

SHOWN_ROWS = 3
MEASURED_ROWS = 2000
"""Rows whose tokens are counted."""

_POLL_SECONDS = 0.05


class Stopped(Exception):
    """Nobody wants the answer any more."""


def ask(
    spec: JobSpec,
    *,
    rows: int = SHOWN_ROWS,
    sample: int = MEASURED_ROWS,
    stop: Callable[[], bool] = lambda: False,
) -> Preview:
    """The first rows as the model will see them; ends the process when `stop` says so.

    Raises:
        DataError: tokenizer or data cannot be read, or the template refuses a row.
        MachineError: the process ended without an answer.
        Stopped: nobody waits.
    """
    folder = Path(tempfile.mkdtemp(prefix="tunedeck-preview-"))
    try:
        answer, log = folder / "answer.json", folder / "log.txt"
        asked = orjson.dumps(spec.model_dump(mode="json", exclude_none=True))
        process = launch.launch_preview(asked, answer, log, rows=rows, sample=sample)
        try:
            while process.poll() is None:
                if stop():
                    raise Stopped
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        return _read(answer, log)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read(answer: Path, log: Path) -> Preview:
    try:
        found = read_json(answer)
        if found is not None and "error" in found:
            raise DataError(str(found["error"]), str(found.get("hint", "")))
        if found is not None:
            return Preview.from_json(found)
    except ValueError:
        pass
    lines = log.read_text(errors="replace").strip().splitlines() or ["it said nothing"]
    raise MachineError(
        f"the rows could not be shown as tokens: {lines[-1][:300]}",
        "`tunedeck doctor` says whether the training libraries are complete",
    )


def known(job: Job) -> Preview | None:
    """The preview of a job's data that lies in its folder, where it is still true.

    Raises:
        SpecError: the job's spec cannot be read.
    """
    spec = edits.effective(job)
    try:
        stored = read_json(job.preview_file)
        if stored is not None and stored.get("key") == _key(spec):
            return Preview.from_json(stored["preview"])
    except (ValueError, KeyError, TypeError, OSError):
        pass  # written by another release, or half gone: it is made again
    return None


def of_job(job: Job, *, keep: bool, stop: Callable[[], bool] = lambda: False) -> Preview:
    """A new preview of a job's data; with `keep` it is left in the folder for the next who asks.

    The deck is the only writer of that file.

    Raises:
        TunedeckError: as `ask`, or the spec cannot be read.
        OSError: the folder cannot be written.
        Stopped: nobody waits.
    """
    spec = edits.effective(job)
    key = _key(spec)
    found = ask(spec, stop=stop)
    if keep and job.exists():
        write_json(job.preview_file, {"key": key, "preview": found.to_json()}, durable=False)
    return found


def _key(spec: JobSpec) -> str:
    """What decides the rows and how they are rendered."""
    signature = hashlib.sha256()
    parts = {"method", "model", "data", "training"}
    signature.update(
        orjson.dumps(spec.model_dump(mode="json", include=parts), option=orjson.OPT_SORT_KEYS)
    )
    for path in (path for name in spec.data.named for path in files_of(name)):
        try:
            stat = path.stat()
        except OSError:
            continue
        signature.update(f"{path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return signature.hexdigest()
