"""Writing a spec as text: scalars, paths as a spec says them, and no file replaced unasked."""

import json
import os
import re
from pathlib import Path

from engine.errors import MachineError, UsageError

_PLAIN = re.compile(r"[A-Za-z./][\w./-]*")


def scalar(value: str) -> str:
    """A YAML scalar: plain where that is safe, in double quotes elsewhere."""
    words = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
    safe = _PLAIN.fullmatch(value) and value.lower() not in words
    return value if safe else json.dumps(value, ensure_ascii=False)


def relative(name: str, base: Path, mark: str = "") -> str:
    """A path below `base` relative to it after `mark`, another path absolute, a Hub id as it is."""
    path = Path(name).expanduser()
    try:
        local = path.exists() or any(mark in name for mark in "*?[")
    except OSError:
        local = False
    if not local:
        return name
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - `..` goes, links stay
    return f"{mark}{absolute.relative_to(base)}" if absolute.is_relative_to(base) else str(absolute)


def write(path: Path, text: str, *, replace: bool) -> None:
    """Write a spec.

    Raises:
        UsageError: the file is there already.
        MachineError: it cannot be written.
    """
    try:
        with path.open("w" if replace else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already",
            "--force replaces it; -o FILE writes another; -o - prints it",
        ) from None
    except OSError as error:
        raise MachineError(
            f"{path} cannot be written: {error.strerror}", "name another file with -o"
        ) from None
