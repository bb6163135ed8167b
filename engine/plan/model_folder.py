"""The base model as far as its files tell: config, tokenizer, weights; nothing is loaded."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.errors import PlanError
from engine.spec import ModelSection

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tekken.json",
)
"""Any one of these holds a vocabulary."""
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
LFS_MARK = b"version https://git-lfs"
LFS_POINTER_BYTES = 1024


@dataclass(frozen=True)
class BaseModel:
    """What the files say of a base model."""

    name: str
    where: str
    """`folder`, or where a Hub id will be read from."""
    architecture: str | None = None
    chat: bool | None = None
    """Whether its tokenizer has a chat template; None where that is not known."""
    context_length: int | None = None
    weights_bytes: int | None = None
    problems: tuple[PlanError, ...] = ()


def look_at(section: ModelSection, environ: Mapping[str, str] = os.environ) -> BaseModel:
    """The base model of a spec; raises nothing, what is wrong stands in `problems`."""
    path = Path(section.name)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError:  # a name that is too long for a path
        is_folder = exists = False
    if is_folder:
        return _folder(section, path)
    if exists:
        return _wrong(
            section.name, f"{path} is a file, not a model folder", "name the folder that holds it"
        )
    if not HUB_ID.fullmatch(section.name):
        hint = "name a folder that holds config.json and a tokenizer, or a Hub id like org/name"
        return _wrong(section.name, f"no such model folder: {section.name}", hint)
    return _on_the_hub(section, environ)


def _wrong(name: str, message: str, hint: str) -> BaseModel:
    return BaseModel(name, "nowhere", problems=(PlanError(message, hint),))


# --- a Hub id -------------------------------------------------------------------------------------


def _on_the_hub(section: ModelSection, environ: Mapping[str, str]) -> BaseModel:
    cached = _cached_snapshot(section.name, environ)
    if cached is not None:
        return BaseModel(section.name, "the Hugging Face cache of this machine")
    offline = environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    if offline:
        return _wrong(
            section.name,
            f"{section.name} is no folder here, so it is a Hub id; it is not in the local cache, "
            "and HF_HUB_OFFLINE forbids the download",
            "unset HF_HUB_OFFLINE, or name a model folder",
        )
    return BaseModel(section.name, "the Hugging Face Hub: not checked, the job downloads it")


def _cached_snapshot(name: str, environ: Mapping[str, str]) -> Path | None:
    home = environ.get("HF_HOME") or str(
        Path(environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    )
    cache = Path(environ.get("HF_HUB_CACHE") or str(Path(home) / "hub"))
    folder = cache.expanduser() / f"models--{name.replace('/', '--')}" / "snapshots"
    try:
        return next(folder.iterdir(), None)
    except OSError:
        return None


# --- a folder -------------------------------------------------------------------------------------


def _folder(section: ModelSection, folder: Path) -> BaseModel:
    config, problems = _config(folder)
    names = _names(folder)
    if not any(name in names for name in TOKENIZER_FILES):
        problems.append(
            PlanError(
                f"the model folder {folder} has no tokenizer: none of "
                f"{', '.join(TOKENIZER_FILES[:3])} is there",
                "put the base model's tokenizer files into it "
                "(tokenizer.json and tokenizer_config.json)",
            )
        )
    weights = _weights(folder, names)
    if section.initialize == "pretrained":
        problems += _weight_problems(folder, names, weights)
    architectures = config.get("architectures")
    return BaseModel(
        section.name,
        "folder",
        architecture=str(architectures[0])
        if isinstance(architectures, list) and architectures
        else None,
        chat=_has_chat_template(folder, names),
        context_length=_context_length(config),
        weights_bytes=sum(path.stat().st_size for path in weights) if weights else None,
        problems=tuple(problems),
    )


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except OSError:
        return frozenset()


def _config(folder: Path) -> tuple[dict[str, Any], list[PlanError]]:
    path = folder / "config.json"
    if not path.is_file():
        if (folder / "adapter_config.json").is_file():
            return {}, [
                PlanError(
                    f"{folder} holds an adapter, not a base model",
                    "export the merged model (`tunedeck export ID --to merged`) and name that",
                )
            ]
        return {}, [
            PlanError(f"{folder} is no model folder: config.json is missing", "check `model.name`")
        ]
    try:
        config = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        return {}, [PlanError(f"{path} cannot be read: {error}", "copy it from the model again")]
    if not isinstance(config, dict) or "model_type" not in config:
        return {}, [PlanError(f"{path} names no model_type", "copy it from the model again")]
    return config, []


def _weights(folder: Path, names: frozenset[str]) -> list[Path]:
    found = [name for name in names if name.endswith(".safetensors")]
    found = found or [name for name in names if re.fullmatch(r"pytorch_model.*\.bin", name)]
    return [folder / name for name in sorted(found)]


def _weight_problems(folder: Path, names: frozenset[str], weights: list[Path]) -> list[PlanError]:
    hint = "copy the missing files; or train from scratch with `model.initialize: random`"
    if not weights:
        return [PlanError(f"the model folder {folder} has no weights (*.safetensors)", hint)]
    for path in weights:
        if path.stat().st_size < LFS_POINTER_BYTES and path.read_bytes().startswith(LFS_MARK):
            return [
                PlanError(
                    f"{path} is only a Git LFS pointer, not the weights",
                    "fetch them: `git lfs pull` in that folder",
                )
            ]
    index = next((name for name in INDEX_FILES if name in names), None)
    missing = sorted(_indexed(folder / index) - names) if index else []
    if missing:
        what = f"{missing[0]} and {len(missing) - 1} more" if len(missing) > 1 else missing[0]
        return [PlanError(f"the model folder {folder} is incomplete: {what} missing", hint)]
    return []


def _indexed(path: Path) -> set[str]:
    """The weight files that an index names."""
    try:
        index = orjson.loads(path.read_bytes())
        return {str(name) for name in index["weight_map"].values()}
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return set()


def _has_chat_template(folder: Path, names: frozenset[str]) -> bool:
    if names & {"chat_template.jinja", "chat_template.json"}:
        return True
    try:
        config = orjson.loads((folder / "tokenizer_config.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(config, dict) and bool(config.get("chat_template"))


def _context_length(config: Mapping[str, Any]) -> int | None:
    text = config.get("text_config")
    places = [config, text] if isinstance(text, dict) else [config]
    for place in places:
        for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
            if isinstance(place.get(name), int):
                return int(place[name])
    return None
