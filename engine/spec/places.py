"""Makes the paths of a spec absolute; what is neither a path nor there stays as typed (a Hub id)."""

import os
from pathlib import Path
from typing import Any

from engine.spec.rewards import FunctionReward
from engine.spec.sections import JobSpec

_DATA_SUFFIXES = {
    *(".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md", ".parquet", ".arrow"),
    *(".gz", ".zst"),
}


def resolved(spec: JobSpec, base_folder: Path) -> JobSpec:
    """The spec with absolute paths, and a name."""
    train = spec.data.train
    data: dict[str, Any] = {
        "train": _data(train, base_folder)
        if isinstance(train, str)
        else [
            source.model_copy(update={"path": _data(source.path, base_folder)}) for source in train
        ]
    }
    if isinstance(spec.data.eval, str):
        data["eval"] = _data(spec.data.eval, base_folder)
    model = {"name": _place(spec.model.name, base_folder)}
    if spec.model.chat_template not in TEMPLATE_WORDS:
        model["chat_template"] = _place(spec.model.chat_template, base_folder)
    changes: dict[str, Any] = {
        "data": spec.data.model_copy(update=data),
        "model": spec.model.model_copy(update=model),
    }
    if spec.adapter.path is not None:
        path = _place(spec.adapter.path, base_folder)
        changes["adapter"] = spec.adapter.model_copy(update={"path": path})
    if spec.samples is not None and spec.samples.rows is not None:
        rows = _data(spec.samples.rows, base_folder)
        changes["samples"] = spec.samples.model_copy(update={"rows": rows})
    changes["rewards"] = [
        one.model_copy(update={"file": str((base_folder / _expanded(one.file)).absolute())})
        if isinstance(one, FunctionReward)
        else one
        for one in spec.rewards
    ]
    if not spec.name:
        changes["name"] = Path(spec.data.named[0]).stem or "job"
    return spec.model_copy(update=changes)


TEMPLATE_WORDS = ("auto", "none", "chatml")
"""Values of `model.chat_template` that are no file."""


def _place(name: str, base_folder: Path) -> str:
    absolute = base_folder / _expanded(name)
    local = name.startswith((".", "/", "~")) or os.path.exists(absolute)  # noqa: PTH110 - a name may be too long
    return str(absolute.resolve()) if local else name


def _data(name: str, base_folder: Path) -> str:
    """As `_place`; a glob or a file name is local even where nothing matches it yet."""
    if "*" in name or Path(name).suffix.lower() in _DATA_SUFFIXES:
        return str((base_folder / _expanded(name)).absolute())
    return _place(name, base_folder)


def _expanded(name: str) -> str:
    return os.path.expanduser(name)  # noqa: PTH111 - Path.expanduser raises on ~nobody
