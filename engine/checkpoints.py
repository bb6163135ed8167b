"""Checkpoints are transactions: a folder counts only with its `commit.json`, which is written last.

Everything goes by step, never by modification time. The trainer writes the files in place; this module
commits, verifies, chooses, sets aside and rotates them. It imports no torch, so anyone may look.
"""

import fcntl
import hashlib
import math
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import StateError
from engine.files import read_json, sync_folder, write_json
from engine.status import utc_now

COMMIT = "commit.json"
HASHED_BELOW_BYTES = 2 * 1024**3
"""Files from this size on are committed by size alone."""

_NAME = re.compile(r"checkpoint-(\d+)")
_SET_ASIDE = re.compile(r"(rejected|kept)-(\d+)-(.+)")


@dataclass(frozen=True)
class Checkpoint:
    """A committed checkpoint."""

    folder: Path
    step: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What `commit.json` says besides the files: metrics, versions, data."""

    @property
    def eval_loss(self) -> float | None:
        """Loss of the evaluation at this step, if there was one."""
        value = self.facts.get("eval_loss")
        return float(value) if isinstance(value, int | float) else None

    @property
    def judged(self) -> tuple[str, float, bool] | None:
        """What its evaluation is judged by: name, value, whether greater is better (`engine.yardstick`)."""
        kept = self.facts.get("judged")
        if not isinstance(kept, Mapping):
            return None if self.eval_loss is None else ("eval_loss", self.eval_loss, False)
        value = kept.get("value")
        if not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return str(kept.get("metric")), float(value), kept.get("greater_is_better") is True

    @property
    def is_last(self) -> bool:
        """Whether the run had nothing left to train; the trainer, asked to go on, would do a step more."""
        if self.facts.get("stopped_early"):
            return True
        total = self.facts.get("total_steps")
        return isinstance(total, int) and self.step >= total

    @property
    def size_bytes(self) -> int:
        """Bytes of all its files."""
        return sum(entry["size"] for entry in self.facts["files"].values())


@dataclass(frozen=True)
class Selection:
    """What to resume from, and what had to be passed over."""

    checkpoint: Checkpoint | None
    rejected: tuple[tuple[int, str], ...] = ()
    """Step and reason of each damaged one, newest first."""


@dataclass(frozen=True)
class Aside:
    """A folder among the checkpoints that is none."""

    folder: Path
    step: int
    why: str
    """Why it is none, in words; empty for one without a commit: a save under way, or one that was killed."""
    rejected: bool = False
    """Whether its files are damaged."""


def folder_of(checkpoints: Path, step: int) -> Path:
    """The Hugging Face name of a checkpoint."""
    return checkpoints / f"checkpoint-{step}"


def commit(folder: Path, step: int, facts: Mapping[str, Any]) -> Checkpoint:
    """Make every file durable, then write `commit.json`: only now the checkpoint exists.

    Raises:
        OSError: the disk is full or failed; nothing was committed.
    """
    files = {}
    for path in _files(folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
            small = size < HASHED_BELOW_BYTES
            digest = hashlib.file_digest(file, "sha256").hexdigest() if small else None
        files[str(path.relative_to(folder))] = {"size": size, "sha256": digest}
    content = {"schema": 1, "step": step, "created_at": utc_now(), **facts, "files": files}
    sync_folder(folder)
    write_json(folder / COMMIT, content)
    sync_folder(folder.parent)
    return Checkpoint(folder, step, content)


def committed(checkpoints: Path) -> list[Checkpoint]:
    """Every checkpoint with a readable commit, by step; the files are not looked at."""
    found = []
    for step, folder in _numbered(checkpoints):
        content = _commit_of(folder)
        if content is not None and content.get("step") == step:
            found.append(Checkpoint(folder, step, content))
    return found


def aside(checkpoints: Path) -> list[Aside]:
    """What was set aside, and what was never committed, by step."""
    found = []
    for folder in _folders(checkpoints):
        if match := _SET_ASIDE.fullmatch(folder.name):
            why, rejected = match[3].replace("-", " "), match[1] == "rejected"
            found.append(Aside(folder, int(match[2]), why, rejected))
        elif (match := _NAME.fullmatch(folder.name)) and not (folder / COMMIT).exists():
            found.append(Aside(folder, int(match[1]), ""))
    return sorted(found, key=lambda one: (one.step, one.folder.name))


def damage(folder: Path, *, contents: bool = True) -> str | None:
    """Why a committed checkpoint cannot be trusted, in a few words; None when it can.

    Comparing the `contents` reads every byte; without that only the files and their sizes are looked at.
    """
    content = _commit_of(folder)
    if content is None:
        return "its commit.json cannot be read"
    for name, entry in content["files"].items():
        path = folder / name
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size != entry["size"]:
                    return f"{name} has the wrong size"
                expected = entry.get("sha256") if contents else None
                if expected and hashlib.file_digest(file, "sha256").hexdigest() != expected:
                    return f"{name} has other content"
        except FileNotFoundError:
            return f"{name} is missing"
        except (OSError, ValueError) as error:  # the latter: a name that no file can have
            return f"{name} cannot be read ({getattr(error, 'strerror', None) or error})"
    return None


def select(checkpoints: Path) -> Selection:
    """The newest checkpoint whose files verify.

    Damaged ones are renamed to `rejected-<step>-<why>`; folders without a commit are what a kill inside
    a save left behind: they never became checkpoints, and are deleted.
    """
    rejected: list[tuple[int, str]] = []
    for step, folder in reversed(_numbered(checkpoints)):
        if not (folder / COMMIT).exists():
            shutil.rmtree(folder)
            continue
        why = damage(folder)
        if why is None:
            return Selection(Checkpoint(folder, step, _commit_of(folder) or {}), tuple(rejected))
        _set_aside(folder, f"rejected-{step}", why)
        rejected.append((step, why))
    return Selection(None, tuple(rejected))


def keep_newer(checkpoints: Path, step: int) -> list[int]:
    """Set aside the checkpoints after that step as `kept-<step>-<why>`; only under `worker.lock`."""
    newer = [one for one in committed(checkpoints) if one.step > step]
    for one in reversed(newer):
        _set_aside(one.folder, f"kept-{one.step}", f"went back to {step}")
    return [one.step for one in newer]


def best(candidates: list[Checkpoint]) -> Checkpoint | None:
    """The one whose evaluation was best, the earlier of two equals.

    Where what they are judged by was changed on the way, only those count that go by the newest one's.
    """
    judged = [(one, judged) for one in candidates if (judged := one.judged) is not None]
    if not judged:
        return None
    metric, _, greater = max(judged, key=lambda pair: pair[0].step)[1]
    alike = [(one, how[1]) for one, how in judged if (how[0], how[2]) == (metric, greater)]
    sign = -1 if greater else 1
    return min(alike, key=lambda pair: (sign * pair[1], pair[0].step))[0]


def rotate(checkpoints: Path, keep: int) -> list[int]:
    """Delete all but the `keep` newest, the best, and those that an export is reading; by step."""
    present = committed(checkpoints)
    kept = {one.step for one in present[-keep:]}
    if (favourite := best(present)) is not None:
        kept.add(favourite.step)
    removed = []
    for one in present:
        if one.step not in kept and _remove(one.folder):
            removed.append(one.step)
    return removed


def choose(checkpoints: Path, wanted: str) -> Checkpoint:
    """The committed checkpoint that `last`, `best` or a step number names, verified.

    Raises:
        StateError: there is none.
    """
    present = committed(checkpoints)
    if not present:
        raise StateError(
            "there is no checkpoint yet", "wait for the first save, or pause: that saves one"
        )
    steps = ", ".join(str(one.step) for one in present)
    if wanted == "last":
        sound = [one for one in reversed(present) if damage(one.folder) is None]
        if not sound:
            raise StateError("every checkpoint is damaged", f"they are in {checkpoints}")
        return sound[0]
    if wanted == "best":
        found = best(present)
        hint = "train with `data.eval`, or ask for `last`"
    else:
        found = next((one for one in present if str(one.step) == wanted), None)
        hint = f"there are: {steps}, last, best"
    if found is None:
        raise StateError(f"there is no checkpoint {wanted!r}", hint)
    if why := damage(found.folder):
        raise StateError(f"checkpoint-{found.step} is damaged: {why}", f"there are: {steps}")
    return found


@contextmanager
def reading(checkpoint: Checkpoint) -> Iterator[None]:
    """Keep a checkpoint from being rotated away while it is read."""
    with (checkpoint.folder / COMMIT).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def discard_unfinished(checkpoints: Path) -> None:
    """Remove what failed saves left behind; only for the worker."""
    for _, folder in _numbered(checkpoints):
        if not (folder / COMMIT).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path) -> bool:
    """Delete a checkpoint, its commit first, so that no half of it is ever believed."""
    with (folder / COMMIT).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        (folder / COMMIT).unlink()
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _set_aside(folder: Path, name: str, why: str) -> None:
    words = re.sub(r"[^a-z0-9]+", "-", why.lower()).strip("-")[:60]
    target = folder.with_name(f"{name}-{words}")
    number = 1
    while target.exists():
        number += 1
        target = folder.with_name(f"{name}-{words}-{number}")
    folder.rename(target)


def _numbered(checkpoints: Path) -> list[tuple[int, Path]]:
    named = [(_NAME.fullmatch(folder.name), folder) for folder in _folders(checkpoints)]
    return sorted((int(match[1]), path) for match, path in named if match)


def _folders(checkpoints: Path) -> list[Path]:
    try:
        with os.scandir(checkpoints) as entries:
            return [Path(entry.path) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _commit_of(folder: Path) -> dict[str, Any] | None:
    try:
        content = read_json(folder / COMMIT)
    except (ValueError, OSError):
        return None
    if content is None or not isinstance(content.get("files"), dict):
        return None
    entries = content["files"].values()
    whole = all(isinstance(e, dict) and isinstance(e.get("size"), int) for e in entries)
    return content if whole else None


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.name != COMMIT)
