"""How the deck tells somebody who looks elsewhere that a job ended: a bell, or the desktop's own notice.

A terminal shows the notice, so it comes through SSH; inside tmux it needs `allow-passthrough on`.
"""

from collections.abc import Iterable, Mapping

from engine.status import UNREADABLE, JobState
from engine.text import one_line
from engine.watch import JobView

TOLD = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.INTERRUPTED})
"""Ends that nobody asked for with a key."""

BELL = "\a"
LONGEST = 120
"""Characters of a notice."""

_SILENT_TERMINALS = ("linux", "dumb")
"""Terminals without a desktop, which may print what they do not know."""


class Ends:
    """Sees when a job that was under way has ended; says each end once."""

    def __init__(self) -> None:
        self._under_way: set[str] = set()

    def among(self, jobs: Iterable[JobView]) -> list[JobView]:
        """The jobs that were under way at the last look and have ended now."""
        before, self._under_way = self._under_way, set()
        ended = []
        for job in jobs:
            if job.id in before and job.status.reason == UNREADABLE:
                self._under_way.add(job.id)  # what became of it is told when it can be read
            elif job.state.living or job.state is JobState.QUEUED:
                self._under_way.add(job.id)
            elif job.id in before and job.state in TOLD:
                ended.append(job)
        return ended


def sequence(said: str, how: str, environ: Mapping[str, str]) -> str:
    """What to write to the terminal; `how` is a value of `notify` in `config.toml`."""
    written = BELL if how in ("bell", "both") else ""
    if how in ("desktop", "both"):
        written += _desktop(said, environ) or ("" if written else BELL)
    return written


def _desktop(said: str, environ: Mapping[str, str]) -> str:
    """The notice in the words that this terminal knows; nothing for one that has no desktop.

    OSC 99 is kitty's, OSC 777 that of rxvt, foot and VTE, OSC 9 that of iTerm2, WezTerm, Ghostty and most
    others.
    """
    terminal = environ.get("TERM", "")
    if terminal.startswith(_SILENT_TERMINALS):
        return ""
    said = one_line(said, LONGEST).replace(";", ",")
    if "KITTY_WINDOW_ID" in environ or "kitty" in terminal:
        notice = f"\x1b]99;;tunedeck: {said}\x1b\\"
    elif "VTE_VERSION" in environ or terminal.startswith(("rxvt", "foot")):
        notice = f"\x1b]777;notify;tunedeck;{said}\x1b\\"
    else:
        notice = f"\x1b]9;tunedeck: {said}\x1b\\"
    return _through_tmux(notice) if environ.get("TMUX") else notice


def _through_tmux(notice: str) -> str:
    """Wrapped so that tmux hands it on to the terminal outside."""
    return "\x1bPtmux;" + notice.replace("\x1b", "\x1b\x1b") + "\x1b\\"
