"""What the machine at hand cannot do of a job: checks without torch, each with its reason.

A check takes the spec and whether the job will be given a GPU, and yields what keeps the job from working here.
"""

from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec

from engine import backends, rewards
from engine.errors import MachineError, SpecError, TunedeckError
from engine.gpu import Snapshot
from engine.spec import JobSpec

Check = Callable[[JobSpec, bool], Iterable[TunedeckError]]


def _backend(spec: JobSpec, gpu: bool) -> Iterator[TunedeckError]:
    found = backends.problem(spec, gpu=gpu)
    if found is not None:
        yield found


def _rewards(spec: JobSpec, gpu: bool) -> Iterator[TunedeckError]:
    """The code of a reward function runs only where its hash says that it is known."""
    try:
        rewards.refuse_unconfirmed(spec.rewards)
    except SpecError as error:
        yield error


def _vllm(spec: JobSpec, gpu: bool) -> Iterator[TunedeckError]:
    if not spec.training.get("use_vllm"):
        return
    if not gpu:
        yield MachineError("training.use_vllm needs a GPU", "leave it out: transformers writes too")
    elif find_spec("vllm") is None:
        yield MachineError("training.use_vllm: vllm is not installed", "pip install trl[vllm]")


CHECKS: tuple[Check, ...] = (_backend, _rewards, _vllm)
"""Every check, in the order in which their problems are told."""


def problems(spec: JobSpec, snapshot: Snapshot) -> list[TunedeckError]:
    """Whatever any of the checks finds."""
    gpu = spec.compute.gpus != 0 and bool(snapshot.gpus)
    return [problem for check in CHECKS for problem in check(spec, gpu)]
