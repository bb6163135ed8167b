import pytest

from engine.control import Control
from engine.schedule import (
    Candidate,
    Gpu,
    Running,
    Start,
    candidate,
    choose,
    visible_gpus,
    waits_for,
)

GPUS = [Gpu(0, "GPU-aa"), Gpu(1, "GPU-bb")]


def test_the_smaller_order_starts_first_and_equal_ones_by_id() -> None:
    queue = [Candidate("c", 2.0), Candidate("b", 1.0), Candidate("a", 1.0)]
    assert choose(queue, [], [], 2) == [Start("a"), Start("b")]


def test_only_so_many_cpu_jobs_run_at_a_time() -> None:
    queue = [Candidate("b", 1), Candidate("c", 2)]
    assert choose(queue, [Running("a")], [], 1) == []
    assert choose(queue, [Running("a")], [], 2) == [Start("b")]


def test_one_job_per_gpu_and_auto_is_a_gpu_where_there_is_one() -> None:
    queue = [Candidate("b", 1), Candidate("c", 2), Candidate("d", 3, 1)]
    assert choose(queue, [], GPUS, 1) == [Start("b", (0,)), Start("c", (1,))]
    assert choose(queue, [Running("a", (0,))], GPUS, 1) == [Start("b", (1,))]
    assert choose(queue, [Running("a", (0,)), Running("z", (1,))], GPUS, 1) == []


def test_a_job_that_waits_for_a_gpu_does_not_hold_up_one_that_needs_none() -> None:
    queue = [Candidate("gpu", 1, 1), Candidate("cpu", 2, 0)]
    assert choose(queue, [Running("a", (0,)), Running("b", (1,))], GPUS, 1) == [Start("cpu")]
    assert choose(queue, [], [], 1) == [Start("cpu")]


@pytest.mark.parametrize(
    ("visible", "left"),
    [
        (None, [0, 1]),
        ("", []),
        ("-1", []),
        ("1", [1]),
        ("1,0", [1, 0]),
        ("GPU-b", [1]),
        ("0,7,1", [0]),
        ("0,0", [0]),
    ],
)
def test_cuda_visible_devices_of_the_submitting_shell_is_kept(
    visible: str | None, left: list[int]
) -> None:
    assert [gpu.index for gpu in visible_gpus(GPUS, visible)] == left


def test_a_hidden_gpu_is_not_given() -> None:
    assert choose([Candidate("a", 1, "auto", "1")], [], GPUS, 1) == [Start("a", (1,))]
    assert choose([Candidate("a", 1, "auto", "")], [], GPUS, 1) == [Start("a")]
    assert choose([Candidate("a", 1, 1, "")], [], GPUS, 1) == []


def test_a_gpu_in_trouble_is_not_given_and_is_no_reason_to_use_the_cpu() -> None:
    gpus = [Gpu(0, "GPU-aa", "the GPU is lost: reboot"), Gpu(1, "GPU-bb")]
    queue = [Candidate("a", 1), Candidate("b", 2, "auto", "0")]
    assert choose(queue, [], gpus, 1) == [Start("a", (1,))]
    assert waits_for(queue[1:], [], gpus, 1) == {"b": "waits for GPU 0: the GPU is lost: reboot"}
    assert waits_for(queue[:1], [Running("z", (1,))], gpus, 1) == {"a": "waits for z (GPU 1)"}


def test_what_a_queued_job_waits_for_is_said() -> None:
    queue = [
        Candidate("2026-11-20-b-0002", 2, 0),
        Candidate("2026-11-20-c-0003", 3, 0),
        Candidate("2026-11-20-d-0004", 4, 0),
        Candidate("2026-11-20-g-0005", 5, 1),
    ]
    said = waits_for(queue, [Running("2026-11-20-gsm8k-7f3a")], [], 1)
    assert said == {
        "2026-11-20-b-0002": "waits for gsm8k-7f3a (CPU)",
        "2026-11-20-c-0003": "2nd in the queue: after b-0002",
        "2026-11-20-d-0004": "3rd in the queue: after c-0003",
        "2026-11-20-g-0005": "waits for a GPU: this machine shows none that it may use",
    }


def test_a_job_that_starts_now_and_one_that_waits_for_a_gpu_say_so() -> None:
    queue = [Candidate("b", 1, 0), Candidate("c", 2, 1), Candidate("d", 3, "auto", "1")]
    said = waits_for(queue, [Running("a", (0,)), Running("z", (1,))], GPUS, 1)
    assert said == {
        "b": "starts now",
        "c": "waits for a (GPU 0) or z (GPU 1)",
        "d": "2nd in the queue: after c",
    }


def test_a_launch_file_that_says_nothing_means_auto() -> None:
    assert candidate("a", Control(order=3.0), {}) == Candidate("a", 3.0)
    assert candidate("a", Control(), {"requires": {"gpus": 0, "visible": ""}}) == Candidate(
        "a", 0.0, 0, ""
    )
