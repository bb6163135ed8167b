"""`make families`: small random models of many families are fine-tuned and exported as a user's would be.

Built from their configs, with the project's tokenizer and the template that TRL ships for the family; a family
without one is trained with tunedeck's ChatML. In one process, since importing the libraries takes longer than
the training; one family goes through the command line.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine import spec as specs
from engine.curves import read_curves
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from engine.train import export
from engine.train.__main__ import main
from tests.train import tiny
from tests.train.families import (
    GEMMA,
    GPT2_TOKENS,
    LLAMA,
    PHI,
    QWEN,
    SMOLLM,
    SMOLLM_TOKENS,
    WORDS,
    shipped,
)
from tests.train.runs import Home, until_state

pytestmark = pytest.mark.families

STEPS = 12
SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
ATTENTION = {"q_proj", "k_proj", "v_proj", "o_proj"}
LINEAR = {*ATTENTION, "gate_proj", "up_proj", "down_proj"}
TRL = "TRL's training template of the tokenizer's own template"
COMPARED = "the tokenizer's own template, which does not mark answers"
CHATML = "tunedeck's ChatML"


@dataclass(frozen=True)
class Family:
    """How a small model of a family is made, and what is expected of it."""

    config: str
    """The class of transformers."""
    targets: set[str]
    """The layers that `all-linear` finds."""
    rendered: str
    """Where its template comes from, as the log says."""
    tokens: dict[str, Any] = field(default_factory=dict)
    jinja: str | None = None
    fields: dict[str, Any] = field(default_factory=lambda: dict(SMALL))
    experts: set[str] = field(default_factory=set)
    """What it learns of a mixture's experts, which are parameters and no layers."""


EXPERTS = {**SMALL, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
FAMILIES = {
    "llama": Family("LlamaConfig", LINEAR, TRL, LLAMA, shipped("llama3")),
    "qwen2": Family("Qwen2Config", LINEAR, TRL, QWEN, shipped("qwen2_5")),
    "qwen3": Family(
        "Qwen3Config", LINEAR, TRL, QWEN, shipped("qwen3"), fields={**SMALL, "head_dim": 8}
    ),
    "mistral": Family("MistralConfig", LINEAR, CHATML),
    "gemma3": Family(
        "Gemma3TextConfig",
        LINEAR,
        TRL,
        GEMMA,
        shipped("gemma3"),
        fields={**SMALL, "head_dim": 8, "sliding_window": 16},
    ),
    "phi3": Family(
        "Phi3Config",
        {"qkv_proj", "o_proj", "gate_up_proj", "down_proj"},
        TRL,
        PHI,
        shipped("phi3"),
        fields={**SMALL, "original_max_position_embeddings": 256},
    ),
    "smollm": Family("LlamaConfig", LINEAR, COMPARED, SMOLLM_TOKENS, SMOLLM),
    "gpt2": Family(
        "GPT2Config",
        {"c_attn", "c_proj", "c_fc"},
        CHATML,
        GPT2_TOKENS,
        fields={"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
    ),
    "qwen3-moe": Family(
        "Qwen3MoeConfig",
        ATTENTION,
        TRL,
        QWEN,
        shipped("qwen3"),
        fields={**EXPERTS, "head_dim": 8},
        experts={"gate.weight", "gate_up_proj", "down_proj"},
    ),
    "mixtral": Family(
        "MixtralConfig",
        ATTENTION,
        CHATML,
        fields={**SMALL, "num_local_experts": 4, "num_experts_per_tok": 2},
        experts={"gate.weight", "gate_up_proj", "down_proj"},
    ),
}


def write_family(name: str, folder: Path) -> Path:
    """A random model of a family, with its tokenizer."""
    family = FAMILIES[name]
    tiny.write_model(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    if family.tokens:
        tokenizer.add_special_tokens(family.tokens)
    if name.startswith("qwen"):
        tokenizer.add_tokens(WORDS)
    tokenizer.chat_template = family.jinja
    (folder / "tokenizer_config.json").unlink()
    tokenizer.save_pretrained(folder)
    config = getattr(transformers, family.config)(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **family.fields,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def spec_of(name: str, folder: Path) -> dict[str, Any]:
    """What a user would write."""
    own = FAMILIES[name].rendered != CHATML
    write_family(name, folder / "model")
    return {
        "name": name,
        "model": {
            "name": str(folder / "model"),
            "chat_template": "auto" if own else "chatml",
        },
        "adapter": {"type": "lora", "r": 8, "lora_alpha": 16},
        "data": {
            "train": str(tiny.write_chats(folder / "train.jsonl", 120)),
            "eval": str(tiny.write_chats(folder / "eval.jsonl", 16, seed=7)),
        },
        "training": {
            "max_steps": STEPS,
            "per_device_train_batch_size": 8,
            "learning_rate": 2e-2,
            "eval_strategy": "steps",
            "eval_steps": STEPS,
        },
        "compute": {"gpus": 0},
    }


def check(job: Job, family: Family) -> str:
    """What came of a job that is exported; in words for the report."""
    _, losses = read_curves(job.metrics_file).points("train", "loss")
    known = [loss for loss in losses if loss is not None]
    begin, end = sum(known[:2]) / 2, sum(known[-2:]) / 2
    assert end < begin - 0.05
    adapter = json.loads((job.export_folder("adapter") / "adapter_config.json").read_text())
    assert {path.rpartition(".")[2] for path in adapter["target_modules"]} == family.targets
    assert set(adapter["target_parameters"] or ()) == family.experts
    with safe_open(job.export_folder("adapter") / "adapter_model.safetensors", "pt") as weights:
        learned = [n for n in weights.keys() if "lora_B" in n]  # noqa: SIM118 - not a mapping
        assert learned
        assert all(bool(weights.get_tensor(n).abs().sum() > 0) for n in learned)
    facts = json.loads((job.export_folder("merged") / "export.json").read_text())
    assert facts["verified"]
    layers = ", ".join(sorted(family.targets | family.experts))
    return (
        f"loss {begin:.2f} -> {end:.2f}, {len(learned)} layers ({layers}), "
        f"merged differs by {facts['logits_difference']:.1g}, {family.rendered}"
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_trains_and_its_adapter_merges(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = specs.build(spec_of(name, tmp_path), source="", base_folder=tmp_path).to_yaml()
    job = Store(tmp_path / "home").create(name, lambda new: _fill(new.spec_file, text))
    code = main([str(job.folder)])
    printed = capsys.readouterr().out
    assert code == 0, (job.stored().error, printed)
    assert f"conversations are rendered with {FAMILIES[name].rendered}" in printed
    assert export.main([str(job.folder), "--to", "adapter,merged"]) == 0, capsys.readouterr()
    said = check(job, FAMILIES[name])
    with capsys.disabled():
        print(f"\n{name}: {said}")


def test_a_family_trains_through_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Home(tmp_path / "home")
    try:
        job = home.submit(spec_of("qwen3", tmp_path))
        until_state(job, JobState.COMPLETED)
        home.call("export", job.id, "--to", "adapter,merged")
        said = check(job, FAMILIES["qwen3"])
    finally:
        home.close()
    assert f"conversations are rendered with {TRL}" in job.log_file.read_text()
    with capsys.disabled():
        print(f"\nqwen3, command line: {said}")


def _fill(path: Path, content: str) -> None:
    path.write_text(content)
