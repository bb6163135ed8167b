import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import gpu as gpu_module
from engine.gpu import (
    GPU,
    NO_DRIVER,
    NO_GPU,
    Host,
    Telemetry,
    container_memory,
    process_memory_bytes,
    read_host,
)

GIB = 2**30


class NVMLError(Exception):
    pass


class NVMLError_NotSupported(NVMLError):
    pass


class NVMLError_FunctionNotFound(NVMLError):
    pass


class NVMLError_NoPermission(NVMLError):
    pass


class NVMLError_LibraryNotFound(NVMLError):
    pass


class NVMLError_GpuIsLost(NVMLError):
    pass


class NVMLError_Unknown(NVMLError):
    pass


class NVMLError_Uninitialized(NVMLError):
    pass


class NVMLError_Timeout(NVMLError):
    pass


class FakeNVML:
    """A driver with two GPUs; `broken` maps (function, GPU index or None) to an error."""

    NVMLError = NVMLError
    nvmlMemory_v2 = 2

    def __init__(self, names: tuple[str, ...] = ("NVIDIA H100", "NVIDIA A100")) -> None:
        self.names = names
        self.broken: dict[tuple[str, int | None], type[NVMLError]] = {}
        self.calls: list[str] = []

    def __getattr__(self, function: str) -> Callable[..., Any]:
        answers: dict[str, Callable[..., Any]] = {
            "nvmlInit": lambda: None,
            "nvmlShutdown": lambda: None,
            "nvmlSystemGetDriverVersion": lambda: "580.1",
            "nvmlDeviceGetCount": lambda: len(self.names),
            "nvmlDeviceGetHandleByIndex": lambda index: index,
            "nvmlDeviceGetHandleByUUID": lambda uuid: int(uuid[-1]),
            "nvmlDeviceGetName": lambda index: self.names[index],
            "nvmlDeviceGetUUID": lambda index: f"GPU-{index}",
            "nvmlDeviceGetMemoryInfo": lambda index, version=None: SimpleNamespace(
                used=(2 if version else 3) * GIB, total=80 * GIB
            ),
            "nvmlDeviceGetUtilizationRates": lambda index: SimpleNamespace(gpu=97),
            "nvmlDeviceGetTemperature": lambda index, sensor: 61,
            "nvmlDeviceGetPowerUsage": lambda index: 350_500,
            "nvmlDeviceGetEnforcedPowerLimit": lambda index: 700_000,
            "nvmlDeviceGetComputeRunningProcesses_v3": lambda index: [
                SimpleNamespace(pid=9, usedGpuMemory=GIB),
                SimpleNamespace(pid=7, usedGpuMemory=None),
                SimpleNamespace(pid=9, usedGpuMemory=GIB),
            ],
        }
        if function not in answers:
            raise AttributeError(function)
        answer = answers[function]

        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append(function)
            device = arguments[0] if arguments and isinstance(arguments[0], int) else None
            for key in ((function, device), ("*", device), (function, None), ("*", None)):
                if key in self.broken:
                    raise self.broken[key]("broken")
            return answer(*arguments, **options)

        return call


@pytest.fixture
def nvml() -> FakeNVML:
    return FakeNVML()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_machine_without_a_driver_says_so_and_shows_its_memory(nvml: FakeNVML) -> None:
    nvml.broken["nvmlInit", None] = NVMLError_LibraryNotFound
    shot = Telemetry(nvml).read()
    assert (shot.gpus, shot.driver, shot.note) == ((), None, NO_DRIVER)
    assert 0 < shot.host.memory_used_bytes < shot.host.memory_total_bytes


def test_a_machine_without_the_binding_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    shot = Telemetry().read()
    assert (shot.gpus, shot.note) == ((), NO_DRIVER)


def test_this_machine_can_be_read_whatever_it_has() -> None:
    with Telemetry() as telemetry:
        first, second = telemetry.read(), telemetry.read()
    assert bool(first.gpus) is not bool(first.note)
    assert first.host.cpu_percent is None
    assert second.host.cpu_percent is not None
    assert second.host.cpu_count >= 1


def test_a_driver_without_a_gpu_is_told_apart_from_no_driver() -> None:
    shot = Telemetry(FakeNVML(names=())).read()
    assert (shot.gpus, shot.driver, shot.note) == ((), "580.1", NO_GPU)


def test_every_figure_is_read_in_its_unit(nvml: FakeNVML) -> None:
    shot = Telemetry(nvml).read()
    expected = GPU(0, "GPU-0", "NVIDIA H100", 2 * GIB, 80 * GIB, 97, 61, 350.5, 700.0)
    assert shot.gpus == (expected, replace(expected, index=1, uuid="GPU-1", name="NVIDIA A100"))
    assert shot.note == ""


@pytest.mark.parametrize(
    ("function", "lost"),
    [
        ("nvmlDeviceGetUtilizationRates", "utilization_percent"),
        ("nvmlDeviceGetTemperature", "temperature_celsius"),
        ("nvmlDeviceGetPowerUsage", "power_watts"),
        ("nvmlDeviceGetEnforcedPowerLimit", "power_limit_watts"),
    ],
)
@pytest.mark.parametrize(
    "error", [NVMLError_NotSupported, NVMLError_FunctionNotFound, NVMLError_NoPermission]
)
def test_a_figure_that_does_not_exist_is_unknown_and_alone(
    nvml: FakeNVML, function: str, lost: str, error: type[NVMLError]
) -> None:
    whole = Telemetry(FakeNVML()).read().gpus
    unknown: dict[str, Any] = {lost: None}
    nvml.broken[function, 0] = error
    shot = Telemetry(nvml).read()
    assert shot.gpus == (replace(whole[0], **unknown), whole[1])


def test_memory_that_is_not_supported_is_unknown_on_a_discrete_gpu(nvml: FakeNVML) -> None:
    nvml.broken["nvmlDeviceGetMemoryInfo", 0] = NVMLError_NotSupported
    gpu = Telemetry(nvml).read().gpus[0]
    assert (gpu.memory_used_bytes, gpu.memory_total_bytes) == (None, None)
    assert (gpu.shared_memory, gpu.trouble) == (False, None)


def test_an_integrated_gpu_shows_the_memory_that_it_shares() -> None:
    nvml = FakeNVML(names=("NVIDIA GB10",))
    nvml.broken["nvmlDeviceGetMemoryInfo", 0] = NVMLError_NotSupported
    shot = Telemetry(nvml).read()
    gpu = shot.gpus[0]
    assert gpu.shared_memory
    assert gpu.memory_total_bytes == shot.host.memory_total_bytes


def test_an_old_driver_without_the_second_memory_call_is_asked_the_first() -> None:
    class Old(FakeNVML):
        def nvmlDeviceGetMemoryInfo(self, handle: int, version: int | None = None) -> Any:
            if version:
                raise NVMLError_FunctionNotFound
            return SimpleNamespace(used=3 * GIB, total=80 * GIB)

    gpu = Telemetry(Old()).read().gpus[0]
    assert (gpu.memory_used_bytes, gpu.trouble) == (3 * GIB, None)


@pytest.mark.parametrize("rate", [101, 2**32 - 1])
def test_a_nonsense_utilisation_is_unknown(nvml: FakeNVML, rate: int) -> None:
    class Odd(FakeNVML):
        def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
            return SimpleNamespace(gpu=rate)

    assert Telemetry(Odd()).read().gpus[0].utilization_percent is None


def test_a_lost_gpu_keeps_its_name_and_hides_no_other(nvml: FakeNVML) -> None:
    telemetry = Telemetry(nvml)
    whole = telemetry.read().gpus
    nvml.broken["*", 0] = NVMLError_GpuIsLost
    nvml.calls.clear()
    lost, fine = telemetry.read().gpus
    assert fine == whole[1]
    assert (lost.uuid, lost.name, lost.memory_used_bytes) == ("GPU-0", "NVIDIA H100", None)
    assert lost.trouble is not None
    assert "lost" in lost.trouble
    assert nvml.calls.count("nvmlDeviceGetName") == 1, "a lost GPU is not asked again and again"


def test_a_gpu_that_is_lost_half_way_keeps_the_figures_read_before(nvml: FakeNVML) -> None:
    nvml.broken["nvmlDeviceGetTemperature", 1] = NVMLError_GpuIsLost
    gpu = Telemetry(nvml).read().gpus[1]
    assert (gpu.utilization_percent, gpu.temperature_celsius, gpu.power_watts) == (97, None, None)
    assert gpu.trouble is not None


def test_trouble_that_has_no_advice_is_quoted(nvml: FakeNVML) -> None:
    nvml.broken["nvmlDeviceGetHandleByIndex", 0] = NVMLError_Timeout
    gpu = Telemetry(nvml).read().gpus[0]
    assert (gpu.name, gpu.trouble) == ("GPU 0", "the NVIDIA driver says: broken")


@pytest.mark.parametrize("error", [NVMLError_Unknown, NVMLError_Uninitialized])
def test_a_stale_connection_is_opened_again_later_and_later(
    nvml: FakeNVML, error: type[NVMLError]
) -> None:
    clock = Clock()
    telemetry = Telemetry(nvml, clock)
    whole = telemetry.read()
    nvml.broken["*", 0] = error
    opened: list[float] = []
    for _ in range(40):
        clock.now += 0.5
        before = nvml.calls.count("nvmlInit")
        gpus = telemetry.read().gpus
        assert gpus[0].trouble is not None
        assert gpus[1] == whole.gpus[1], "the other GPU stays visible meanwhile"
        if nvml.calls.count("nvmlInit") > before:
            opened.append(clock.now)
    gaps = [later - sooner for sooner, later in pairwise(opened)]
    assert len(opened) == 4
    assert gaps == sorted(gaps)
    nvml.broken.clear()
    clock.now += 60
    healed = telemetry.read()
    assert healed == replace(whole, host=healed.host)


def test_a_driver_that_goes_away_leaves_its_gpus_in_sight_and_comes_back(nvml: FakeNVML) -> None:
    clock = Clock()
    telemetry = Telemetry(nvml, clock)
    telemetry.read()
    nvml.broken["*", None] = NVMLError_Unknown
    for _ in range(5):
        clock.now += 2
        shot = telemetry.read()
        assert [gpu.name for gpu in shot.gpus] == ["NVIDIA H100", "NVIDIA A100"]
        assert all(gpu.trouble and gpu.memory_used_bytes is None for gpu in shot.gpus)
        assert "Unknown Error" in shot.note
    nvml.broken.clear()
    clock.now += 60
    shot = telemetry.read()
    assert shot.note == ""
    assert shot.gpus[0].memory_used_bytes == 2 * GIB


def test_processes_are_named_once_or_not_known(nvml: FakeNVML) -> None:
    telemetry = Telemetry(nvml)
    gpu = telemetry.read().gpus[0]
    assert telemetry.processes_on(gpu) == {7: None, 9: 2 * GIB}
    nvml.broken["nvmlDeviceGetComputeRunningProcesses_v3", None] = NVMLError_NotSupported
    assert telemetry.processes_on(gpu) is None
    telemetry.close()
    assert telemetry.processes_on(gpu) is None


def test_closing_lets_go_once_and_a_later_read_opens_again(nvml: FakeNVML) -> None:
    with Telemetry(nvml) as telemetry:
        telemetry.read()
    telemetry.close()
    assert nvml.calls.count("nvmlShutdown") == 1
    assert telemetry.read().gpus


def test_importing_the_module_does_not_import_the_binding() -> None:
    code = "import sys, engine.gpu; print('pynvml' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def write_cgroup(folder: Path, limit: str) -> None:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("5000\n")
    (folder / "memory.stat").write_text("anon 3000\ninactive_file 1500\n")


def test_a_containers_limit_leaves_out_what_can_be_reclaimed(tmp_path: Path) -> None:
    write_cgroup(tmp_path, "8000")
    assert container_memory(tmp_path) == (3500, 8000)


@pytest.mark.parametrize("limit", ["max", ""])
def test_no_limit_is_none(tmp_path: Path, limit: str) -> None:
    write_cgroup(tmp_path, limit)
    assert container_memory(tmp_path) is None
    assert container_memory(tmp_path / "missing") is None


def test_the_hosts_total_is_the_containers_when_that_is_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu_module, "container_memory", lambda: (1000, 4000))
    host: Host = read_host()
    assert (host.memory_used_bytes, host.memory_total_bytes) == (1000, 4000)
    assert host.memory_limited
    monkeypatch.setattr(gpu_module, "container_memory", lambda: (1000, 2**62))
    assert not read_host().memory_limited


def test_a_processes_memory_is_known_while_it_lives() -> None:
    own = process_memory_bytes(os.getpid())
    assert own is not None
    assert own > 2**20
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.DEVNULL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_memory_bytes(child.pid) is None, "a zombie has none"
    child.wait()
    assert process_memory_bytes(child.pid) is None


@pytest.mark.gpu
@pytest.mark.skipif(not Path("/dev/nvidiactl").exists(), reason="needs an NVIDIA GPU")
def test_a_real_gpu_is_read() -> None:
    with Telemetry() as telemetry:
        shot = telemetry.read()
        assert shot.gpus
        assert shot.driver
        for gpu in shot.gpus:
            assert gpu.uuid.startswith(("GPU-", "MIG-"))
            assert gpu.trouble is None
            assert gpu.memory_total_bytes
            assert telemetry.processes_on(gpu) is not None
