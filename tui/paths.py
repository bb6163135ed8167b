"""Paths as they are typed into a form: what they mean, what completes them, which files begin a job."""

import asyncio
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from textual.suggester import Suggester

SPEC_SUFFIXES = frozenset({".yaml", ".yml", ".toml"})
DATA_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".gz"})


class Wanted(StrEnum):
    """What a field asks a path for."""

    ANY = "a spec or data"
    DATA = "data"
    MODEL = "a model folder"


def expand(typed: str) -> Path:
    """The path that was typed, from the folder in which the deck was started."""
    path = Path(typed.strip())
    try:
        path = path.expanduser()
    except RuntimeError:  # nobody of that name
        pass
    return path.absolute()


def shown(path: Path, mark: str = "") -> str:
    """A path as it would be typed here: relative below this folder, after `mark`, else absolute."""
    here = Path.cwd()
    below = path != here and path.is_relative_to(here)
    return f"{mark}{path.relative_to(here)}" if below else str(path)


MARK = "./"
"""What tells the path of a model from a Hub id."""


def is_spec(path: Path) -> bool:
    """Whether a file is a spec by its name, or by how it begins."""
    suffix = path.suffix.lower()
    if suffix in SPEC_SUFFIXES:
        return True
    return suffix == ".json" and _holds_a_spec(path)


def _holds_a_spec(path: Path) -> bool:
    import orjson

    try:
        if path.stat().st_size > 1024 * 1024:
            return False
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(content, dict) and {"model", "data"} <= content.keys()


def is_model(path: Path) -> bool:
    """Whether a folder holds a model."""
    return exists(path / "config.json")


def is_shown(path: Path, wanted: Wanted = Wanted.ANY) -> bool:
    """Whether completion and folder tree show it: folders, and the files that are asked for."""
    if path.name.startswith("."):
        return False
    suffix = path.suffix.lower()
    if wanted is not Wanted.MODEL and suffix in DATA_SUFFIXES:
        return True
    if wanted is Wanted.ANY and suffix in SPEC_SUFFIXES:
        return True
    try:
        return path.is_dir()
    except OSError:
        return False


def folder_of(typed: str) -> Path:
    """The folder in which the typed path lies or would lie; the nearest that is there."""
    path = expand(typed) if typed.strip() else Path.cwd()
    for folder in (path, *path.parents):
        try:
            if folder.is_dir():
                return folder
        except OSError:  # a name that is too long
            continue
    return Path.cwd()


def complete(typed: str, wanted: Wanted = Wanted.ANY) -> str | None:
    """`typed` with the rest of the first matching name, folders with their slash."""
    head, _, beginning = typed.rpartition("/")
    if not beginning:
        return None
    try:
        with os.scandir(expand(f"{head}/" if head or typed.startswith("/") else ".")) as entries:
            names = sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(beginning)
                and entry.name.isprintable()
                and is_shown(Path(entry.path), wanted)
            )
    except (OSError, ValueError):  # no such folder, or no name of one
        return None
    return typed[: len(typed) - len(beginning)] + names[0] if names else None


def exists(path: Path) -> bool:
    """Whether something is there."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or is none
        return False


class Completion(Suggester):
    """Completes what is typed, in a thread: a folder may lie on a slow disk."""

    def __init__(self, complete: Callable[[str], str | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """The whole value, as typed so far and completed."""
        return await asyncio.to_thread(self._complete, value)
