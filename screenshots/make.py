"""Makes the pictures of the README from real runs: `make screenshots`, a few minutes on two CPU cores.

Fine-tunes the bundled model some times over in a home folder of its own: to the end, into a pause, and into a
failure. One more trains while the deck is used in a terminal, which gives `session.cast` and `session.svg`, and
while the pictures are taken. With `--film` only `session.svg` is made anew, from the recording that is there.
"""

import argparse
import asyncio
import getpass
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from html import unescape
from pathlib import Path

from engine.job import Job
from engine.status import JobState
from screenshots.film import film
from screenshots.jobs import Jobs
from screenshots.pictures import Picture, take
from screenshots.session import record
from tui.text import short_id

FOLDER = Path(__file__).parent
STILL = "grad norm"
"""Words on the frame that stands for the session where nothing moves."""


def main() -> int:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--film", action="store_true", help="make session.svg from session.cast")
    given = parser.parse_args()
    out = given.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    cast = out / "session.cast"
    if not given.film:
        private = _names_of_this_machine()
        user = Path(tempfile.mkdtemp(prefix="tunedeck-"))
        try:
            made = [*_made(Jobs(user), cast, out), cast]
        finally:
            shutil.rmtree(user, ignore_errors=True)
        _refuse_private(made, [str(user), *private])
    (out / "session.svg").write_text(film(cast, STILL), encoding="utf-8")
    return 0


def _made(jobs: Jobs, cast: Path, out: Path) -> list[Path]:
    try:
        good = jobs.submit("lr-5e-3")
        other = jobs.submit("lr-1e-3", "training.learning_rate=1e-3")
        failed = jobs.submit("short", "training.max_length=16")
        paused = jobs.submit("rank-32", "adapter.r=32", "adapter.lora_alpha=64")
        jobs.until_step(paused, 45)
        jobs.pause(paused)
        for job, state in (
            (good, JobState.COMPLETED),
            (other, JobState.COMPLETED),
            (failed, JobState.FAILED),
        ):
            jobs.until(job, state)
        running = jobs.submit_long("long", good)
        jobs.until_step(running, 60)
        record(cast, short_id(running.id))
        jobs.submit("dora", "adapter.use_dora=true")
        pictures = _pictures(running, good, failed)
        return [
            path
            for picture in pictures
            for path in asyncio.run(take(jobs.store, picture, str(jobs.user), out))
        ]
    finally:
        jobs.end()


def _pictures(running: Job, good: Job, failed: Job) -> Sequence[Picture]:
    home = ("▶ running", "○ queued", "✗ failed")
    return (
        Picture("failure", failed.id, shows=(*home, "every label is masked")),
        Picture("checkpoints", good.id, ((home[0], ["enter", "4"]),), ("checkpoint-120",)),
        Picture(
            "compare",
            good.id,
            ((home[0], ["slash", *"lr", "enter", "g", "space", "space", "c"]),),
            ("lr-1e-3", "lr-5e-3", "final loss"),
        ),
        Picture(
            "new", good.id, ((home[0], ["n"]), ("", [*"train.jsonl", "enter"])), ("Fine-tunes",)
        ),
        Picture("home", running.id, shows=(*home, "train ")),
        Picture("job", running.id, ((home[0], ["enter"]),), ("[1 Charts]", "eval ")),
    )


def _names_of_this_machine() -> Iterable[str]:
    """What no picture may show."""
    names = (str(Path.home()), str(FOLDER.parent), platform.node(), getpass.getuser())
    return [name for name in names if len(name) > 3]


def _refuse_private(made: Iterable[Path], private: Iterable[str]) -> None:
    for path in made:
        content = unescape(path.read_text(encoding="utf-8"))
        for name in private:
            if name in content:
                raise SystemExit(f"{path} shows {name}: it names this machine")


if __name__ == "__main__":
    sys.exit(main())
