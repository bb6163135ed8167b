"""Makes the pictures of the README from a real run of the demo: `make screenshots`.

It queues the bundled fine-tune twice in a home folder of its own, opens the deck without a terminal, and
saves what it shows while the first job trains and when it is done. With `--home DIR` nothing is
run: the deck is opened on the jobs that are there.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from engine import actions, spec
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from tui.app import DeckApp
from tui.options import Options
from tui.sources import DEMO_SPEC

SIZES = ((120, 40), (80, 24))
SHOWN_FROM = 0.6
"""Share of the steps from which on the training is worth a picture."""
PATIENCE_SECONDS = 900.0


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="open the deck on this home folder; run nothing")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    options.out = options.out.absolute()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.home is not None:
        asyncio.run(_of_what_is_there(Store(options.home.absolute()), options.out))
        return 0
    home = Path(tempfile.mkdtemp(prefix="tunedeck-"))
    os.environ["TUNEDECK_HOME"] = str(home)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    _enter_project(home)
    store = Store(home)
    jobs: list[Job] = []
    try:
        jobs += [
            _submitted(store, *setting) for setting in ((), ("name=demo-rank-32", "adapter.r=32"))
        ]
        asyncio.run(_of_a_run(store, jobs[0], options.out))
    finally:
        _ended(jobs)
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _enter_project(home: Path) -> None:
    """Work in a folder as a user has it, so that the pictures show no path of this machine."""
    project = home / "my-project"
    project.mkdir()
    shutil.copy(DEMO_SPEC.parent / "data" / "train.jsonl", project / "letters.jsonl")
    shutil.copy(DEMO_SPEC, project / "letters.yaml")
    os.environ["HOME"] = str(home)
    os.chdir(project)


def _submitted(store: Store, *overrides: str) -> Job:
    return actions.submit(store, spec.load(DEMO_SPEC, overrides), by="screenshots")


def _ended(jobs: list[Job]) -> None:
    """Let no process of these jobs live on."""
    for job in jobs:
        if not job.observed().state.settled:
            actions.cancel(job, by="screenshots")
            actions.wait_for(job, {JobState.CANCELLED, JobState.COMPLETED}, timeout=60)


async def _of_a_run(store: Store, job: Job, out: Path) -> None:
    await _until(lambda: _share(job) >= SHOWN_FROM, f"{job.id} trains")
    for width, height in SIZES:
        await _shot(store, out, "home", width, height, job.id)
    await _until(lambda: job.observed().state.settled, f"{job.id} ends")
    if job.observed().state is not JobState.COMPLETED:
        raise SystemExit(f"{job.id} is {job.observed().state}: see {job.log_file}")
    await _of_what_is_there(store, out, job.id, home=False)


async def _of_what_is_there(
    store: Store, out: Path, job_id: str | None = None, *, home: bool = True
) -> None:
    for width, height in SIZES:
        if home:
            await _shot(store, out, "home", width, height, job_id)
        await _shot(store, out, "job", width, height, job_id, "enter")
    await _shot(store, out, "help", *SIZES[0], job_id, "question_mark")
    await _shot(store, out, "new", *SIZES[0], job_id, "n")


async def _shot(
    store: Store, out: Path, name: str, width: int, height: int, job_id: str | None, *keys: str
) -> None:
    """Open the deck, press the keys, and save what it shows."""
    app = DeckApp(store, Options(job=job_id))
    async with app.run_test(size=(width, height)) as pilot:
        await _settled(pilot)
        for key in keys:
            await pilot.press(key)
            await _settled(pilot)
        path = out / f"{name}-{width}x{height}.svg"
        path.write_text(app.export_screenshot(title="tunedeck"), encoding="utf-8")
    print(path, file=sys.stderr)


async def _settled(pilot: Pilot[int]) -> None:
    """Wait until the feed has read everything once."""
    await pilot.pause(1.5)


async def _until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited too long until {what}")
        await asyncio.sleep(0.2)


def _share(job: Job) -> float:
    status = job.observed()
    if status.state.settled:
        return 1.0
    return status.step / status.total_steps if status.total_steps else 0.0


if __name__ == "__main__":
    sys.exit(main())
