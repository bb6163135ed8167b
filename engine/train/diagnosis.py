"""One sentence and a hint for what went wrong inside the libraries."""

import re

from engine.status import Failure

_KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        r"CUDA out of memory|OutOfMemoryError|DefaultCPUAllocator: can't allocate|MemoryError",
        "out of memory",
        "lower training.per_device_train_batch_size (and raise gradient_accumulation_steps), or "
        "training.max_length",
    ),
    (
        r"Target modules .* not found in the base model|No modules were targeted",
        "the adapter's target_modules are not in this model",
        "set adapter.target_modules: all-linear",
    ),
    (
        r"no assistant tokens|generation.. keyword|return_assistant_tokens_mask",
        "the chat template does not mark what the assistant says",
        "set training.assistant_only_loss: false, or use a template with {% generation %}",
    ),
    (
        r"CUDA error|CUBLAS_STATUS|device-side assert",
        "the GPU reported an error",
        "resume from the last checkpoint: `tunedeck resume ID`; if it comes back, look at dmesg",
    ),
    (
        r"index out of range in self",
        "a token id is beyond the model's vocabulary",
        "model and tokenizer do not belong together: check model.name",
    ),
)


def diagnose(error: BaseException, job_id: str) -> Failure:
    """What to show for an exception; its traceback is in the job's log."""
    text = f"{type(error).__name__}: {error}"
    where = f"the traceback is in its log: tunedeck logs {job_id}"
    for pattern, message, hint in _KNOWN:
        if re.search(pattern, text):
            return Failure(message=message, hint=f"{hint}; {where}")
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0][:300] if lines else "no message"
    return Failure(message=f"{type(error).__name__}: {first}", hint=where)
