"""In which order the table shows jobs; pure, the time is an argument."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.status import JobState, JobStatus, seconds_between
from engine.watch import JobView
from tui import text

S = JobState

RECENT_SECONDS = 24 * 3600.0
"""How long a job that needs the user stays on top, seen or not."""

_GROUPS = (
    (S.RUNNING, S.STARTING, S.PAUSING, S.CANCELLING),
    (S.QUEUED,),
    (S.PAUSED, S.INTERRUPTED),
    (S.COMPLETED, S.FAILED, S.CANCELLED),
)
_GROUP_OF = {state: rank for rank, states in enumerate(_GROUPS) for state in states}
_LIFE = {state: rank for rank, state in enumerate(state for group in _GROUPS for state in group)}


def rested_at(status: JobStatus) -> str | None:
    """When a job ended or came to rest; a worker that just vanished has stored no end."""
    return status.ended_at or status.updated_at or status.created_at


def needs_user(status: JobStatus) -> bool:
    """Whether a job stopped against the user's will: failed, interrupted, or paused by a trouble."""
    if status.state in {S.FAILED, S.INTERRUPTED}:
        return True
    return status.state is S.PAUSED and (status.error is not None or status.reason == "disk")


def urgent(status: JobStatus, now: str, since: str | None) -> bool:
    """Whether it belongs on top: it needs the user, and stopped within a day or since the last
    visit. An old failure is history, not news.
    """
    if not needs_user(status):
        return False
    ended = rested_at(status)
    age = seconds_between(ended, now)
    if age is None or age <= RECENT_SECONDS:
        return True
    after = seconds_between(since, ended)
    return after is not None and after > 0


@dataclass(frozen=True)
class Sort:
    """A column that can be sorted by."""

    column: str
    """Its key in the table; the default order has none."""
    said: str
    value: Callable[[JobView], float | str | None]
    """What is compared; None comes last, whichever way."""
    descending: bool = False
    """Whether the largest comes first unless `S` turns it round."""


def _unsorted(view: JobView) -> None:
    return None


SORTS = (
    Sort("", "the usual order", _unsorted),
    Sort("name", "name", lambda view: text.name(view).casefold()),
    Sort("state", "state", lambda view: float(_LIFE[view.state])),
    Sort("loss", "loss", lambda view: view.status.loss),
    Sort("progress", "progress", lambda view: text.done(view.status), descending=True),
    Sort("eta", "time left", lambda view: view.status.eta_seconds if view.state.living else None),
    Sort("created", "creation", lambda view: view.status.created_at, descending=True),
)
"""What `s` goes through."""


def next_sort(sort: Sort) -> Sort:
    """The one after it."""
    return SORTS[(SORTS.index(sort) + 1) % len(SORTS)]


@dataclass(frozen=True)
class Order:
    """A choice of order."""

    sort: Sort = SORTS[0]
    turned: bool = False
    """Whether it is turned round."""

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return self.sort.descending is not self.turned


def ordered(
    jobs: Iterable[JobView], order: Order, *, now: str, since: str | None = None
) -> list[JobView]:
    """The jobs in that order; equal ones stay in the usual order."""
    usual = in_order(jobs, now=now, since=since)
    if not order.sort.column:
        return usual[::-1] if order.turned else usual
    known = [view for view in usual if order.sort.value(view) is not None]
    unknown = [view for view in usual if order.sort.value(view) is None]
    known.sort(key=lambda view: order.sort.value(view) or 0, reverse=order.descending)
    return known + unknown


def in_order(jobs: Iterable[JobView], *, now: str, since: str | None = None) -> list[JobView]:
    """First what needs the user, then what runs, the queue in its order, what rests, and the
    finished, newest first.
    """
    newest_first = sorted(jobs, key=_age, reverse=True)
    return sorted(newest_first, key=lambda view: _rank(view, now, since))


def _age(view: JobView) -> tuple[str, str]:
    ended = view.state.settled or needs_user(view.status)
    when = rested_at(view.status) if ended else view.status.created_at
    return (when or "", view.id)


def _rank(view: JobView, now: str, since: str | None) -> tuple[int, float]:
    if urgent(view.status, now, since):
        return (-1, 0.0)
    return (_GROUP_OF[view.state], view.order if view.state is S.QUEUED else 0.0)
