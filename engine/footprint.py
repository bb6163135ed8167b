"""What a job takes on the disk, and so what removing it deletes."""

import os
from dataclasses import dataclass

from engine.job import Job


@dataclass(frozen=True)
class Footprint:
    """A job's folder, weighed; several add up."""

    size_bytes: int = 0
    checkpoints: int = 0
    exports: int = 0

    def __add__(self, other: "Footprint") -> "Footprint":
        return Footprint(
            self.size_bytes + other.size_bytes,
            self.checkpoints + other.checkpoints,
            self.exports + other.exports,
        )


def footprint(job: Job) -> Footprint:
    """Weigh a job's folder; what vanishes meanwhile weighs nothing."""
    return Footprint(
        size_bytes=_size_bytes(job.folder),
        checkpoints=sum(1 for _ in job.checkpoints.glob("checkpoint-*/commit.json")),
        exports=sum(1 for _ in job.exports.glob("*/export.json")),
    )


def _size_bytes(folder: os.PathLike[str] | str) -> int:
    """Bytes of all files below a folder; links count as links."""
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    total += entry.stat(follow_symlinks=False).st_size
                except OSError:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    total += _size_bytes(entry)
    except OSError:
        return total
    return total
