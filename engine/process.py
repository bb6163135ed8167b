"""Who a process is: pid, start ticks and boot id together, since a pid alone is used again.

Linux reads `/proc`; elsewhere psutil's start time stands in for the ticks.
"""

import contextlib
import os
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class ProcessIdentity:
    """One process, distinguishable from any later one with the same pid."""

    pid: int
    start_ticks: int
    boot_id: str


@cache
def boot_id() -> str:
    """This boot's identity, or an empty string where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _stat_fields(pid: int) -> list[str] | None:
    try:
        content = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return content.rpartition(")")[2].split()


def identify(pid: int) -> ProcessIdentity | None:
    """The process that has `pid` now, or None when there is none (a zombie counts as none)."""
    if Path("/proc/self/stat").exists():
        fields = _stat_fields(pid)
        if fields is None or fields[0] in {"Z", "X"}:
            return None
        return ProcessIdentity(pid, int(fields[19]), boot_id())
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return ProcessIdentity(pid, int(process.create_time() * 100), boot_id())
    except psutil.Error:
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether that very process still runs."""
    return identify(identity.pid) == identity


def send_signal(identity: ProcessIdentity, number: signal.Signals) -> bool:
    """Signal that very process; False when it is gone. Never signals a stranger, nor pid 0 or 1."""
    if identity.pid < 2 or not is_alive(identity):
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(identity.pid, number)
        return True
    return False


def session_members(session: int) -> list[ProcessIdentity]:
    """Every living process of a session (Linux), so that a job's children are found too."""
    members = []
    for entry in Path("/proc").iterdir() if Path("/proc/self").exists() else ():
        if not entry.name.isdigit():
            continue
        fields = _stat_fields(int(entry.name))
        if fields and fields[0] not in {"Z", "X"} and int(fields[3]) == session:
            members.append(ProcessIdentity(int(entry.name), int(fields[19]), boot_id()))
    return members
