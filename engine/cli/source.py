"""The spec that a command means: a spec file, or a data file with `--model`."""

import argparse
from pathlib import Path
from typing import Any

from engine import document
from engine import spec as specs
from engine.errors import UsageError
from engine.spec import JobSpec

SPEC_SUFFIXES = frozenset({".yaml", ".yml", ".toml"})
DATA_SUFFIXES = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".parquet", ".gz"})


def chosen_spec(args: argparse.Namespace) -> JobSpec:
    """The spec, validated and with absolute paths.

    Raises:
        UsageError: neither a spec nor data with a model.
        SpecError: with every problem of the spec.
    """
    source = Path(args.source)
    if args.model is None and not _is_data(source):
        overrides = [
            f"{field}={value}"
            for field, value in (("name", args.name), ("method", args.method))
            if value is not None
        ]
        return specs.load(source, [*overrides, *args.overrides])
    if args.model is None:
        raise UsageError(
            f"{args.source} is data, and no base model is named",
            f"add --model NAME, or begin with `tunedeck init {args.source}`",
        )
    if source.suffix.lower() in SPEC_SUFFIXES:
        raise UsageError(
            "--model goes with a data file; a spec names its model itself",
            "use --set model.name=NAME",
        )
    return from_data(args)


def from_data(args: argparse.Namespace) -> JobSpec:
    """The spec of `run DATA --model NAME`, everything else at its default."""
    data: dict[str, Any] = {
        "name": args.name or Path(args.source).name.split(".")[0],
        "model": {"name": args.model},
        "data": {"train": args.source},
    }
    if args.method is not None:
        data["method"] = args.method
    values = document.apply_overrides(data, args.overrides)
    return specs.build(values, source=f"{args.source} with --model", base_folder=Path.cwd())


def _is_data(path: Path) -> bool:
    """Whether a source without `--model` is data by mistake; a `.json` is when it holds no mapping."""
    suffix = path.suffix.lower()
    if suffix in SPEC_SUFFIXES:
        return False
    if suffix == ".json":
        return _begins_with(path, b"[")
    return suffix in DATA_SUFFIXES or path.is_dir()


def _begins_with(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(mark)
    except OSError:
        return False
