"""What the GPUs and the host are doing now: NVML through nvidia-ml-py, or an honest "none".

It never initialises CUDA, never starts a process, and never turns an unknown figure into a 0.
"""

import itertools
import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from engine.nvml import Questions, binding, words

NO_DRIVER = "no NVIDIA driver here"
NO_GPU = "no NVIDIA GPU here"
GONE = "the NVIDIA driver no longer lists this GPU: reboot to get it back"
UNSPLIT = "MIG is on without a MIG device: `sudo nvidia-smi mig -cgi PROFILE -C` makes one"

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0

# Chips whose GPU has no memory of its own, so that MemoryInfo has nothing to say.
INTEGRATED = re.compile(r"\b(GB10|Orin|Thor|Xavier|Tegra)\b|nvgpu")


@dataclass(frozen=True)
class GPU:
    """A GPU, or a MIG device of one, as NVML sees it; None is a figure that the driver does not give."""

    index: int
    """As `nvidia-smi` counts, and the same for as long as this process looks. The first MIG device
    of a GPU has that GPU's number, as CUDA has it; further ones have numbers above all GPUs."""

    uuid: str
    """What CUDA_VISIBLE_DEVICES takes; empty when the driver does not say."""

    name: str
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    utilization_percent: int | None = None
    temperature_celsius: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None

    shared_memory: bool = False
    """Whether the GPU uses the host's memory, whose figures are then given."""

    trouble: str | None = None
    """What is wrong with this GPU, and after a colon what to do: no job can use it now."""


@dataclass(frozen=True)
class Host:
    """Memory and processors of this machine, or of the container when it is given less."""

    memory_used_bytes: int
    """What is in use and cannot be reclaimed at once."""

    memory_total_bytes: int
    memory_limited: bool
    """Whether the total is a container's limit."""

    cpu_percent: float | None
    """Average over all cores since the last read; None at the first."""

    cpu_count: int
    load_1min: float | None


@dataclass(frozen=True)
class Snapshot:
    """Everything at one moment; `note` says why there are no GPUs, and after a colon what to do."""

    gpus: tuple[GPU, ...]
    host: Host
    driver: str | None
    note: str


class Telemetry:
    """NVML and psutil, opened once and read by one thread.

    A GPU is known by its UUID: when another one falls off the bus, NVML counts anew.
    """

    def __init__(self, nvml: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._nvml = nvml
        self._clock = clock
        self._ready = False
        self._note = ""
        self._driver: str | None = None
        self._known: dict[str, GPU] = {}
        self._places: dict[int, list[str]] = {}
        """Which of the known were last read at NVML's own index."""
        self._cpu_seen = False
        self._retry_seconds = FIRST_RETRY_SECONDS
        self._renew_at: float | None = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def read(self) -> Snapshot:
        """What is true now; a failure becomes a None, a trouble or a note, never an exception."""
        now = self._clock()
        host = self._read_host()
        if self._renew_at is not None and now >= self._renew_at:
            self._renew(now)
        if not self._ready:
            return Snapshot(self._remembered(self._note), host, self._driver, self._note)
        system = Questions(self._nvml)
        count = system.need("nvmlDeviceGetCount")
        if count is None:
            trouble = system.trouble or "the NVIDIA driver does not say how many GPUs there are"
            self._settle(now, stale=system.stale)
            return Snapshot(self._remembered(trouble), host, self._driver, trouble)
        gpus, stale = self._read_gpus(count, host)
        self._settle(now, stale=stale)
        return Snapshot(gpus, host, self._driver, "" if gpus else NO_GPU)

    def processes_on(self, gpu: GPU) -> dict[int, int | None] | None:
        """Pid -> bytes, of who computes on a GPU; None if the driver does not say.

        Inside a container the pids may be the host's: match them only against a process that
        exists and whose start time fits.
        """
        if not self._ready or not gpu.uuid:
            return None
        questions = Questions(self._nvml)
        handle = questions.need("nvmlDeviceGetHandleByUUID", gpu.uuid)
        return None if handle is None else questions.processes(handle)

    def close(self) -> None:
        """Let go of NVML; a later read opens it again."""
        if self._ready:
            Questions(self._nvml).ask("nvmlShutdown")
        self._ready = False
        self._renew_at = 0.0

    # --- the connection

    def _renew(self, now: float) -> None:
        if self._ready:
            Questions(self._nvml).ask("nvmlShutdown")
        self._ready = False
        self._renew_at = None
        self._nvml = self._nvml or binding()
        if self._nvml is None:
            self._note = NO_DRIVER
            return
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            self._note = words(error)
            self._settle(now, stale=True)
            return
        self._ready = True
        self._note = ""
        self._driver = Questions(self._nvml).ask("nvmlSystemGetDriverVersion")

    def _settle(self, now: float, *, stale: bool) -> None:
        """Plan a new initialisation after trouble, each time later; forget the delay when well."""
        if not stale:
            self._retry_seconds = FIRST_RETRY_SECONDS
            self._renew_at = None
        elif self._renew_at is None:
            self._renew_at = now + self._retry_seconds
            self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    # --- the GPUs

    def _read_gpus(self, count: int, host: Host) -> tuple[tuple[GPU, ...], bool]:
        """Every GPU that is there or was there, by index, and whether NVML should be opened anew."""
        found: dict[str, GPU] = {}
        failed: dict[int, str] = {}
        stale = False
        for place in range(count):
            questions = Questions(self._nvml)
            here = self._read_place(place, count, questions, host)
            found |= here
            stale |= questions.stale
            if here:
                self._places[place] = list(here)
            else:
                failed[place] = questions.trouble or "the NVIDIA driver does not open this GPU"
        for place, trouble in failed.items():
            lost = [key for key in self._places.get(place, ()) if key not in found]
            for key in lost or [f"at {place}"]:
                found[key] = _without_figures(
                    self._known.get(key) or GPU(self._number(key, place), "", f"GPU {place}"),
                    trouble,
                )
        self._forget_instances(found)
        gone = {key: gpu for key, gpu in self._known.items() if key not in found and gpu.uuid}
        found |= {key: _without_figures(gpu, GONE) for key, gpu in gone.items()}
        ordered = sorted(found.values(), key=lambda gpu: gpu.index)
        return tuple(ordered), stale or bool(gone)

    def _read_place(
        self, place: int, count: int, questions: Questions, host: Host
    ) -> dict[str, GPU]:
        """The GPU at NVML's index or its MIG devices; nothing when it cannot be opened."""
        handle = questions.need("nvmlDeviceGetHandleByIndex", place)
        if handle is None:
            return {}
        found: dict[str, GPU] = {}
        instances = questions.instances(handle)
        for at, part in enumerate(instances or [handle]):
            uuid = questions.ask("nvmlDeviceGetUUID", part)
            if questions.trouble is not None:
                break
            key = uuid or next(iter(self._places.get(place, ())[at:]), f"at {place}")
            index = self._number(key, count if found else place)
            before = self._known.get(key) or GPU(index, uuid or "", f"GPU {index}")
            gpu = self._read_gpu(before, part, questions, host)
            if part is not handle:
                gpu = replace(gpu, temperature_celsius=questions.temperature(handle))
            elif instances is not None:
                gpu = replace(gpu, trouble=gpu.trouble or UNSPLIT)
            found[key] = self._known[key] = gpu
        return found

    def _number(self, key: str, wanted: int) -> int:
        """The index under which a GPU was seen first; for a new one the wanted one, or a free one."""
        if key in self._known:
            return self._known[key].index
        taken = {gpu.index for gpu in self._known.values()}
        return next(index for index in itertools.count(wanted) if index not in taken)

    def _read_gpu(self, gpu: GPU, handle: Any, questions: Questions, host: Host) -> GPU:
        name = questions.ask("nvmlDeviceGetName", handle) or gpu.name
        used, total = questions.memory(handle)
        shared = total is None and questions.trouble is None and bool(INTEGRATED.search(name))
        if shared:
            used, total = host.memory_used_bytes, host.memory_total_bytes
        return replace(
            gpu,
            name=name,
            memory_used_bytes=used,
            memory_total_bytes=total,
            utilization_percent=questions.utilization(handle),
            temperature_celsius=questions.temperature(handle),
            power_watts=questions.watts("nvmlDeviceGetPowerUsage", handle),
            power_limit_watts=questions.watts("nvmlDeviceGetEnforcedPowerLimit", handle),
            shared_memory=shared,
            trouble=questions.trouble,
        )

    def _forget_instances(self, found: Mapping[str, GPU]) -> None:
        """MIG devices come and go as the machine's owner wants: a missing one is no trouble."""
        for key in [key for key in self._known if key.startswith("MIG-") and key not in found]:
            del self._known[key]

    def _remembered(self, trouble: str) -> tuple[GPU, ...]:
        """The GPUs seen before: a lost driver does not make them vanish."""
        ordered = sorted(self._known.values(), key=lambda gpu: gpu.index)
        return tuple(_without_figures(gpu, trouble) for gpu in ordered)

    def _read_host(self) -> Host:
        host = read_host(self._cpu_seen)
        self._cpu_seen = True
        return host


def _without_figures(gpu: GPU, trouble: str) -> GPU:
    return GPU(gpu.index, gpu.uuid, gpu.name, shared_memory=gpu.shared_memory, trouble=trouble)


def read_host(cpu_seen: bool = True) -> Host:
    """This machine's memory and load; the first CPU figure of a process means nothing."""
    memory = psutil.virtual_memory()
    used, total = memory.total - memory.available, memory.total
    cpu = psutil.cpu_percent(interval=None)
    limit = container_memory()
    limited = limit is not None and limit[1] < total
    if limit is not None and limited:
        used, total = limit
    return Host(
        memory_used_bytes=used,
        memory_total_bytes=total,
        memory_limited=limited,
        cpu_percent=cpu if cpu_seen else None,
        cpu_count=psutil.cpu_count() or os.cpu_count() or 1,
        load_1min=_load(),
    )


def container_memory(root: Path = Path("/sys/fs/cgroup")) -> tuple[int, int] | None:
    """Used and allowed bytes of this cgroup (version 2), or None where nothing is limited."""
    try:
        limit = int((root / "memory.max").read_text())
        current = int((root / "memory.current").read_text())
        stat = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        return max(0, current - int(stat.get("inactive_file", 0))), limit
    except (OSError, ValueError):  # no such file, "max", or another format
        return None


def process_memory_bytes(pid: int) -> int | None:
    """A process's resident memory, or None when it is gone, a zombie, or not ours to see."""
    try:
        return psutil.Process(pid).memory_info().rss or None
    except psutil.Error:
        return None


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None
