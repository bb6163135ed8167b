"""What a job is beside its spec: where it lies, how far it came, and whether its resume is exact."""

from rich.text import Text

from engine.text import cells, one_line, shortened
from engine.watch import JobView
from tui import moments, text
from tui.widgets.canvas import Toned

TITLE_WIDTH = 12
PATHS = frozenset({"path", "folder"})
"""What is told by its end where there is little room."""


def fact(widget: Toned, width: int, title: str, value: str, tone: str = "") -> Text:
    """One line: a title and what it is."""
    room = max(8, width - TITLE_WIDTH)
    if title in PATHS:
        value = path_in(value, room)
    return Text.assemble(
        (f"{title:<{TITLE_WIDTH}}", widget.tone("dim")),
        (shortened(one_line(value), room), widget.tone(tone)),
        no_wrap=True,
    )


def path_in(path: str, room: int) -> str:
    """A path with `~`, its beginning replaced by `…` where it is too long."""
    said = one_line(text.home_path(path))
    while cells(said) > room and len(said) > 1:
        said = "…" + said[2:]
    return said


def fact_rows(job: JobView, widget: Toned, width: int) -> list[Text]:
    """What is known of it."""
    status = job.status
    facts = [
        ("id", job.id),
        ("folder", str(job.job.folder)),
        ("runs on", _device(job)),
        ("started", moments.local(status.started_at)),
        ("ended", moments.local(status.ended_at)),
        ("attempts", str(status.attempt) if status.attempt > 1 else ""),
        ("resume", _exact(job)),
    ]
    return [fact(widget, width, title, value) for title, value in facts if value]


def _device(job: JobView) -> str:
    gpus = job.status.gpus
    if gpus is None:
        return ""
    return f"GPU {', '.join(map(str, gpus))}" if gpus else "the CPU"


def _exact(job: JobView) -> str:
    if job.status.exact is None:
        return ""
    return "exact, bit for bit" if job.status.exact else f"not exact: {job.status.exact_reason}"
