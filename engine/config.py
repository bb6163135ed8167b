"""The user's settings in `$TUNEDECK_HOME/config.toml`: read once at a start, never written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What can be set for the queue; every name is a line of the file."""

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


@dataclass(frozen=True, kw_only=True)
class DeckSettings:
    """What can be set for the deck: a line of the table `[deck]` each, and the table `[keys]`."""

    theme: str | None = None
    """How it is coloured, unless `--theme` says otherwise."""
    notify: str = "bell"
    """How it tells that a job ended: one of `NOTIFY`."""
    ascii: bool = False
    """Whether it draws with ASCII characters alone, as with `--ascii`."""
    mouse: bool = True
    """Whether it takes the mouse; false is `--no-mouse`."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Action -> the keys that the user wants for it, as written."""
    problems: tuple[str, ...] = ()
    """What the file says that means nothing, in words; the defaults stand in for it."""


NOTIFY = ("bell", "desktop", "both", "off")

_LOWEST = {"cpu_jobs": 1, "poll_seconds": 0.01}
_TABLES = ("deck", "keys")
_DECK_NAMES = ("theme", "notify", "ascii", "mouse")


def read_settings(path: Path) -> Settings:
    """The settings of that file; the defaults when there is none.

    Raises:
        UsageError: the file is no TOML, or names what is no setting.
    """
    data = _read(path)
    known = {item.name: item for item in fields(Settings)}
    problems = [f"{name}: no such setting" for name in data if name not in (*known, *_TABLES)]
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
            f"{path}: {'; '.join(sorted(problems))}",
            f"the settings are: {', '.join(known)}, and the tables [deck] and [keys]",
        )
    return Settings(**values)


def read_deck_settings(path: Path) -> DeckSettings:
    """The deck's part of that file; what is wrong in it stands in `problems`.

    The deck opens whatever the file says: it is where one looks when something is wrong.
    """
    try:
        data = _read(path)
    except UsageError as error:
        return DeckSettings(problems=(f"{error.message}: {error.hint}",))
    problems: list[str] = []
    deck = _table(data, "deck", problems)
    values: dict[str, Any] = {}
    for name, value in deck.items():
        problem = _deck_problem(name, value)
        if problem is None:
            values[name] = value
        else:
            problems.append(f"[deck] {name}: {problem}")
    keys = {}
    for action, wanted in _table(data, "keys", problems).items():
        listed = wanted if isinstance(wanted, list) else [wanted]
        if listed and all(isinstance(key, str) and key for key in listed):
            keys[action] = tuple(listed)
        else:
            problems.append(f'[keys] {action}: must be a key or a list of keys, as in "P"')
    return DeckSettings(**values, keys=keys, problems=tuple(problems))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}", "check its owner and mode") from None
    import tomllib  # late: most users have no such file

    try:
        return tomllib.loads(content.decode())
    except ValueError as error:
        raise UsageError(f"{path} cannot be read: {error}", "correct it, or remove it") from None


def _table(data: Mapping[str, Any], name: str, problems: list[str]) -> Mapping[str, Any]:
    found = data.get(name, {})
    if isinstance(found, dict):
        return found
    problems.append(f"{name}: must be a table, [{name}]")
    return {}


def _deck_problem(name: str, value: object) -> str | None:
    """Why that line of `[deck]` means nothing; None when it does."""
    if name not in _DECK_NAMES:
        return f"no such setting; there are: {', '.join(_DECK_NAMES)}"
    if name in ("ascii", "mouse"):
        return None if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, str) or not value:
        return "must be a word in quotes"
    if name == "notify" and value not in NOTIFY:
        return f"must be one of: {', '.join(NOTIFY)}"
    return None
