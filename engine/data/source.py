"""What `data.train` and `data.eval` name: a file, a folder, a pattern or a hub id, and its rows."""

import difflib
import glob
import hashlib
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from engine.data.readers import KNOWN_ENDINGS, READERS, read_rows
from engine.data.row import AnyRow, Row, Values, printable
from engine.data.saved import saved_files
from engine.data.streams import suffix
from engine.errors import DataError
from engine.files import open_regular

_HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?::([\w.%+:\[\]-]+))?")
"""`org/name`, and where one is meant, `:split` as `datasets` writes it: `openai/gsm8k:test[:200]`."""
_LONGEST_HUB_ID = 96
_ABOUT_DATA = re.compile(
    r"(readme|licen[cs]e|notice|changelog|citation|contributing|requirements)\b.*", re.I
)
"""Names of text files that stand beside the data and are none."""


@dataclass(frozen=True)
class HubId:
    """A data set on the Hugging Face hub; only the worker reads it."""

    name: str

    split: str = "train"

    subset: str | None = None
    """The configuration of a data set that has several."""

    streaming: bool = False
    """Whether it is read while training, without storing it."""

    def __str__(self) -> str:
        subset = f" ({printable(self.subset)})" if self.subset else ""
        return f"{printable(self.name)}{subset}, split {printable(self.split)}"


HubReader = Callable[[HubId], Iterable[Values]]
"""Loads a hub data set: the worker brings `datasets.load_dataset`, which loads torch with it."""

Resolved = list[Path] | HubId
"""Local files in reading order, or a hub id."""


def resolve(
    source: str,
    base_folder: Path,
    *,
    split: str | None = None,
    subset: str | None = None,
    streaming: bool = False,
) -> Resolved:
    """The files that a source names, sorted, or its hub id; touches no network."""
    if not source.strip():
        raise DataError("no training data is named", "name a file, a folder or a hub id")
    wanted = os.path.expanduser(source)  # noqa: PTH111 - Path.expanduser raises on ~nobody
    path = base_folder / wanted
    if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises on a name that is too long
        if (saved := saved_files(path, split)) is not None:
            return saved
        _refuse_split(split, path)
        return _data_files(path.iterdir(), f"{printable(str(path))}: the folder has no data files")
    if os.path.lexists(path):
        if suffix(path) not in READERS:
            raise DataError(
                f"{printable(str(path))}: data files of this kind are not read", KNOWN_ENDINGS
            )
        _refuse_split(split, path)
        return [path]
    if glob.has_magic(wanted):
        return _data_files(
            _matches(path), f"{printable(source)}: no data file matches this pattern"
        )
    if (found := _hub_id(source, base_folder)) is not None:
        name, part = found
        return HubId(name, part or split or "train", subset, streaming)
    raise DataError(f"{printable(str(path))}: no such file or folder", _nearest_names(path))


def rows_of(resolved: Resolved, read_hub: HubReader | None = None) -> Iterator[AnyRow]:
    """All rows of a source, file after file."""
    if isinstance(resolved, HubId):
        yield from _hub_rows(resolved, read_hub)
    else:
        for path in resolved:
            yield from read_rows(path)


def fingerprint(paths: Sequence[Path]) -> str:
    """SHA-256 over the names and bytes of files, in sorted order; not over their folder."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda path: (path.name, path)):
        try:
            with open_regular(path) as stream:
                content = hashlib.file_digest(cast(io.BufferedReader, stream), "sha256").digest()
        except OSError as error:
            raise DataError(
                f"{printable(str(path))}: cannot be read: {error.strerror}",
                "put the file back, or check that you may read it",
            ) from error
        total.update(path.name.encode("utf-8", "surrogateescape") + b"\0" + content)
    return total.hexdigest()


def _refuse_split(split: str | None, path: Path) -> None:
    if split is not None:
        raise DataError(
            f"{printable(str(path))}: data.split is {printable(split, 60)!r}, but this has no splits",
            "leave data.split out; a pattern such as folder/train-* names some files of a folder",
        )


def _data_files(candidates: Iterable[Path], nothing_found: str) -> list[Path]:
    """The data files among some paths; one that turns out not to be readable is not passed over."""
    found = list(candidates)
    files = [
        path
        for path in found
        if suffix(path) in READERS
        and not path.name.startswith(".")
        and not (suffix(path) in (".md", ".txt") and _ABOUT_DATA.fullmatch(path.name))
        and not path.is_dir()
    ]
    if not files:
        folders = sorted(path for path in found if path.is_dir() and path.name[:1] != ".")
        deeper = f"name a folder in it ({printable(folders[0].name)}?), or " if folders else ""
        raise DataError(nothing_found, f"{deeper}{KNOWN_ENDINGS}")
    return sorted(files)


def _matches(pattern: Path) -> Iterator[Path]:
    """What a pattern matches; folders that are there are meant literally, brackets and all."""
    folder, parts = Path(pattern.anchor), list(pattern.parts[1 if pattern.anchor else 0 :])
    while os.path.isdir(folder / parts[0]):  # noqa: PTH112 - Path.is_dir raises on a long name
        folder /= parts.pop(0)
    rest = str(Path(*parts))
    for name in glob.iglob(rest, root_dir=folder, recursive=True):  # noqa: PTH207 - skips hidden
        yield folder / name


def _hub_id(source: str, base_folder: Path) -> tuple[str, str | None] | None:
    """Name and split of a source that is no existing path, unless it reads as a wrong path."""
    match = _HUB_ID.fullmatch(source)
    if match is None or len(match[1]) > _LONGEST_HUB_ID:
        return None
    if suffix(Path(match[1])) in READERS or (base_folder / match[1]).parent.exists():
        return None
    return match[1], match[2]


def _nearest_names(path: Path) -> str:
    folder = path.parent
    if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises on a name that is too long
        return f"the folder {printable(str(folder))} does not exist either"
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return f"the folder {printable(str(folder))} cannot be read"
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(printable(name) for name in near)}?"
    data = [printable(name) for name in names if suffix(Path(name)) in READERS][:5]
    return f"data files in that folder: {', '.join(data) if data else 'none'}"


def _hub_rows(hub: HubId, read_hub: HubReader | None) -> Iterator[Row]:
    if read_hub is None:
        raise DataError(
            f"{hub.name}: data on the Hugging Face hub is only read when the job runs",
            "download it first to look at it here: hf download --repo-type dataset " + hub.name,
        )
    number = 0
    try:
        for number, values in enumerate(read_hub(hub), 1):
            yield Row(values, hub.name, number, "row")
    except (OSError, ValueError) as error:  # not found, no access, no network, unknown split
        behind = f" behind row {number}" if number else ""
        raise DataError(
            f"{hub}: cannot be loaded from the Hugging Face hub{behind}: "
            f"{printable(str(error), 300)}",
            "check the name, the network, and `hf auth login` for private data",
        ) from error
