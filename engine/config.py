"""The user's settings in `$TUNEDECK_HOME/config.toml`: read once at a start, never written."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from engine.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set; every name is a line of the file."""

    cpu_jobs: int = 1
    """How many jobs without a GPU run at a time."""
    idle_seconds: float = 5.0
    """How long a supervisor that was started on demand waits for work before it leaves."""
    poll_seconds: float = 0.5
    """How often the supervisor looks at the jobs."""
    stop_seconds: float = 10.0
    """Cancel: how long a worker has from the request to SIGTERM, and from there to SIGKILL."""
    release_seconds: float = 10.0
    """How long an ended job waits for its memory to come back; after half, what is left is killed."""


_LOWEST = {"cpu_jobs": 1, "poll_seconds": 0.01}


def read_settings(path: Path) -> Settings:
    """The settings of that file; the defaults when there is none.

    Raises:
        UsageError: the file is no TOML, or names what is no setting.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "correct it, or remove it") from None
    known = {item.name: item for item in fields(Settings)}
    problems = [f"{name}: no such setting" for name in data if name not in known]
    values: dict[str, Any] = {}
    for name in known.keys() & data.keys():
        value, lowest = data[name], _LOWEST.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            problems.append(f"{name}: must be a number")
        elif isinstance(known[name].default, int) and not isinstance(value, int):
            problems.append(f"{name}: must be a whole number")
        elif value < lowest:
            problems.append(f"{name}: must be at least {lowest}")
        else:
            values[name] = value
    if problems:
        raise UsageError(
            f"{path}: {'; '.join(sorted(problems))}", f"the settings are: {', '.join(known)}"
        )
    return Settings(**values)
