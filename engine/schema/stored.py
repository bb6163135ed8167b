"""The generated field tables, and the installed source instead where its version is another."""

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine.schema.configs import Config, config
from engine.schema.field import Field
from engine.schema.reader import read_fields
from engine.schema.source import Source

FOLDER = Path(__file__).parent
PACKAGES = ("trl", "transformers", "peft")


def fields(name: str) -> dict[str, Field]:
    """The settings of a method (`sft`, `dpo`, ...) or an adapter (`lora`, ...) as installed here.

    Raises UsageError for an unknown name, MachineError when the installed library lacks it.
    """
    return _fields(config(name))


@cache
def _fields(wanted: Config) -> dict[str, Field]:
    written = read_table(wanted)
    installed = {package: installed_version(package) for package in wanted.distributions}
    if None in installed.values() or installed == written["versions"]:
        return {entry["name"]: Field.from_json(entry) for entry in written["fields"]}
    return read_fields(wanted, _source())


@cache
def _source() -> Source:
    return Source(PACKAGES)


@cache
def installed_version(package: str) -> str | None:
    """A distribution's version, or None when it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def read_table(wanted: Config, folder: Path = FOLDER) -> dict[str, Any]:
    """The generated file of a configuration class."""
    written: dict[str, Any] = json.loads((folder / f"{wanted.name}.json").read_bytes())
    return written


def write_table(wanted: Config, source: Source, folder: Path = FOLDER) -> Path:
    """Generate the file of a configuration class from the installed source."""
    table = {
        "config": wanted.class_name,
        "versions": {package: installed_version(package) for package in wanted.distributions},
        "fields": [field.to_json() for field in read_fields(wanted, source).values()],
    }
    path = folder / f"{wanted.name}.json"
    path.write_text(_lines(table), encoding="utf-8")
    return path


def _lines(table: dict[str, Any]) -> str:
    """JSON with one field to a line, so that a new library version reads well as a diff."""
    head = {key: value for key, value in table.items() if key != "fields"}
    rows = ",\n".join(json.dumps(field, ensure_ascii=False) for field in table["fields"])
    return f'{json.dumps(head)[:-1]}, "fields": [\n{rows}\n]}}\n'
