"""How the deck was started."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Options:
    """The choices of the command line."""

    job: str | None = None
    """Name of the job to highlight first."""
    readonly: bool = False
    """Whether keys that change anything are refused."""
    ascii_only: bool = False
    """Whether to draw with ASCII characters alone."""
    theme: str | None = None
    """Name of a theme, or one of the short names of `tui/themes.py`."""
