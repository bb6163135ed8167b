"""The special tokens of families of models, and the templates that TRL ships for them."""

from pathlib import Path
from typing import Any

import trl

TRL_TEMPLATES = Path(trl.__file__).parent / "chat_templates"


def shipped(name: str) -> str:
    """One of the templates that TRL ships."""
    return (TRL_TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")


LLAMA: dict[str, Any] = {
    "bos_token": "<|begin_of_text|>",
    "eos_token": "<|eot_id|>",
    "pad_token": "<|end_of_text|>",
    "extra_special_tokens": ["<|start_header_id|>", "<|end_header_id|>"],
}
QWEN: dict[str, Any] = {
    "eos_token": "<|im_end|>",
    "pad_token": "<|endoftext|>",
    "extra_special_tokens": ["<|im_start|>"],
}
GEMMA: dict[str, Any] = {
    "bos_token": "<bos>",
    "eos_token": "<eos>",
    "pad_token": "<pad>",
    "extra_special_tokens": ["<start_of_turn>", "<end_of_turn>"],
}
PHI: dict[str, Any] = {
    "bos_token": "<s>",
    "eos_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
    "extra_special_tokens": ["<|user|>", "<|assistant|>", "<|system|>", "<|end|>"],
}
MISTRAL_TOKENS: dict[str, Any] = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "pad_token": "<unk>",
    "extra_special_tokens": ["[INST]", "[/INST]"],
}
WORDS = ["<think>", "</think>", "<tool_call>", "</tool_call>"]
"""Added to Qwen's tokenizers as one token each, and not special."""

SMOLLM_TOKENS: dict[str, Any] = {
    "bos_token": "<|im_start|>",
    "eos_token": "<|im_end|>",
    "pad_token": "<|im_end|>",
}
GPT2_TOKENS: dict[str, Any] = {
    "bos_token": "<|endoftext|>",
    "eos_token": "<|endoftext|>",
    "pad_token": "<|endoftext|>",
}
SMOLLM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
    "<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + "
    "'<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% endif %}"
)
"""SmolLM2's own template, which marks nothing and which TRL does not know."""
