"""What the lists show of a spec, read without a YAML parser: two hundred jobs in milliseconds.

`JobSpec.to_yaml` writes the file, so its plain lines are known; anything else goes to the parser.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.job import Job
from engine.text import one_line

HEAD_BYTES = 16 * 1024

_PLAIN = re.compile(r"[A-Za-z0-9_./][^:#'\"\n]*")
_LINE = re.compile(r"( *)([A-Za-z_]\w*):(?: (.*))?")


@dataclass(frozen=True)
class Brief:
    """A job's name, method and base model; empty where the spec cannot be read."""

    name: str
    method: str
    model: str

    @property
    def model_short(self) -> str:
        """The last part of a Hub id or of a folder."""
        return self.model.rstrip("/").rpartition("/")[2]


def brief(job: Job) -> Brief:
    """The first lines of a job's spec."""
    try:
        with job.spec_file.open("rb") as file:
            text = file.read(HEAD_BYTES).decode("utf-8", "replace")
    except OSError:
        return Brief("", "", "")
    found = _scanned(text) or _parsed(job.spec_file)
    return Brief(*(one_line(found.get(key, ""), 200) for key in ("name", "method", "model.name")))


def _scanned(text: str) -> dict[str, str] | None:
    """The three values of a spec as we write it, or None when it is written in another way."""
    found: dict[str, str] = {}
    section = ""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        indent, key, value = match.groups()
        section = section if indent else key
        where = f"{section}.{key}" if indent else key
        if where not in ("name", "method", "model.name") or (
            where == "model.name" and indent != "  "
        ):
            continue
        wrapped = following.startswith(indent + " ") and ":" not in following
        if value is None or wrapped or not _PLAIN.fullmatch(value):
            return None
        found[where] = value.rstrip()
    return found if len(found) == 3 else None


def _parsed(path: Path) -> dict[str, str]:
    """The three values by a whole parse."""
    import yaml

    try:
        data = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError, RecursionError, ValueError):
        return {}
    if not isinstance(data, dict):
        return {}
    model = data.get("model")
    values: dict[str, Any] = {
        "name": data.get("name"),
        "method": data.get("method", "sft"),
        "model.name": model.get("name") if isinstance(model, dict) else None,
    }
    return {key: str(value) for key, value in values.items() if value is not None}
