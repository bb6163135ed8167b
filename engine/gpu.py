"""What the GPUs and the host are doing now: NVML through nvidia-ml-py, or an honest "none".

It never initialises CUDA, never starts a process, and never turns an unknown figure into a 0.
"""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

NO_DRIVER = "no NVIDIA driver here: showing host memory"
NO_GPU = "no NVIDIA GPU here: showing host memory"

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0

# What a driver answers when it has or gives no such figure; every other error is trouble.
ABSENT = (
    "NVMLError_NoPermission",
    "NVMLError_NotSupported",
    "NVMLError_FunctionNotFound",
    "NVMLError_ArgumentVersionMismatch",
    "NVMLError_InvalidArgument",
    "NVMLError_NotFound",
    "NVMLError_NoData",
)

# After these, NVML answers again only once it has been initialised anew.
STALE = ("NVMLError_Uninitialized", "NVMLError_Unknown")

ADVICE = {
    "NVMLError_LibraryNotFound": "no NVIDIA driver here",
    "NVMLError_DriverNotLoaded": "the NVIDIA driver is not loaded",
    "NVMLError_LibRmVersionMismatch": "the NVIDIA driver was updated: reboot to load it",
    "NVMLError_NoPermission": "no permission to ask the NVIDIA driver",
    "NVMLError_GpuIsLost": "the GPU is lost: the machine needs a reboot",
    "NVMLError_ResetRequired": "the GPU needs a reset",
    "NVMLError_Unknown": "the NVIDIA driver answers Unknown Error: restart the container",
}

# Chips whose GPU has no memory of its own, so that MemoryInfo has nothing to say.
INTEGRATED = re.compile(r"\b(GB10|Orin|Thor|Xavier|Tegra)\b|nvgpu")


@dataclass(frozen=True)
class GPU:
    """One GPU as NVML sees it; None is a figure that the driver does not give."""

    index: int
    uuid: str
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
    """What is wrong with this GPU, in words."""


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
    """Everything at one moment; `note` says why there are no GPUs, and is empty otherwise."""

    gpus: tuple[GPU, ...]
    host: Host
    driver: str | None
    note: str


class Telemetry:
    """NVML and psutil, opened once and read by one thread."""

    def __init__(self, nvml: Any = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._nvml = nvml
        self._clock = clock
        self._ready = False
        self._note = ""
        self._driver: str | None = None
        self._known: dict[int, GPU] = {}
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
        system = _Questions(self._nvml)
        count = system.ask("nvmlDeviceGetCount")
        if count is None:
            trouble = system.trouble or "the NVIDIA driver does not say how many GPUs there are"
            self._settle(now, stale=system.stale)
            return Snapshot(self._remembered(trouble), host, self._driver, trouble)
        reads = [self._read_gpu(index, host) for index in range(count)]
        self._settle(now, stale=any(stale for _, stale in reads))
        return Snapshot(tuple(gpu for gpu, _ in reads), host, self._driver, "" if count else NO_GPU)

    def processes_on(self, gpu: GPU) -> tuple[int, ...] | None:
        """Pids that compute on a GPU, or None if the driver does not say.

        Inside a container they may be the host's: match them only against a process that exists
        and whose start time fits.
        """
        if not self._ready or not gpu.uuid:
            return None
        questions = _Questions(self._nvml)
        handle = questions.ask("nvmlDeviceGetHandleByUUID", gpu.uuid)
        if handle is None:
            return None
        running = questions.ask("nvmlDeviceGetComputeRunningProcesses", handle)
        return None if running is None else tuple(sorted({process.pid for process in running}))

    def close(self) -> None:
        """Let go of NVML; a later read opens it again."""
        if self._ready:
            _Questions(self._nvml).ask("nvmlShutdown")
        self._ready = False
        self._renew_at = 0.0

    def _renew(self, now: float) -> None:
        if self._ready:
            _Questions(self._nvml).ask("nvmlShutdown")
        self._ready = False
        self._renew_at = None
        if self._nvml is None and (nvml := _binding()) is None:
            self._note = NO_DRIVER
            return
        self._nvml = self._nvml or nvml
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            self._note = f"{_words(error)}: showing host memory"
            self._settle(now, stale=True)
            return
        self._ready = True
        self._note = ""
        self._driver = _Questions(self._nvml).ask("nvmlSystemGetDriverVersion")

    def _settle(self, now: float, *, stale: bool) -> None:
        """Plan a new initialisation after trouble, each time later; forget the delay when well."""
        if not stale:
            self._retry_seconds = FIRST_RETRY_SECONDS
            self._renew_at = None
        elif self._renew_at is None:
            self._renew_at = now + self._retry_seconds
            self._retry_seconds = min(2 * self._retry_seconds, LONGEST_RETRY_SECONDS)

    def _remembered(self, trouble: str) -> tuple[GPU, ...]:
        """The GPUs seen before, without figures: a lost driver does not make them vanish."""
        return tuple(
            GPU(gpu.index, gpu.uuid, gpu.name, shared_memory=gpu.shared_memory, trouble=trouble)
            for gpu in self._known.values()
        )

    def _read_gpu(self, index: int, host: Host) -> tuple[GPU, bool]:
        questions = _Questions(self._nvml)
        handle = questions.ask("nvmlDeviceGetHandleByIndex", index)
        before = self._known.get(index, GPU(index, "", f"GPU {index}"))
        if handle is None:
            trouble = questions.trouble or "the NVIDIA driver does not open this GPU"
            return GPU(index, before.uuid, before.name, trouble=trouble), questions.stale
        name = questions.ask("nvmlDeviceGetName", handle) or before.name
        used, total = questions.memory(handle)
        shared = total is None and questions.trouble is None and bool(INTEGRATED.search(name))
        if shared:
            used, total = host.memory_used_bytes, host.memory_total_bytes
        gpu = GPU(
            index,
            questions.ask("nvmlDeviceGetUUID", handle) or before.uuid,
            name,
            used,
            total,
            questions.utilization(handle),
            questions.ask("nvmlDeviceGetTemperature", handle, 0),
            _watts(questions.ask("nvmlDeviceGetPowerUsage", handle)),
            _watts(questions.ask("nvmlDeviceGetEnforcedPowerLimit", handle)),
            shared_memory=shared,
            trouble=questions.trouble,
        )
        self._known[index] = gpu
        return gpu, questions.stale

    def _read_host(self) -> Host:
        host = read_host(self._cpu_seen)
        self._cpu_seen = True
        return host


class _Questions:
    """Calls to one device, each on its own; after the first trouble no more are made.

    A GPU that fell off the bus can hold every further call for seconds.
    """

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self.trouble: str | None = None
        self.stale = False

    def ask(self, function: str, *arguments: Any, **options: Any) -> Any:
        """The answer, or None when there is none."""
        if self.trouble is not None:
            return None
        try:
            return getattr(self._nvml, function)(*arguments, **options)
        except self._nvml.NVMLError as error:
            kind = type(error).__name__
            if kind not in ABSENT:
                self.trouble = _words(error)
                self.stale = kind in STALE
            return None

    def memory(self, handle: Any) -> tuple[int | None, int | None]:
        """Used and total bytes; version 2 leaves out what the driver reserves for itself."""
        info = self.ask("nvmlDeviceGetMemoryInfo", handle, version=self._nvml.nvmlMemory_v2)
        if info is None:
            info = self.ask("nvmlDeviceGetMemoryInfo", handle)
        if info is None or not info.total:
            return None, None
        return (info.used if info.used <= info.total else None), info.total

    def utilization(self, handle: Any) -> int | None:
        rates = self.ask("nvmlDeviceGetUtilizationRates", handle)
        return rates.gpu if rates is not None and rates.gpu <= 100 else None


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


def _binding() -> Any:
    try:
        import pynvml  # late: only who watches GPUs pays for it
    except ImportError:
        return None
    return pynvml


def _words(error: Exception) -> str:
    return ADVICE.get(type(error).__name__) or f"the NVIDIA driver says: {error}"


def _watts(milliwatts: int | None) -> float | None:
    return None if milliwatts is None else milliwatts / 1000


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None
