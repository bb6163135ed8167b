"""All jobs of one `$TUNEDECK_HOME`: create, list, find, remove."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import JobNotFound, MachineError, StateError
from engine.files import sync_folder
from engine.job import ID_PATTERN, Job
from engine.lock import Lock

_NEW_PREFIX = ".new-"


def default_home() -> Path:
    """`$TUNEDECK_HOME`, or the platform's user data folder."""
    if configured := os.environ.get("TUNEDECK_HOME"):
        return Path(configured).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("tunedeck", appauthor=False))


def slug(name: str, limit: int = 40) -> str:
    """A name as part of a folder name: `[a-z0-9-]`, never empty."""
    cleaned = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return cleaned[:limit].strip("-") or "job"


def new_id(name: str, now: datetime, digits: str) -> str:
    """UTC date, slug of the name, four hex digits: `2026-11-20-gsm8k-7f3a`."""
    return f"{now.astimezone(UTC):%Y-%m-%d}-{slug(name)}-{digits}"


class Store:
    """The jobs below one home folder, and the names of what else lies there."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or default_home()

    @property
    def jobs_folder(self) -> Path:
        return self.home / "jobs"

    @property
    def supervisor_lock(self) -> Path:
        return self.home / "supervisor.lock"

    @property
    def supervisor_file(self) -> Path:
        """Who the running supervisor is: pid, start ticks, boot id, version."""
        return self.home / "supervisor.json"

    @property
    def supervisor_log(self) -> Path:
        return self.home / "supervisor.log"

    @property
    def config_file(self) -> Path:
        """The user's settings (`cpu_jobs`, ...)."""
        return self.home / "config.toml"

    @property
    def deck_file(self) -> Path:
        """What the deck remembers from one visit to the next."""
        return self.home / "deck.json"

    def prepare(self) -> None:
        """Make the home folder.

        Raises:
            MachineError: it cannot be written.
        """
        try:
            self.jobs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            writable = os.access(self.jobs_folder, os.W_OK | os.X_OK)
        except OSError as error:
            raise _not_writable(self.home, error.strerror or str(error)) from error
        if not writable:
            raise _not_writable(self.home, "permission denied")

    def jobs(self) -> list[Job]:
        """Every job, oldest first by id."""
        try:
            with os.scandir(self.jobs_folder) as entries:
                found = (e.name for e in entries if ID_PATTERN.fullmatch(e.name) and e.is_dir())
                names = sorted(found)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise MachineError(
                f"{self.jobs_folder} cannot be read: {error.strerror}",
                "check its owner and mode, or set TUNEDECK_HOME",
            ) from error
        return [Job(self.jobs_folder / name) for name in names]

    def find(self, name: str) -> Job:
        """The job of that id, unique prefix, four hex digits or unique name; `-` is the newest.

        Raises:
            JobNotFound: none, or more than one.
        """
        jobs = self.jobs()
        if name == "-":
            if not jobs:
                raise JobNotFound("there are no jobs yet", "start one: `tunedeck demo`")
            return max(jobs, key=_created)
        candidates = [job for job in jobs if job.id == name]
        for matches in (
            lambda job: job.id.rpartition("-")[2] == name.lower(),
            lambda job: "-".join(job.id.split("-")[3:]) == name.lower(),
            lambda job: _name_part(job.id) == slug(name),
            lambda job: bool(name) and job.id.startswith(name.lower()),
        ):
            candidates = candidates or [job for job in jobs if matches(job)]
        if len(candidates) == 1:
            return candidates[0]
        if candidates:
            shown = ", ".join(job.id for job in candidates[:5])
            raise JobNotFound(
                f"{name!r} could be any of {len(candidates)} jobs: {shown}",
                "name it by more of its id, or by its last four digits",
            )
        raise JobNotFound(f"no job {name!r}", "`tunedeck ls` shows the jobs there are")

    def create(self, name: str, fill: Callable[[Job], None]) -> Job:
        """Build a job in a hidden folder with `fill`, and rename it into place in one step."""
        self.prepare()
        now = datetime.now(UTC)
        while True:
            job = Job(self.jobs_folder / new_id(name, now, os.urandom(2).hex()))
            if not job.folder.exists():
                break
        building = Job(self.jobs_folder / f"{_NEW_PREFIX}{os.urandom(8).hex()}")
        try:
            building.folder.mkdir(mode=0o700)
            building.checkpoints.mkdir()
            fill(building)
            building.folder.rename(job.folder)
            sync_folder(self.jobs_folder)
        except OSError as error:
            shutil.rmtree(building.folder, ignore_errors=True)
            raise _not_writable(self.home, error.strerror or str(error)) from error
        except BaseException:
            shutil.rmtree(building.folder, ignore_errors=True)
            raise
        return job

    def remove(self, job: Job) -> None:
        """Delete a job's folder with its checkpoints and exports.

        Raises:
            StateError: its worker or an export lives.
        """
        doomed = self.jobs_folder / f".removed-{job.id}-{os.urandom(4).hex()}"
        with ExitStack() as locks:
            for path, what, instead in (
                (job.worker_lock, "worker", f"`tunedeck cancel {job.id} --wait` first"),
                (job.export_lock, "export", "wait for its end"),
            ):
                held = Lock.take(path)
                if held is None:
                    raise StateError(f"{job.id} has a running {what}", instead)
                locks.enter_context(held)
            job.folder.rename(doomed)
        shutil.rmtree(doomed)


def _name_part(job_id: str) -> str:
    """The slug inside an id: without the date and the digits."""
    return "-".join(job_id.split("-")[3:-1])


def _created(job: Job) -> tuple[str, str]:
    return (job.stored().created_at or "", job.id)


def _not_writable(home: Path, why: str) -> MachineError:
    return MachineError(
        f"TUNEDECK_HOME cannot be written: {home} ({why})",
        "set TUNEDECK_HOME to a folder that you own, on a disk with free space",
    )
