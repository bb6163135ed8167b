"""NVML, asked one question at a time: an answer, None where it has none, or trouble in words."""

from typing import Any

# After these a device is asked nothing more in this look: each further call may hang for seconds.
BROKEN = (
    "NVMLError_Uninitialized",
    "NVMLError_DriverNotLoaded",
    "NVMLError_Timeout",
    "NVMLError_IrqIssue",
    "NVMLError_GpuIsLost",
    "NVMLError_ResetRequired",
    "NVMLError_LibRmVersionMismatch",
    "NVMLError_GpuNotFound",
)

# After these, NVML may answer again once it has been initialised anew.
STALE = (
    "NVMLError_Uninitialized",
    "NVMLError_DriverNotLoaded",
    "NVMLError_GpuIsLost",
    "NVMLError_ResetRequired",
    "NVMLError_GpuNotFound",
    "NVMLError_Unknown",
)

ADVICE = {
    "NVMLError_LibraryNotFound": "no NVIDIA driver here",
    "NVMLError_DriverNotLoaded": "the NVIDIA driver is not loaded: `sudo modprobe nvidia` loads it",
    "NVMLError_LibRmVersionMismatch": "the NVIDIA driver was updated: reboot to load it",
    "NVMLError_NoPermission": "no permission to ask the NVIDIA driver: see who may read /dev/nvidia*",
    "NVMLError_FunctionNotFound": "the NVIDIA driver is too old: install a newer one",
    "NVMLError_GpuIsLost": "the GPU is lost: reset it with `sudo nvidia-smi -r`, or reboot",
    "NVMLError_ResetRequired": "the GPU needs a reset: `sudo nvidia-smi -r`, or reboot",
    "NVMLError_Unknown": "the NVIDIA driver answers Unknown Error: restart the container or reboot",
}
"""What is wrong, and after a colon what to do."""

MIG_ENABLED = 1


class Questions:
    """Calls to one device, or to the driver; the first trouble ends them."""

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self.trouble: str | None = None
        """What is wrong, in words."""
        self.stale = False
        """Whether NVML should be initialised anew."""

    def ask(self, function: str, *arguments: Any, **options: Any) -> Any:
        """The answer, or None when the driver has or gives none, for whatever reason."""
        return self._call(function, arguments, options, needed=False)

    def need(self, function: str, *arguments: Any) -> Any:
        """An answer without which nothing more can be asked: to have none is trouble."""
        return self._call(function, arguments, {}, needed=True)

    def _call(
        self, function: str, arguments: tuple[Any, ...], options: dict[str, Any], *, needed: bool
    ) -> Any:
        call = getattr(self._nvml, function, None)  # another release of the binding may lack it
        if self.trouble is not None or call is None:
            return None
        try:
            return call(*arguments, **options)
        except self._nvml.NVMLError as error:
            kind = type(error).__name__
            if needed or kind in BROKEN:
                self.trouble = words(error)
                self.stale = kind in STALE
        except UnicodeDecodeError:
            pass  # a name that is no UTF-8
        return None

    def memory(self, handle: Any) -> tuple[int | None, int | None]:
        """Used and total bytes; version 2 leaves out what the driver reserves for itself."""
        version = getattr(self._nvml, "nvmlMemory_v2", None)
        info = self.ask("nvmlDeviceGetMemoryInfo", handle, version=version) if version else None
        if info is None:
            info = self.ask("nvmlDeviceGetMemoryInfo", handle)
        if info is None or not info.total:
            return None, None
        return (info.used if info.used <= info.total else None), info.total

    def utilization(self, handle: Any) -> int | None:
        """Percent of the last moment in which something ran."""
        rates = self.ask("nvmlDeviceGetUtilizationRates", handle)
        return rates.gpu if rates is not None and rates.gpu <= 100 else None

    def temperature(self, handle: Any) -> int | None:
        """Degrees Celsius; the older call goes away with CUDA 14."""
        degrees: int | None = self.ask("nvmlDeviceGetTemperature", handle, 0)
        if degrees is None:
            degrees = self.ask("nvmlDeviceGetTemperatureV", handle, 0)
        return degrees

    def watts(self, function: str, handle: Any) -> float | None:
        """A power that NVML gives in milliwatts."""
        milliwatts = self.ask(function, handle)
        return None if milliwatts is None else milliwatts / 1000

    def processes(self, handle: Any) -> dict[int, int | None] | None:
        """Pid -> bytes of the GPU's memory, where the driver says; None when it lists nobody."""
        running = self.ask("nvmlDeviceGetComputeRunningProcesses_v3", handle)
        if running is None:  # drivers before 510
            running = self.ask("nvmlDeviceGetComputeRunningProcesses_v2", handle)
        if running is None:
            return None
        found: dict[int, int | None] = {}
        for process in running:
            held, more = found.get(process.pid, 0), process.usedGpuMemory
            found[process.pid] = None if held is None or more is None else held + more
        return found

    def instances(self, handle: Any) -> list[Any] | None:
        """The MIG devices of a GPU that is split into such; None for a whole GPU.

        CUDA does not compute on a split GPU itself.
        """
        mode = self.ask("nvmlDeviceGetMigMode", handle)
        if mode is None or mode[0] != MIG_ENABLED:
            return None
        most = self.ask("nvmlDeviceGetMaxMigDeviceCount", handle) or 0
        found = (self.ask("nvmlDeviceGetMigDeviceHandleByIndex", handle, at) for at in range(most))
        return [one for one in found if one is not None]


def binding() -> Any:
    """nvidia-ml-py, or None where it is not installed."""
    try:
        import pynvml  # late: only who watches GPUs pays for it
    except ImportError:
        return None
    return pynvml


def words(error: Exception) -> str:
    """What an NVML error means, and what to do where that is known."""
    if (advice := ADVICE.get(type(error).__name__)) is not None:
        return advice
    said = str(error)
    if said[:2] in {"b'", 'b"'}:  # the binding shows what the library says as bytes
        said = said[2:-1]
    return f"the NVIDIA driver says: {said}"
