"""What keeps a job's backend from training it here; told before anything imports torch.

`preflight` asks when the job is planned, and the worker again at its start: the machine may be another one.
"""

from collections.abc import Collection
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from engine import adapters, methods
from engine.errors import MachineError, PlanError, TunedeckError

if TYPE_CHECKING:
    from engine.spec import JobSpec


def installed(backend: methods.Backend) -> str | None:
    """The version of what the backend needs besides tunedeck; an empty text where it needs nothing."""
    if not backend.distribution:
        return ""
    try:
        return version(backend.distribution)
    except PackageNotFoundError:
        return None


def unmet(backend: methods.Backend, libraries: Collection[str]) -> list[str]:
    """Which of these libraries are installed in a version that the backend does not ask for."""
    found = []
    for line in requires(backend.distribution) or []:
        wanted = Requirement(line)
        if wanted.name not in libraries or (wanted.marker and not wanted.marker.evaluate()):
            continue
        try:
            here = version(wanted.name)
        except PackageNotFoundError:
            continue
        if not wanted.specifier.contains(here, prereleases=True):
            found.append(f"{wanted.name} {wanted.specifier} (here {here})")
    return found


def problem(spec: "JobSpec", *, gpu: bool) -> TunedeckError | None:
    """Why this backend cannot train this job here, if so: what the spec asks first, then what is missing.

    Args:
        gpu: whether the job will be given a GPU.
    """
    backend = methods.backend(spec.backend)
    return _asked_too_much(spec, backend) or _missing_here(spec, backend, gpu)


def _asked_too_much(spec: "JobSpec", backend: methods.Backend) -> PlanError | None:
    name, adapter = backend.name, spec.adapter.type
    if backend.adapters and adapter not in backend.adapters:
        return PlanError(
            f"backend: {name} does not train adapter.type: {adapter}",
            f"it trains {', '.join(backend.adapters)}; for {adapter} use backend: trl",
        )
    if backend.own_attention and spec.model.attn_implementation is not None:
        return PlanError(
            f"backend: {name} chooses the attention itself",
            "take model.attn_implementation out, or use backend: trl",
        )
    if backend.pretrained_only and spec.model.initialize == "random":
        return PlanError(
            f"backend: {name} loads weights, and model.initialize: random has none",
            "use backend: trl to train from scratch",
        )
    return None


def _missing_here(spec: "JobSpec", backend: methods.Backend, gpu: bool) -> MachineError | None:
    if installed(backend) is None:
        return MachineError(
            f"backend: {backend.name}, and {backend.distribution} is not installed",
            f"install it into an environment of its own (README, Backends): pip install "
            f"'tunedeck[{backend.distribution}]'; or use backend: trl",
        )
    quantizes = spec.model.quantization if spec.model.quantization != "none" else ""
    if gpu and quantizes and (absent := _absent("bitsandbytes")):
        return _without(f"model.quantization: {quantizes}", absent, "quantization: none")
    if adapters.beginning(spec.adapter.peft_fields) == "loftq":
        if absent := _absent("bitsandbytes", "scipy"):
            return _without("init_lora_weights: loftq", absent, "pissa or olora")
        if not gpu:
            return MachineError(
                "init_lora_weights: loftq needs a GPU, and this job gets none",
                "use pissa or olora, or a machine with a GPU",
            )
    if gpu:
        return None
    if spec.method not in backend.cpu_methods:
        able = ", ".join(backend.cpu_methods) or "nothing"
        return MachineError(
            f"{spec.method} with backend: {backend.name} needs a GPU, and this job gets none",
            f"without one {backend.name} trains {able}; backend: trl trains {spec.method} on the CPU too",
        )
    unmet = [name for name in backend.cpu_without if spec.training.get(name)]
    if unmet:
        return MachineError(
            f"training.{unmet[0]} with backend: {backend.name} needs a GPU, and this job gets none",
            f"take training.{unmet[0]} out, or use backend: trl",
        )
    if spec.model.quantization != "none":
        return MachineError(
            f"model.quantization: {spec.model.quantization} needs a GPU, and this job gets none",
            "use quantization: none, or a machine with a GPU",
        )
    return None


def _absent(*libraries: str) -> list[str]:
    return [name for name in libraries if find_spec(name) is None]


def _without(field: str, absent: list[str], instead: str) -> MachineError:
    are = "is" if len(absent) == 1 else "are"
    return MachineError(
        f"{field} needs {' and '.join(absent)}, which {are} not installed",
        f"pip install 'tunedeck[quant]', or use {instead}",
    )
