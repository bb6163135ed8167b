"""What a path in the new-job screen means: a spec, or data that still needs a model."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from textual.suggester import Suggester

import engine
from engine import actions
from engine.job import Job
from engine.store import Store

SPEC_SUFFIXES = frozenset({".yaml", ".yml", ".toml"})
DATA_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".parquet", ".gz"})
DEMO_SPEC = Path(engine.__file__).parent / "demo" / "demo.yaml"


def expand(typed: str) -> Path:
    """The path that was typed, from the folder in which the deck was started."""
    return Path(typed.strip()).expanduser().absolute()


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


def is_shown(path: Path) -> bool:
    """Whether the folder tree shows it: folders, specs and data."""
    if path.name.startswith("."):
        return False
    try:
        return path.suffix.lower() in SPEC_SUFFIXES | DATA_SUFFIXES or path.is_dir()
    except OSError:
        return False


def default_model(store: Store) -> str:
    """The model of the newest job, or that of the bundled demo."""
    from engine.watch import read_spec

    newest = max(store.jobs(), key=lambda job: job.stored().created_at or "", default=None)
    if newest is not None:
        model = read_spec(newest).get("model")
        if isinstance(model, dict) and model.get("name"):
            return str(model["name"])
    return demo_model()


def demo_model() -> str:
    """The bundled base model."""
    from engine import spec
    from engine.errors import TunedeckError

    try:
        return spec.load(DEMO_SPEC).model.name
    except TunedeckError:
        return ""


@dataclass(frozen=True)
class Queued:
    """A job that was made, and what to know about it."""

    job: Job
    warnings: tuple[str, ...]


def queue(store: Store, path: Path, model: str, environ: Mapping[str, str] = os.environ) -> Queued:
    """Check a spec, or data with a model, and queue it; for a thread, since checking takes a while.

    Raises:
        TunedeckError: with every problem in words.
    """
    from engine import spec
    from engine.plan.preflight import preflight

    if is_spec(path):
        wanted = spec.load(path)
    else:
        values = {
            "name": path.name.split(".")[0],
            "model": {"name": model},
            "data": {"train": str(path)},
        }
        wanted = spec.build(values, source=str(path), base_folder=Path.cwd())
    planned = preflight(wanted, environ=environ)
    if planned.error is not None:
        raise planned.error
    job = actions.submit(store, wanted, by="deck", environ=environ)
    notice = actions.token_notice(store, environ)
    return Queued(job, (*planned.warnings, *((notice,) if notice else ())))


class PathSuggester(Suggester):
    """Completes a path by the one name that fits, or by the first of several."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path, as typed so far and completed."""
        return complete(value)


def complete(typed: str) -> str | None:
    """`typed` with the rest of the first matching name, folders with their slash."""
    head, _, beginning = typed.rpartition("/")
    folder = expand(f"{head}/" if head or typed.startswith("/") else ".")
    if not beginning:
        return None
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(beginning) and is_shown(Path(entry.path))
            )
    except (OSError, ValueError):  # no such folder, or no name of one
        return None
    return typed[: len(typed) - len(beginning)] + names[0] if names else None
