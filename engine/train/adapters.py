"""The adapter of a spec as PEFT's config."""

from typing import Any

from peft import PeftConfig, get_peft_config

from engine.spec import JobSpec


def peft_config(spec: JobSpec, model: Any) -> PeftConfig | None:
    """The adapter that the spec asks for; None for full fine-tuning."""
    if spec.adapter.type == "none":
        return None
    return get_peft_config(
        {
            "peft_type": spec.adapter.type.upper(),
            "task_type": "CAUSAL_LM",
            **spec.adapter.peft_fields,
        }
    )
