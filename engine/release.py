"""Whether a GPU's memory came back after a worker's end, as far as NVML lets anyone know."""

from collections.abc import Collection, Sequence
from typing import Protocol

from engine.gpu import GPU, Snapshot
from engine.workers import Worker

SLACK_BYTES = 256 * 1024 * 1024
"""How much more than before the worker may be in use by others."""


class Readings(Protocol):
    """What is asked of `engine.gpu.Telemetry`."""

    def read(self) -> Snapshot: ...
    def processes_on(self, gpu: GPU) -> Collection[int] | None: ...


def used_bytes(gpus: Sequence[GPU], indices: Sequence[int]) -> dict[int, int]:
    """Used memory by index, of those GPUs whose driver says."""
    return {
        gpu.index: gpu.memory_used_bytes
        for gpu in gpus
        if gpu.index in indices and gpu.memory_used_bytes is not None
    }


def watch(worker: Worker, readings: Readings, gpus: Sequence[GPU]) -> None:
    """Note whether NVML lists the living worker: only then does its absence later mean anything."""
    if worker.gpus and not worker.seen_on_gpu and worker.identity is not None:
        pids = [readings.processes_on(gpu) or () for gpu in gpus if gpu.index in worker.gpus]
        worker.seen_on_gpu = any(worker.identity.pid in listed for listed in pids)


def is_released(worker: Worker, readings: Readings) -> bool | None:
    """True when its memory is back, False when it is not, None when nobody can know."""
    mine = [gpu for gpu in readings.read().gpus if gpu.index in worker.gpus]
    if not mine:
        return None
    if worker.seen_on_gpu and worker.identity is not None:
        listed = [readings.processes_on(gpu) for gpu in mine]
        if all(pids is not None for pids in listed):
            return not any(worker.identity.pid in (pids or ()) for pids in listed)
    before = worker.memory_before or {}
    now = used_bytes(mine, worker.gpus)
    if before.keys() != now.keys() or not now:
        return None
    return True if all(now[i] <= before[i] + SLACK_BYTES for i in now) else None
