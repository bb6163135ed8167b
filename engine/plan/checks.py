"""What the machine at hand cannot do of a job: checks without torch, each with its reason.

A check takes the spec and whether the job will be given a GPU, and yields what keeps the job from working here.
"""

from collections.abc import Callable, Iterable, Iterator

from engine import backends
from engine.errors import TunedeckError
from engine.gpu import Snapshot
from engine.spec import JobSpec

Check = Callable[[JobSpec, bool], Iterable[TunedeckError]]


def _backend(spec: JobSpec, gpu: bool) -> Iterator[TunedeckError]:
    found = backends.problem(spec, gpu=gpu)
    if found is not None:
        yield found


CHECKS: tuple[Check, ...] = (_backend,)
"""Every check, in the order in which their problems are told."""


def problems(spec: JobSpec, snapshot: Snapshot) -> list[TunedeckError]:
    """Whatever any of the checks finds."""
    gpu = spec.compute.gpus != 0 and bool(snapshot.gpus)
    return [problem for check in CHECKS for problem in check(spec, gpu)]
