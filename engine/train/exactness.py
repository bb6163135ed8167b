"""Whether a run that is paused and resumed ends with the same bits as one that is left alone, and why not."""

from engine.spec import JobSpec
from engine.train.device import Device


def inexact(spec: JobSpec, device: Device) -> str | None:
    """The reason in words; None where every bit is the same."""
    training = spec.training
    if training.get("sync_ref_model"):
        return "the reference model that sync_ref_model moves is not kept with a checkpoint"
    if spec.adapter.type == "adalora":
        return "what AdaLoRA knows of its ranks' importance is not kept with a checkpoint"
    if training.get("use_vllm"):
        return "vLLM's random state is not kept with a checkpoint"
    if training.get("use_transformers_continuous_batching"):
        return "continuous batching writes answers in an order of its own"
    if any(reward.type == "function" for reward in spec.rewards):
        return "a reward function may keep what no checkpoint holds"
    if device.gpu:
        return "GPU kernels may differ in the last bits between runs"
    return None
