"""The deck's reading thread: looks at files when they change or a heartbeat is due, and posts what is new.

It never touches a widget. The thread is a daemon and holds nothing: the deck may die at any moment.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from textual.message import Message

from engine import actions, lock
from engine.curves import Curves
from engine.errors import TunedeckError
from engine.folder_events import FolderEvents
from engine.gpu import Snapshot, Telemetry
from engine.machine import Machine
from engine.status import JobState
from engine.store import Store
from engine.watch import Details, JobFollower, JobsWatch, JobView
from tui.caretaker import Caretaker
from tui.messages import (
    DetailsChanged,
    FeedBroke,
    FeedFailed,
    JobsChanged,
    LogGrew,
    MemoryGrew,
    MetricsGrew,
    SecondPassed,
    TelemetryRead,
)
from tui.pace import Pace, Tail

TICK_SECONDS = 1.0
"""How often anything on the screen may change, and how often living jobs are looked at."""

IDLE_SECONDS = 5.0
"""How often to look when nothing works and the file system reports changes."""

IDLE_TELEMETRY_SECONDS = 10.0
"""How often to read the machine when nothing works."""

BURST_SECONDS = 0.05
"""A pause before looking, so that one step's files are read together."""


@dataclass(frozen=True)
class Looking:
    """A look that is under way."""

    at: str
    """What is to answer, in words."""
    since: float
    """Since when, of the monotonic clock."""


class Feed:
    """Reads jobs, the followed job and the machine, and posts messages."""

    def __init__(
        self,
        store: Store,
        post: Callable[[Message], object],
        telemetry: Telemetry | None = None,
        *,
        supervise: Callable[[], object] | None = None,
    ) -> None:
        """`supervise` starts a supervisor; without it waiting jobs are only shown."""
        self._store = store
        self._post = post
        self._caretaker = Caretaker(supervise, self._tell_trouble) if supervise else None
        self._telemetry = telemetry or Telemetry()
        self._jobs = JobsWatch(store)
        self._views: tuple[JobView, ...] = ()
        self._told: tuple[JobView, ...] | None = None
        self._waits: dict[str, str] = {}
        self._follower: JobFollower | None = None
        self._wanted: JobFollower | None = None
        self._machine: Snapshot | None = None
        self._events = FolderEvents(self._wake)
        self._woken = threading.Event()
        self._details = Details()
        self._curves = Tail[Curves]()
        self._sketch: Curves | None = None
        self._readings = Tail[Machine]()
        self._exporting = False
        self._everything = False
        self._stopped = False
        self._jobs_pace = Pace(TICK_SECONDS)
        self._metrics_pace = Pace(TICK_SECONDS)
        self._memory_pace = Pace(TICK_SECONDS)
        self._log_pace = Pace(TICK_SECONDS)
        self._second_pace = Pace(0.9 * TICK_SECONDS)
        self._machine_pace = Pace(2 * TICK_SECONDS)
        self._idle_machine_pace = Pace(IDLE_TELEMETRY_SECONDS)
        self._looking: Looking | None = None
        self._first: JobsChanged | FeedFailed | None = None
        self._first_wanted = False
        self._begun = threading.Event()
        self._beginning = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self, patience_seconds: float = 0.0) -> JobsChanged | FeedFailed | None:
        """Begin to read; the first look at the jobs when it is done so soon, else it is posted."""
        self._first_wanted = patience_seconds > 0
        self._thread.start()
        if self._first_wanted:
            self._begun.wait(patience_seconds)
        with self._beginning:
            self._first_wanted = False
            return self._first

    @property
    def looking(self) -> "Looking | None":
        """What is being read at this moment; None between two looks."""
        return self._looking

    def stop(self) -> None:
        """End the thread, soon."""
        self._stopped = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1)
        self._events.close()

    def follow(self, job: JobView | None) -> None:
        """Read this job's curves, log and details from now on, from their beginning."""
        self._wanted = JobFollower(job.job) if job is not None else None
        self._woken.set()

    @property
    def followed(self) -> str | None:
        """The id of the job that is being read, or about to be."""
        return self._wanted.job.id if self._wanted is not None else None

    def lengthen_log(self, log_bytes: int) -> None:
        """Read more of the followed job's log from now on."""
        if self._wanted is not None:
            self._wanted.lengthen_log(log_bytes)
            self._log_pace.reset()
            self._woken.set()

    def look_again(self) -> None:
        """Read every job anew, soon: something was done."""
        self._everything = True
        self._woken.set()

    def _wake(self) -> None:
        self._woken.set()

    def _run(self) -> None:
        begin: Callable[[], None] | None = self._begin
        while not self._stopped:
            self._woken.clear()
            self._looking = self._at_the_storage()
            try:
                if begin is not None:
                    begin()
                    begin = None
                timeout = self._look(time.monotonic())
            except TunedeckError as error:
                self._tell_trouble(error)
                timeout = IDLE_SECONDS
            except OSError as error:
                what = error.filename or self._store.jobs_folder
                self._post(FeedFailed(f"{what}: {error.strerror or error}", "it is tried again"))
                timeout = IDLE_SECONDS
            except Exception as error:  # noqa: BLE001 - the thread's top level: the deck raises it
                self._post(FeedBroke(error))
                return
            finally:
                self._looking = None
            if self._woken.wait(timeout) and not self._stopped:
                time.sleep(BURST_SECONDS if self._wanted is self._follower else 0)
        self._telemetry.close()

    def _begin(self) -> None:
        """Read every job once: for whoever waits in `start`, or to be posted like everything else."""
        first: JobsChanged | FeedFailed
        try:
            self._views = self._jobs.look(time.monotonic()) or ()
            waits = self._waiting()
            first = JobsChanged(self._views, waits)
            self._told, self._waits = self._views, waits
        except TunedeckError as error:
            first = FeedFailed(error.message, error.hint)
        with self._beginning:
            wanted, self._first = self._first_wanted, first
        self._begun.set()
        if not wanted:
            self._post(first)

    def _at_the_storage(self) -> "Looking":
        return Looking(f"the storage of {self._store.jobs_folder}", time.monotonic())

    def _look(self, now: float) -> float:
        """Read what is new and post it; returns the seconds until the next look is due."""
        everything, self._everything = self._everything, False
        views = self._jobs.look(now, everything=everything)
        if views is not None:
            self._views = views
        self._tell_jobs(now)
        self._take_care(now)
        self._tell_followed(now)
        living = any(view.state.living for view in self._views)
        self._looking = Looking("the GPU driver", time.monotonic())
        self._tell_machine(now, living=living)
        self._looking = self._at_the_storage()
        if living and self._second_pace.ready(now):
            self._second_pace.spend(now)
            self._post(SecondPassed())
        self._events.watch(self._folders())
        return self._patience(now, living=living)

    def _take_care(self, now: float) -> None:
        """What is queued needs a supervisor."""
        if self._caretaker is not None:
            queued = any(view.state is JobState.QUEUED for view in self._views)
            waiting = queued and not lock.is_held(self._store.supervisor_lock)
            self._caretaker.look(now, waiting=waiting)

    def _tell_trouble(self, error: TunedeckError) -> None:
        self._post(FeedFailed(error.message, error.hint))

    def _patience(self, now: float, *, living: bool) -> float:
        """Seconds until something is due that no file event would announce."""
        if self._curves.behind or self._readings.behind:
            return 0.0
        waiting = any(view.state is JobState.QUEUED for view in self._views)
        waiting = waiting or self._curves.waiting or self._readings.waiting
        if not (living or waiting or self._exporting) and self._events.working:
            return IDLE_SECONDS
        paces = (self._jobs_pace, self._metrics_pace, self._memory_pace, self._log_pace)
        blocked = [left for left in (pace.remaining(now) for pace in paces) if left > 0]
        return max(BURST_SECONDS, min([TICK_SECONDS, *blocked]))

    def _folders(self) -> list[Path]:
        followed = self._follower.folders() if self._follower is not None else []
        return [self._store.jobs_folder, *self._jobs.active_folders(), *followed]

    def _tell_jobs(self, now: float) -> None:
        waits = self._waiting()
        if self._told == self._views and waits == self._waits:
            return
        if not self._jobs_pace.ready(now) and not self._moved():
            return
        self._jobs_pace.spend(now)
        self._told, self._waits = self._views, waits
        self._post(JobsChanged(self._views, waits))

    def _waiting(self) -> dict[str, str]:
        """What each queued job waits for."""
        if not any(view.state is JobState.QUEUED for view in self._views):
            return {}
        return actions.waiting(self._store, [(view.job, view.status) for view in self._views])

    def _moved(self) -> bool:
        """Whether a job came, went, changed its state or phase: worth showing at once."""
        return [_place(view) for view in self._views] != [_place(v) for v in self._told or ()]

    def _tell_followed(self, now: float) -> None:
        follower = self._wanted
        if follower is not self._follower:
            self._follower = follower
            self._details = Details()
            self._curves, self._readings, self._sketch = Tail(), Tail(), None
            for pace in (self._metrics_pace, self._memory_pace, self._log_pace):
                pace.reset()
        self._exporting = False
        if follower is None:
            return
        job_id = follower.job.id
        self._tell_curves(now, follower)
        if self._memory_pace.ready(now) or self._readings.behind:
            self._readings.read(follower.memory)
            if self._memory_pace.ready(now) and (machine := self._readings.take()) is not None:
                self._memory_pace.spend(now)
                self._post(MemoryGrew(job_id, machine))
        details = follower.details()
        if details is not None:
            self._details = details
            self._post(DetailsChanged(job_id, details))
        self._exporting = any(export.running for export in self._details.exports)
        if self._log_pace.ready(now) and (lines := follower.log()) is not None:
            self._log_pace.spend(now)
            self._post(LogGrew(job_id, lines))

    def _tell_curves(self, now: float, follower: JobFollower) -> None:
        """The curves, once they are read; of a long run a sketch before."""
        due = self._metrics_pace.ready(now)
        if not (due or self._curves.behind):
            return
        self._curves.read(follower.metrics)
        if not due:
            return
        if self._curves.behind:
            self._sketch = self._sketch or follower.sketch()
            newest, share = self._sketch, follower.share
        else:
            newest, share = self._curves.take(), 1.0
            self._sketch = None
        if newest is not None:
            self._metrics_pace.spend(now)
            self._post(MetricsGrew(follower.job.id, newest, share))

    def _tell_machine(self, now: float, *, living: bool) -> None:
        """Working or not decides how often; when nothing works, small changes are not worth a byte."""
        pace = self._machine_pace if living else self._idle_machine_pace
        if self._machine is not None and not pace.ready(now):
            return
        pace.spend(now)
        read = self._telemetry.read()
        if self._machine is None or living or differs(self._machine, read):
            self._machine = read
            self._post(TelemetryRead(read))


def _place(view: JobView) -> tuple[object, ...]:
    status = view.status
    return (view.id, view.state, status.phase, status.reason, status.error, status.warnings)


def _moved(before: float | None, after: float | None, usual: float) -> bool:
    """Whether a figure changed by more than is usual; to become known or unknown is a change."""
    if before is None or after is None:
        return before is not after
    return abs(after - before) > usual


def differs(before: Snapshot, after: Snapshot) -> bool:
    """Whether the machine changed by more than its usual breathing: 2 % of memory, 10 % of use,
    5 degrees, a tenth of its power; or whether a figure is known that was not, or is no more.
    """
    if len(before.gpus) != len(after.gpus) or before.note != after.note:
        return True
    for old, new in zip(before.gpus, after.gpus, strict=True):
        if (old.index, old.uuid, old.name) != (new.index, new.uuid, new.name):
            return True
        if old.trouble != new.trouble or old.memory_total_bytes != new.memory_total_bytes:
            return True
        if old.power_limit_watts != new.power_limit_watts:
            return True
        for was, is_now, usual in (
            (old.memory_used_bytes, new.memory_used_bytes, (new.memory_total_bytes or 0) / 50),
            (old.utilization_percent, new.utilization_percent, 9),
            (old.temperature_celsius, new.temperature_celsius, 4),
            (old.power_watts, new.power_watts, (new.power_limit_watts or 300) / 10),
        ):
            if _moved(was, is_now, usual):
                return True
    old_host, new_host = before.host, after.host
    moved = abs(new_host.memory_used_bytes - old_host.memory_used_bytes)
    return not after.gpus and moved > new_host.memory_total_bytes / 50
