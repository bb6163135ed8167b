"""The real binding (nvidia-ml-py) on a pretended libnvidia-ml: every GPU that this machine has not."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.gpu import GONE, LONGEST_RETRY_SECONDS, NO_GPU, UNSPLIT
from engine.status import JobStatus
from engine.store import Store
from tests.nvml import library
from tests.pretend_worker import stored_job

pytestmark = pytest.mark.skipif(library.compiler() is None, reason="needs a C compiler")

ROOT = Path(__file__).parents[2]
GIB = 2**30
FIGURES = (
    "memory_used_bytes",
    "memory_total_bytes",
    "utilization_percent",
    "temperature_celsius",
    "power_watts",
    "power_limit_watts",
)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> library.Driver:
    return library.build(tmp_path_factory.mktemp("driver"))


def run(arguments: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def look(driver: library.Driver, scenario: str, words: str = "read", **settings: object) -> Any:
    done = run(["-m", "tests.nvml.look", *words.split()], driver.environ(scenario, **settings))
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return answers[0] if len(answers) == 1 else answers


def figures(gpu: dict[str, Any]) -> list[Any]:
    return [gpu[name] for name in FIGURES]


def test_four_gpus_are_read_each_in_its_own_figures(driver: library.Driver) -> None:
    shot = look(driver, "four")
    assert (shot["driver"], shot["note"]) == ("580.95.05", "")
    assert [gpu["name"] for gpu in shot["gpus"]] == [
        "NVIDIA H100 80GB HBM3",
        "NVIDIA A100-SXM4-40GB",
        "NVIDIA GeForce RTX 4090",
        "Tesla T4",
    ]
    assert [figures(gpu) for gpu in shot["gpus"]] == [
        [41 * GIB, 80 * GIB, 97, 61, 611.5, 700.0],
        [3 * GIB, 40 * GIB, 0, 34, 58.2, 400.0],
        [22 * GIB, 24 * GIB, 100, 78, 447.0, 450.0],
        [1 * GIB, 15 * GIB, 7, 45, 27.9, 70.0],
    ]
    assert [gpu["uuid"][:8] for gpu in shot["gpus"]] == [
        "GPU-aaaa",
        "GPU-bbbb",
        "GPU-cccc",
        "GPU-dddd",
    ]
    assert all(gpu["trouble"] is None for gpu in shot["gpus"])


def test_what_each_process_holds_is_known_where_the_driver_says(driver: library.Driver) -> None:
    _, mine, others = look(driver, "four", "read processes 0 processes 1", pid=4242)
    assert mine == {"4242": 3 * GIB, "1": GIB, "2": None}
    assert others == {}, "nobody, which is not the same as unknown"
    assert look(driver, "unified", "read processes 0", pid=4242)[1] is None


def test_mig_devices_are_devices_of_their_own(driver: library.Driver) -> None:
    first, whole, second = look(driver, "mig")["gpus"]
    assert first["uuid"].startswith("MIG-")
    assert first["name"].endswith("MIG 1g.5gb")
    assert figures(first) == [GIB, 5 * GIB, None, 51, None, None]
    assert figures(second) == [6 * GIB, 10 * GIB, None, 51, None, None]
    assert [gpu["index"] for gpu in (first, whole, second)] == [0, 1, 2]
    assert whole["uuid"].startswith("GPU-aaaa"), "a whole GPU keeps the number of nvidia-smi"


def test_a_split_gpu_without_a_mig_device_says_what_to_do(driver: library.Driver) -> None:
    (gpu,) = look(driver, "mig-empty")["gpus"]
    assert gpu["trouble"] == UNSPLIT


def test_unified_memory_is_the_hosts(driver: library.Driver) -> None:
    shot = look(driver, "unified")
    (gpu,) = shot["gpus"]
    assert gpu["shared_memory"] is True
    assert gpu["memory_total_bytes"] == shot["host"]["memory_total_bytes"]
    assert gpu["power_limit_watts"] is None


def test_figures_without_sense_are_unknown_and_never_zero(driver: library.Driver) -> None:
    odd, fine = look(driver, "odd")["gpus"]
    assert odd["name"] == "GPU 0", "its name is no UTF-8"
    assert figures(odd) == [None, 8 * GIB, None, 40, 10.0, None]
    assert figures(fine) == [2 * GIB, 24 * GIB, 50, 60, None, None]
    assert fine["trouble"] is None, "one figure that fails is no trouble of the GPU"


def test_a_gpu_that_may_not_be_opened_hides_no_other(driver: library.Driver) -> None:
    gpus = look(driver, "closed")["gpus"]
    assert "no permission" in gpus[1]["trouble"]
    assert figures(gpus[1]) == [None] * 6
    assert [gpus[at]["trouble"] for at in (0, 2, 3)] == [None] * 3


def test_an_old_driver_lacks_calls_and_is_read_all_the_same(tmp_path: Path) -> None:
    old = library.build(tmp_path, old=True)
    shot, processes = look(old, "four", "read processes 0", pid=4242)
    assert figures(shot["gpus"][0]) == [41 * GIB + GIB // 2, 80 * GIB, 97, 61, 611.5, 700.0]
    assert processes["4242"] == 3 * GIB
    assert look(old, "mig")["gpus"][0]["uuid"].startswith("GPU-bbbb"), "it knows no MIG"


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ("mismatch", "the NVIDIA driver was updated: reboot to load it"),
        ("forbidden", "no permission to ask the NVIDIA driver: see who may read /dev/nvidia*"),
        ("none", NO_GPU),
    ],
)
def test_a_machine_whose_driver_gives_nothing_says_why(
    driver: library.Driver, scenario: str, said: str
) -> None:
    shot = look(driver, scenario)
    assert (shot["gpus"], shot["note"]) == ([], said)
    assert shot["host"]["memory_total_bytes"] > 0


@pytest.mark.parametrize("calls", range(1, 9))
def test_a_gpu_may_be_lost_before_any_call(driver: library.Driver, calls: int) -> None:
    gpus = look(driver, "four", lost_after=f"2:{calls}")["gpus"]
    assert [gpu["index"] for gpu in gpus] == [0, 1, 2, 3]
    assert "lost" in gpus[2]["trouble"]
    assert figures(gpus[2])[-1] is None
    assert all(gpus[at]["trouble"] is None and None not in figures(gpus[at]) for at in (0, 1, 3))


def test_a_lost_gpu_keeps_its_name_and_comes_back(driver: library.Driver, tmp_path: Path) -> None:
    flag = tmp_path / "lost"
    words = f"read touch {flag} read remove {flag} read wait {LONGEST_RETRY_SECONDS} read"
    before, lost, still, healed = look(driver, "four", words, lost=f"1:{flag}")
    for shot in (lost, still):
        assert [gpu["uuid"] for gpu in shot["gpus"]] == [gpu["uuid"] for gpu in before["gpus"]]
        assert "lost" in shot["gpus"][1]["trouble"]
        assert figures(shot["gpus"][1]) == [None] * 6
        assert shot["gpus"][2] == before["gpus"][2]
    assert healed["gpus"] == before["gpus"]


def test_a_gpu_that_is_counted_no_more_stays_in_sight_and_moves_no_other(
    driver: library.Driver, tmp_path: Path
) -> None:
    flag = tmp_path / "lost"
    wait = f"wait {LONGEST_RETRY_SECONDS} read"
    words = f"read touch {flag} read {wait} {wait} remove {flag} {wait} {wait}"
    shots = look(driver, "four", words, lost=f"1:{flag}", drops_lost=1)
    before, gone, healed = shots[0]["gpus"], shots[3]["gpus"], shots[5]["gpus"]
    assert gone[1]["trouble"] == GONE
    assert [gone[at] for at in (0, 2, 3)] == [before[at] for at in (0, 2, 3)]
    assert healed == before


def test_the_doctor_names_every_gpu_and_what_is_wrong(
    driver: library.Driver, home: Store, tmp_path: Path
) -> None:
    def doctor(scenario: str, visible: str | None = None, **settings: object) -> list[Any]:
        environ = driver.environ(scenario, **settings)
        if visible is not None:
            environ["CUDA_VISIBLE_DEVICES"] = visible
        done = run(["-m", "engine.cli", "doctor", "--json"], environ)
        assert done.returncode == 0, done.stderr
        found: list[Any] = json.loads(done.stdout)
        return [one for one in found if one["title"].startswith("GPU") or one["title"] == "visible"]

    four = doctor("four", "GPU-cc,0")
    assert [one["title"] for one in four] == ["GPU 0", "GPU 1", "GPU 2", "GPU 3", "visible"]
    assert four[3]["text"] == "Tesla T4, 15.0 GiB, driver 580.95.05"
    assert four[4]["text"] == "CUDA_VISIBLE_DEVICES=GPU-cc,0: jobs of this shell use GPU 2, 0"
    assert "use GPU 2" in doctor("mig", "MIG-eeeeeeee-5")[-1]["text"]
    assert "hides every GPU" in doctor("four", "")[-1]["text"]
    (tmp_path / "lost").touch()
    lost = doctor("four", lost=f"1:{tmp_path / 'lost'}")
    assert [one["verdict"] for one in lost] == ["ok", "note", "ok", "ok"]
    assert lost[1]["text"] == "GPU 1: the GPU is lost"
    assert "nvidia-smi -r" in lost[1]["hint"]
    (mismatch,) = doctor("mismatch")
    assert mismatch["text"] == "the NVIDIA driver was updated: training runs on the CPU"
    assert mismatch["hint"] == "reboot to load it"


MEASURES = """\
import os, sys, time
from pathlib import Path
from engine.job import Job
from engine.lock import Lock
from engine.status import JobState
from engine.train import reporter
os.environ["FAKE_NVML_PID"] = str(os.getpid())
reporter.LOOK_SECONDS = reporter.MEMORY_SECONDS = 0.01
job = Job(Path(sys.argv[1]))
with Lock.take(job.worker_lock):
    reporting = reporter.Reporter(job)
    reporting.begin()
    reporting.update(gpus=(0,))
    while not job.memory_file.exists() or job.memory_file.read_bytes().count(b"\\n") < 3:
        time.sleep(0.01)
    reporting.end(JobState.PAUSED)
"""


def test_a_workers_readings_are_those_of_its_gpu_and_its_own_memory_there(
    driver: library.Driver, home: Store
) -> None:
    job = stored_job(home, JobStatus())
    uuid = "GPU-aaaaaaaa-0000-4000-8000-000000000000"
    environ = driver.environ("four") | {"CUDA_VISIBLE_DEVICES": uuid}
    done = run(["-c", MEASURES, str(job.folder)], environ)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in job.memory_file.read_text().splitlines()]
    assert lines[-1].keys() == {
        "time",
        "step",
        "rss_bytes",
        "cpu_percent",
        "host_used_bytes",
        "host_total_bytes",
        "gpus",
    }
    assert lines[0]["cpu_percent"] is None, "the first is unknown, and not 0"
    assert lines[-1]["gpus"] == [
        {
            "index": 0,
            "uuid": uuid,
            "memory_used_bytes": 41 * GIB,
            "memory_total_bytes": 80 * GIB,
            "process_bytes": 3 * GIB,
            "utilization_percent": 97,
            "power_watts": 611.5,
            "temperature_celsius": 61,
        }
    ]


SUBMITS = """\
from pathlib import Path
from engine import actions
from engine.status import JobState
from engine.store import Store
from tests.pretend_worker import PretendSpec, submit
store = Store()
jobs = [submit(store, PretendSpec(gpus=1, steps=100, step_seconds=0.1)) for _ in range(2)]
for job in jobs:
    pid = actions.wait_for(job, {JobState.RUNNING}, 20).pid
    names = Path(f"/proc/{pid}/environ").read_bytes().split(b"\\0")
    print(*job.stored().gpus, *(n.decode() for n in names if n.startswith(b"CUDA_VISIBLE")))
"""


@pytest.mark.parametrize(
    ("scenario", "visible", "given"),
    [
        ("four", None, ["1 GPU-bbbb", "2 GPU-cccc"]),
        ("mig", "MIG-eeeeeeee-5,MIG-eeeeeeee-4", ["2 MIG-eeee", "0 MIG-eeee"]),
    ],
)
def test_the_supervisor_gives_mig_devices_and_no_lost_gpu(
    driver: library.Driver,
    home: Store,
    tmp_path: Path,
    scenario: str,
    visible: str | None,
    given: list[str],
) -> None:
    flag = tmp_path / "lost"
    if scenario == "four":
        flag.touch()
    environ = driver.environ(scenario, lost=f"0:{flag}")
    environ |= {"CUDA_VISIBLE_DEVICES": visible} if visible else {}
    done = run(["-c", SUBMITS], environ)
    assert done.returncode == 0, done.stderr
    assert [
        line.replace("CUDA_VISIBLE_DEVICES=", "")[:10] for line in done.stdout.splitlines()
    ] == given
