"""Who starts next, on which GPU, and what everyone else waits for: pure, without files or NVML.

One job per GPU; without a GPU, `cpu_jobs` at a time. Among the queued the smaller `order` starts
first; a job that must wait for a GPU does not hold up one that needs none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.control import Control


@dataclass(frozen=True)
class Gpu:
    """A GPU of this machine."""

    index: int
    uuid: str
    trouble: str | None = None
    """Why no job can use it now, in words."""


@dataclass(frozen=True)
class Candidate:
    """A queued job."""

    job: str
    order: float
    gpus: int | str = "auto"
    """0 is the CPU, 1 a GPU, `auto` a GPU where the machine has one."""
    visible: str | None = None
    """CUDA_VISIBLE_DEVICES of the shell that submitted it; None when it was not set."""


@dataclass(frozen=True)
class Running:
    """A job with a living worker; no GPUs is the CPU."""

    job: str
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True)
class Start:
    """A job to start now; no GPUs is the CPU."""

    job: str
    gpus: tuple[int, ...] = ()


def candidate(job: str, control: Control, launch: Mapping[str, Any]) -> Candidate:
    """A queued job as its `control.json` and `launch.json` describe it."""
    requires = launch.get("requires")
    wanted = requires if isinstance(requires, Mapping) else {}
    gpus, visible = wanted.get("gpus"), wanted.get("visible")
    return Candidate(
        job,
        control.order,
        gpus if isinstance(gpus, int) else "auto",
        visible if isinstance(visible, str) else None,
    )


def visible_gpus(gpus: Sequence[Gpu], visible: str | None) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves: indices or UUIDs (their beginning is enough)."""
    if visible is None:
        return list(gpus)
    chosen: list[Gpu] = []
    for name in (part.strip() for part in visible.split(",")):
        found = [gpu for gpu in gpus if name and _named(gpu, name)]
        if not found:
            break  # as CUDA does: what follows an unknown name is hidden
        chosen += [gpu for gpu in found[:1] if gpu not in chosen]
    return chosen


def _named(gpu: Gpu, name: str) -> bool:
    return str(gpu.index) == name if name.isdigit() else gpu.uuid.startswith(name)


def choose(
    candidates: Sequence[Candidate],
    running: Sequence[Running],
    gpus: Sequence[Gpu],
    cpu_jobs: int,
) -> list[Start]:
    """The queued jobs to start now, in order."""
    busy = {index for one in running for index in one.gpus}
    cpu_room = cpu_jobs - sum(not one.gpus for one in running)
    starts = []
    for one in in_order(candidates):
        usable = _usable(one, gpus)
        if usable is None:
            if cpu_room > 0:
                cpu_room -= 1
                starts.append(Start(one.job))
            continue
        idle = (gpu.index for gpu in usable if gpu.index not in busy and not gpu.trouble)
        free = next(idle, None)
        if free is not None:
            busy.add(free)
            starts.append(Start(one.job, (free,)))
    return starts


def in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The queue: by order, and by id where two are equal."""
    return sorted(candidates, key=lambda one: (one.order, one.job))


def waits_for(
    candidates: Sequence[Candidate],
    running: Sequence[Running],
    gpus: Sequence[Gpu],
    cpu_jobs: int,
) -> dict[str, str]:
    """Job -> what it waits for, in words, for every queued job."""
    starting = {start.job for start in choose(candidates, running, gpus, cpu_jobs)}
    queue = in_order(candidates)
    said = {}
    for place, one in enumerate(queue):
        usable = _usable(one, gpus)
        if one.job in starting:
            said[one.job] = "starts now"
            continue
        if usable == []:
            said[one.job] = "waits for a GPU: this machine shows none that it may use"
            continue
        rivals = [other for other in queue[:place] if _compete(_usable(other, gpus), usable)]
        if rivals:
            said[one.job] = (
                f"{_ordinal(len(rivals) + 1)} in the queue: after {_short(rivals[-1].job)}"
            )
        else:
            said[one.job] = f"waits for {_holders(running, usable)}"
    return said


def _usable(one: Candidate, gpus: Sequence[Gpu]) -> list[Gpu] | None:
    """The GPUs that a job may use; None for a job of the CPU."""
    if one.gpus == 0:
        return None
    left = visible_gpus(gpus, one.visible)
    return None if one.gpus == "auto" and not left else left


def _compete(mine: list[Gpu] | None, other: list[Gpu] | None) -> bool:
    if mine is None or other is None:
        return mine is other
    return any(gpu in other for gpu in mine)


def _holders(running: Sequence[Running], usable: list[Gpu] | None) -> str:
    if usable is None:
        return " or ".join(f"{_short(one.job)} (CPU)" for one in running if not one.gpus)
    wanted = {gpu.index for gpu in usable}
    held = [
        f"{_short(one.job)} (GPU {', '.join(map(str, one.gpus))})"
        for one in running
        if wanted & set(one.gpus)
    ]
    troubles = [f"GPU {gpu.index}: {gpu.trouble}" for gpu in usable if gpu.trouble]
    return " or ".join(held or troubles[:1])


def _short(job: str) -> str:
    """An id without its date: `gsm8k-7f3a`."""
    parts = job.split("-", 3)
    dated = len(parts) == 4 and all(part.isdigit() for part in parts[:3])
    return parts[3] if dated else job


def _ordinal(number: int) -> str:
    suffix = (
        "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    )
    return f"{number}{suffix}"
