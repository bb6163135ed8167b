"""Stored times as people read them: in local time, and how long ago; the time now is an argument."""

from datetime import datetime

from engine.status import seconds_between
from tui.text import UNKNOWN


def moment(stamp: str | None) -> datetime | None:
    """A stored time in local time; None for what is none."""
    try:
        return datetime.fromisoformat(stamp or "").astimezone()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def local(stamp: str | None) -> str:
    """`2026-11-21 14:32:05`, or nothing."""
    found = moment(stamp)
    return f"{found:%Y-%m-%d %H:%M:%S}" if found is not None else ""


def age(stamp: str | None, now: str) -> str:
    """How long ago, in its largest unit: `12s`, `5m`, `3h`, `12d`."""
    seconds = seconds_between(stamp, now)
    if seconds is None:
        return UNKNOWN
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"
