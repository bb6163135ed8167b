"""Recipes: ready specs for a method and a machine, to be filled with data of one's own.

Each is a YAML file in this folder, complete but for `data.train: DATA`. It opens with the commands that run it,
and its first comments say what it does, on which machine, with which data; nothing about it is written here.
"""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engine import backends, methods
from engine import spec as specs
from engine.document import parse_document
from engine.errors import UsageError
from engine.gpu import GPU
from engine.spec import JobSpec

FOLDER = Path(__file__).parent
PLACEHOLDER = "DATA"
"""What stands for the training data."""

SLACK = 0.95
"""The share of its nominal memory that a GPU has at least: a driver keeps some."""

_NOTE = re.compile(r"# (What|Machine|Data): +(.+)")
_MEMORY = re.compile(r"a GPU with (\d+) GB")
_LINE = re.compile(r"(?P<indent> *)(?P<key>\w+): *(?P<value>[^#]*?)(?P<note> +#.*)?")


@dataclass(frozen=True)
class Recipe:
    """One recipe; its name is its file's."""

    name: str
    text: str
    """The YAML, with its comments."""
    what: str
    """What it does, in a few words."""
    machine: str
    """The machine that it is for, in words."""
    data: str
    """The data that it learns from, in words."""

    @property
    def gpu_gb(self) -> int | None:
        """The memory that its GPU needs, in GB as it is sold; None runs on a CPU."""
        found = _MEMORY.match(self.machine)
        return int(found[1]) if found else None

    @property
    def document(self) -> dict[str, Any]:
        """What the YAML says."""
        return parse_document(self.text, ".yaml", f"recipe {self.name}")

    @property
    def method(self) -> str:
        """How it trains."""
        return str(self.document["method"])

    @property
    def spec(self) -> JobSpec:
        """The spec, with the placeholder for its data."""
        return specs.build(self.document, source=f"recipe {self.name}", base_folder=FOLDER)


def read(name: str) -> Recipe:
    """The recipe of that name.

    Raises:
        UsageError: there is none; names the nearest.
    """
    found = all_recipes().get(name)
    if found is None:
        near = difflib.get_close_matches(name, all_recipes(), n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"there is no recipe {name!r}", f"{meant}`tunedeck recipes` lists them")
    return found


@cache
def all_recipes() -> Mapping[str, Recipe]:
    """Every recipe by name: by the memory of their GPU, those for a CPU first; sft before other methods."""
    known = list(methods.methods())
    found = [_read(path) for path in FOLDER.glob("*.yaml")]
    found.sort(key=lambda one: (one.gpu_gb or 0, known.index(one.method), one.name))
    return {one.name: one for one in found}


def _read(path: Path) -> Recipe:
    text = path.read_text(encoding="utf-8")
    said = (_NOTE.fullmatch(line) for line in text.splitlines())
    notes = {found[1]: found[2] for found in said if found}
    return Recipe(path.stem, text, notes["What"], notes["Machine"], notes["Data"])


def missing(recipe: Recipe, gpus: Iterable[GPU]) -> str | None:
    """What this machine lacks for a recipe, in a few words; None where it fits."""
    needed = recipe.gpu_gb
    if needed is not None:
        largest = max((gpu.memory_total_bytes or 0 for gpu in gpus if not gpu.trouble), default=0)
        if largest < SLACK * needed * 1e9:
            return f"needs {recipe.machine}"
    problem = backends.problem(recipe.spec, gpu=needed is not None)
    return problem.message if problem is not None else None


def fitting(gpus: Sequence[GPU]) -> list[Recipe]:
    """The recipes that this machine can run, the largest machine's first."""
    found = [one for one in all_recipes().values() if missing(one, gpus) is None]
    return sorted(found, key=lambda one: -(one.gpu_gb or 0))


def filled(recipe: Recipe, header: Sequence[str], values: Mapping[str, str]) -> str:
    """The recipe's YAML with a header of its own, and these values, YAML scalars by dotted field, put in."""
    lines = recipe.text.splitlines()
    body = lines[next(number for number, line in enumerate(lines) if not line.startswith("#")) :]
    return "\n".join([*header, *_with(body, values)]) + "\n"


def _with(lines: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The lines with other values; one that a section does not have yet comes after its first line."""
    made, section, left = [], "", dict(values)
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or line.lstrip().startswith("#"):
            made.append(line)
            continue
        if not found["indent"]:
            section = found["key"]
        field = f"{section}.{found['key']}" if found["indent"] else found["key"]
        value = left.pop(field, None)
        made.append(line if value is None else _line(field, value, found))
        if not found["value"] and not found["indent"]:
            own = [name for name in _of(section, left) if not _has(lines, section, name)]
            made += [f"  {name}: {left.pop(f'{section}.{name}')}" for name in own]
    return made


def _of(section: str, values: Mapping[str, str]) -> list[str]:
    return [name.partition(".")[2] for name in values if name.startswith(f"{section}.")]


def _has(lines: Sequence[str], section: str, name: str) -> bool:
    document = parse_document("\n".join(lines), ".yaml", "")
    inner = document.get(section)
    return isinstance(inner, Mapping) and name in inner


def _line(field: str, value: str, found: re.Match[str]) -> str:
    """The line with another value; its comment stays, except what was said of another model."""
    key = found["indent"] + found["key"]
    note = "" if field == "model.name" else (found["note"] or "").strip()
    return f"{f'{key}: {value}':<38} {note}".rstrip()


def without(text: str, fields: Iterable[str]) -> str:
    """The YAML with these sections or fields as comments."""
    gone, made, section, off = set(fields), [], "", False
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is not None and not line.lstrip().startswith("#"):
            if not found["indent"]:
                section, off = found["key"], found["key"] in gone
            field = f"{section}.{found['key']}" if found["indent"] else section
            if off or field in gone:
                indent = "" if off else found["indent"]
                line = f"{indent}# {line.removeprefix(indent)}"
        made.append(line)
    return "\n".join(made) + "\n"
