"""Every adapter of PEFT on a tiny model, in this process: built from a spec, trained, saved, loaded, merged."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from datasets import Dataset
from packaging.version import Version
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, set_seed
from transformers.models.llama import LlamaConfig

from engine import schema, spec
from engine.errors import PlanError, StateError
from engine.preference import LOSSES
from engine.train import adapters, artifact, template
from engine.train.device import CPU
from engine.train.material import Material
from engine.train.methods import builder
from engine.train.model import Loaded
from tests.train import tiny

SMALL: dict[str, dict[str, Any]] = {
    "adalora": {"total_step": 8, "init_r": 6, "target_r": 2, "tinit": 1, "tfinal": 1},
    "c3a": {"block_size": 16},
    "cartridge": {"num_virtual_tokens": 4},
    "miss": {"r": 8},
    "p_tuning": {"num_virtual_tokens": 4},
    "prefix_tuning": {"num_virtual_tokens": 4},
    "prompt_tuning": {"num_virtual_tokens": 4},
    "road": {"group_size": 16},
    "shira": {"r": 4},
    "vblora": {"vector_length": 16, "num_vectors": 8},
    "trainable_tokens": {"token_indices": list(range(260, 300))},
    "waveft": {"n_frequency": 64},
}
"""What an adapter needs on layers of 32 to 64 units."""
UNMERGED = {"beft", "cartridge", "lily", "p_tuning", "prefix_tuning", "prompt_tuning"}
"""Adapters that are no part of the weights, or need a bias that Llama's layers do not have."""
PREFIXES = {"cartridge", "prefix_tuning"}
MISSING = {"adamss": "sklearn"}
"""Adapters for which PEFT wants another library."""
PROBE = torch.arange(260, 300)[None]
"""Words of the tokenizer; the first 260 ids are special tokens and bytes."""
LOSSES_OFF_BASE = {"pissa", "olora", "loftq"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with weights, whose head is not its embedding."""
    path: Path = tiny.write_model(tmp_path_factory.mktemp("adapters") / "model")
    config = LlamaConfig.from_pretrained(path)
    config.tie_word_embeddings = False
    config.attention_dropout = 0.0  # TRL switches off dropout layers, and this is none
    set_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(path)
    return path


@pytest.fixture
def threads() -> Iterator[None]:
    """One thread, so that sums are the same."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _model(folder: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(folder)


def _spec(folder: Path, adapter: dict[str, Any], method: str, **training: Any) -> spec.JobSpec:
    values = {
        "method": method,
        "model": {"name": str(folder)},
        "adapter": adapter,
        "data": {"train": "rows.jsonl"},
        "training": {
            "per_device_train_batch_size": 4,
            "num_train_epochs": 4,
            "learning_rate": 1e-2,
            "max_length": 64,
            **training,
        },
    }
    return spec.build(values, source="spec.yaml", base_folder=folder)


def _rows(method: str, tokenizer: Any) -> tuple[str, Dataset]:
    said = [tiny.sentences(8, seed) for seed in range(3)]
    if method == "dpo":
        columns = ("prompt", "chosen", "rejected")
        return "preference", Dataset.from_dict(dict(zip(columns, said, strict=True)))
    ids = [tokenizer(f"{a} {b}").input_ids for a, b in zip(said[0], said[1], strict=True)]
    return "tokenised", Dataset.from_dict({"input_ids": ids, "labels": ids})


def _trained(folder: Path, out: Path, asked: spec.JobSpec) -> Any:
    """The trainer after its steps, made as the worker makes it."""
    model = _model(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    kind, rows = _rows(asked.method, tokenizer)
    set_seed(42)
    config = adapters.peft_config(asked, model)
    if asked.adapter.path is not None:
        model, config = adapters.continued(model, asked.adapter.path), None
    material = Material(
        spec=asked,
        base=Loaded(model, tokenizer, template.choose(tokenizer, "none")),
        model=model,
        peft_config=config,
        kind=kind,
        train_dataset=rows,
        eval_dataset=None,
        output_dir=out,
        job_folder=out,
        device=CPU,
        callbacks=adapters.callbacks(asked),
        chosen={"activation_checkpointing": False},
    )
    trainer = builder(asked.method)(material)
    trainer.train()
    trainer.model.eval()
    return trainer


def _logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(input_ids=PROBE).logits[:, -PROBE.shape[1] :]
    return found


def _merged(folder: Path, out: Path) -> Any:
    whole, _ = artifact.merged(_model(folder), out, 400)
    return whole


@pytest.mark.exact
@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize("kind", schema.ADAPTERS)
def test_every_adapter_trains_saves_loads_and_merges_or_says_that_it_cannot(
    kind: str, method: str, folder: Path, tmp_path: Path, threads: None
) -> None:
    if kind in MISSING:
        pytest.importorskip(MISSING[kind])
    asked = _spec(folder, {"type": kind, **SMALL.get(kind, {})}, method)
    if kind in PREFIXES and Version(transformers.__version__) < Version(adapters.PREFIXES_SINCE):
        with pytest.raises(PlanError, match="does not train with transformers"):
            adapters.peft_config(asked, _model(folder))
        return
    trainer = _trained(folder, tmp_path, asked)
    trainer.save_model(str(tmp_path))
    base = _logits(_model(folder).eval())
    learned = _logits(trainer.model)
    assert (learned - base).abs().max() > 1e-6, "nothing was learned"
    with trainer.model.disable_adapter():
        assert torch.equal(_logits(trainer.model), base), "switched off it is not the base"
    set_seed(7)  # what an adapter draws at random must come from its files
    again = PeftModel.from_pretrained(_model(folder), str(tmp_path)).eval()
    assert torch.allclose(_logits(again), learned, atol=1e-5)
    if kind in UNMERGED:
        with pytest.raises(StateError, match="merge"):
            _merged(folder, tmp_path)
        return
    assert torch.allclose(_logits(_merged(folder, tmp_path)), learned, atol=1e-4)


BEGINNINGS = [
    {"use_rslora": True},
    {"use_dora": True},
    {"init_lora_weights": "pissa"},
    {"init_lora_weights": "olora"},
    {"init_lora_weights": "loftq"},
    {"init_lora_weights": "pissa", "use_dora": True},
    {"init_lora_weights": "pissa", "use_rslora": True},
    {"init_lora_weights": "orthogonal", "r": 4},
    {"init_lora_weights": "mica"},
    {"init_lora_weights": "gaussian", "modules_to_save": ["lm_head"]},
]


@pytest.mark.exact
@pytest.mark.parametrize(
    "fields", BEGINNINGS, ids=lambda fields: "-".join(map(str, fields.values()))
)
def test_a_lora_is_exported_as_it_was_trained_however_it_began(
    fields: dict[str, Any], folder: Path, tmp_path: Path, threads: None
) -> None:
    begins = fields.get("init_lora_weights")
    if begins == "loftq" and not torch.cuda.is_available():
        pytest.skip("LoftQ needs a GPU and bitsandbytes")
    asked = _spec(folder, {"r": 4, **fields}, "sft")
    trainer = _trained(folder, tmp_path / "out", asked)
    learned = _logits(trainer.model)
    trainer.save_model(str(tmp_path / "out"))
    trainer.save_model(str(tmp_path / "adapter"))
    said = artifact.write_adapter(
        asked, tmp_path / "out", tmp_path / "adapter", lambda: _model(folder)
    )
    again = PeftModel.from_pretrained(_model(folder), str(tmp_path / "adapter")).eval()
    assert torch.allclose(_logits(again), learned, atol=1e-4)
    assert torch.allclose(_logits(_merged(folder, tmp_path / "out")), learned, atol=1e-4)
    assert ("note" in said) == (begins in LOSSES_OFF_BASE)
    if begins in {"pissa", "olora"} and "use_dora" not in fields:
        stored = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
        assert (stored["init_lora_weights"], stored["r"]) == (True, 8)
        with again.disable_adapter():
            assert torch.equal(_logits(again), _logits(_model(folder).eval()))


@pytest.mark.exact
def test_dpo_compares_with_the_base_also_where_the_adapter_changes_it(
    folder: Path, tmp_path: Path, threads: None
) -> None:
    asked = _spec(
        folder, {"r": 4, "init_lora_weights": "pissa"}, "dpo", num_train_epochs=1, learning_rate=0.0
    )
    trainer = _trained(folder, tmp_path, asked)
    margins = [log["rewards/margins"] for log in trainer.state.log_history if "loss" in log]
    assert margins
    assert max(map(abs, margins)) < 1e-3, "an untrained model differs from its reference"


@pytest.mark.exact
@pytest.mark.parametrize("method", ["sft", "dpo"])
@pytest.mark.parametrize("kind", ["lora", "osf", "loha", "ia3"])
def test_an_adapter_is_gone_on_with_from_where_it_was(
    kind: str, method: str, folder: Path, tmp_path: Path, threads: None
) -> None:
    first = _trained(folder, tmp_path / "first", _spec(folder, {"type": kind}, "sft"))
    first.save_model(str(tmp_path / "first"))
    path = {"path": str(tmp_path / "first")}
    still = _trained(
        folder, tmp_path / "still", _spec(folder, path, method, max_steps=1, learning_rate=0.0)
    )
    assert torch.allclose(_logits(still.model), _logits(first.model), atol=1e-5)
    further = _trained(folder, tmp_path / "further", _spec(folder, path, method))
    assert (_logits(further.model) - _logits(first.model)).abs().max() > 1e-6
    margins = [
        log["rewards/margins"] for log in still.state.log_history if "rewards/margins" in log
    ]
    assert all(abs(margin) < 1e-4 for margin in margins), "the reference is not the adapter's start"


@pytest.mark.exact
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_of_dpo_trains(loss: str, folder: Path, tmp_path: Path, threads: None) -> None:
    smoothing = {"label_smoothing": 1e-3} if loss == "exo_pair" else {}
    asked = _spec(folder, {"r": 4}, "dpo", loss_type=[loss], **smoothing)
    trainer = _trained(folder, tmp_path, asked)
    losses = [log["loss"] for log in trainer.state.log_history if "loss" in log]
    assert len(losses) == 8
    assert losses[-1] < losses[0]


# --- names of layers ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(folder: Path) -> Callable[..., Any]:
    """Makes the PEFT config of an adapter for the tiny model."""
    model = _model(folder)

    def make(**fields: Any) -> Any:
        return adapters.peft_config(_spec(folder, fields, "sft"), model)

    return make


def test_a_layer_that_the_model_lacks_is_named_with_the_right_ones(
    bare: Callable[..., Any],
) -> None:
    with pytest.raises(PlanError) as caught:
        bare(target_modules=["q_proj", "v_prj"])
    assert caught.value.message == "adapter.target_modules: this model has no layer 'v_prj'"
    assert caught.value.hint.startswith("did you mean v_proj? it has down_proj, ")
    with pytest.raises(PlanError, match="no layer 'lm_haed'"):
        bare(modules_to_save=["lm_haed"])


def test_a_pattern_is_matched_as_peft_does(bare: Callable[..., Any]) -> None:
    assert bare(target_modules=r".*\.(q|v)_proj").target_modules == r".*\.(q|v)_proj"
    with pytest.raises(PlanError, match="no layer 'q_proj_'"):
        bare(target_modules="q_proj_")
    with pytest.raises(PlanError, match="no regular expression"):
        bare(target_modules="(")


def test_tokens_are_not_trained_where_the_head_is_the_embedding(
    folder: Path, tmp_path: Path
) -> None:
    tied = LlamaConfig.from_pretrained(folder)
    tied.tie_word_embeddings = True
    asked = _spec(folder, {"type": "trainable_tokens", "token_indices": [5]}, "sft")
    with pytest.raises(PlanError, match="whose head is its embedding"):
        adapters.peft_config(asked, AutoModelForCausalLM.from_config(tied))


def test_defaults_of_the_adapters(bare: Callable[..., Any]) -> None:
    assert bare(type="osf").effective_rank == 0.75
    assert bare(type="none") is None


def test_an_adapter_to_go_on_with_must_be_one_that_fits(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no adapter can be read from"):
        adapters.stored_config(str(tmp_path))
    wide = LlamaConfig.from_pretrained(folder)
    wide.hidden_size = 64
    wide.tie_word_embeddings = False
    other = get_peft_model(
        AutoModelForCausalLM.from_config(wide), LoraConfig(task_type="CAUSAL_LM", r=2)
    )
    other.save_pretrained(str(tmp_path))
    with pytest.raises(PlanError, match="does not fit this model"):
        adapters.continued(_model(folder), str(tmp_path))


def test_the_trainers_arguments_of_dpo_leave_grouping_to_our_sampler(
    folder: Path, tmp_path: Path, threads: None
) -> None:
    trainer = _trained(folder, tmp_path, _spec(folder, {"r": 2}, "dpo", max_steps=1))
    assert trainer.grouped
    sampler = trainer._get_train_sampler()
    assert sampler is trainer._get_train_sampler()
    assert sorted(sampler) == list(range(8))
    asked = _spec(folder, {"r": 2}, "dpo", max_steps=1, train_sampling_strategy="sequential")
    assert not _trained(folder, tmp_path, asked).grouped
