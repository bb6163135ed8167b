"""Folders that `datasets` saved (`save_to_disk`): one data set, or one for each split."""

from pathlib import Path
from typing import Any

from engine.data.row import printable
from engine.errors import DataError
from engine.files import read_json

_INDEX = "state.json"
_SPLITS = "dataset_dict.json"


def saved_files(folder: Path, split: str | None) -> list[Path] | None:
    """The Arrow files of a saved data set in their order; None for any other folder."""
    known = _facts(folder / _SPLITS)
    if known is not None:
        names = [name for name in known.get("splits") or () if isinstance(name, str)]
        return _files(folder / _chosen(names, split, folder)) or []
    files = _files(folder)
    if files is not None and split is not None:
        raise DataError(
            f"{printable(str(folder))}: data.split is {printable(split, 60)!r}, but this folder holds"
            " one data set, without splits",
            "leave data.split out",
        )
    return files


def _chosen(names: list[str], split: str | None, folder: Path) -> str:
    if split is None and len(names) == 1:
        return names[0]
    wanted = split or "train"
    if wanted not in names:
        raise DataError(
            f"{printable(str(folder))}: there is no split {printable(wanted, 60)!r}",
            f"choose one with data.split: {', '.join(map(printable, names)) or 'none is there'}",
        )
    return wanted


def _files(folder: Path) -> list[Path] | None:
    if not any(folder.glob("*.arrow")):  # another program's state.json
        return None
    known = _facts(folder / _INDEX)
    if known is None or "_data_files" not in known:
        return None
    listed = known["_data_files"]
    names = [one.get("filename") if isinstance(one, dict) else None for one in listed or ()]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise _damaged(folder / _INDEX, "it names no data files")
    if known.get("_indices_data_files") or known.get("_indices_files"):
        raise DataError(
            f"{printable(str(folder))}: the order of its rows is kept beside them, as old releases of"
            " datasets did",
            "save it again with a current release, after flatten_indices()",
        )
    return [folder / str(name) for name in names]


def _facts(path: Path) -> dict[str, Any] | None:
    try:
        return read_json(path)
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"{printable(str(path))}: cannot be read: {printable(reason, 200)}",
        "save the data set again with save_to_disk, or name its .arrow files",
    )
