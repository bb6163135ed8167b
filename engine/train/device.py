"""What this worker computes on, as far as the choice of kernels depends on it."""

from dataclasses import dataclass
from importlib.util import find_spec

import torch

from engine.errors import PlanError


@dataclass(frozen=True)
class Device:
    """A GPU or the CPU."""

    gpu: bool
    memory_bytes: int | None = None
    """Of the GPU."""
    flash_attention: bool = False
    """The flash-attn package is installed, and the GPU is one that it runs on (Ampere or newer)."""
    liger: bool = False
    """The liger-kernel package is installed; its kernels are for GPUs."""


CPU = Device(gpu=False)


def assigned(gpus: tuple[int, ...] | None) -> Device:
    """The device that the supervisor gave this worker.

    Raises:
        PlanError: it was given a GPU that torch cannot use.
    """
    if not gpus:
        return CPU
    if not torch.cuda.is_available():
        raise PlanError(
            "a GPU was assigned, but this torch cannot use it",
            "install the torch build for your driver, or set compute.gpus: 0",
        )
    properties = torch.cuda.get_device_properties(0)
    return Device(
        gpu=True,
        memory_bytes=properties.total_memory,
        flash_attention=find_spec("flash_attn") is not None and properties.major >= 8,
        liger=find_spec("liger_kernel") is not None,
    )
