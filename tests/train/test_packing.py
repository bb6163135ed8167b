"""Rows that are packed into a block teach what they teach alone: no token sees another row."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from datasets import Dataset
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, set_seed

from engine import spec as specs
from engine.errors import SpecError
from engine.train.device import CPU
from engine.train.material import Material
from engine.train.methods import sft
from engine.train.model import Loaded
from tests.train import tiny

ROWS = [
    [5 + (row * 7 + place * 3) % 200 for place in range(length)]
    for row, length in enumerate((9, 30, 14, 5))
]


def material(folder: Path, **training: Any) -> Material:
    """Rows of tokens, for a model without dropout and with large weights, so that a leak would be seen."""
    model_folder = tiny.write_model(folder / "model")
    config = AutoConfig.from_pretrained(model_folder, attention_dropout=0.0, initializer_range=0.5)
    set_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    assert model.config._attn_implementation == "sdpa"
    spec = specs.build(
        {
            "name": "packed",
            "model": {"name": str(model_folder)},
            "adapter": {"type": "none"},
            "data": {"train": "rows.jsonl"},
            "training": {"max_length": 64, "per_device_train_batch_size": 1, **training},
        },
        source="",
        base_folder=folder,
    )
    labels = [[-100] * (len(ids) // 2) + ids[len(ids) // 2 :] for ids in ROWS]
    return Material(
        spec=spec,
        base=Loaded(model, AutoTokenizer.from_pretrained(model_folder), None),
        model=model,
        peft_config=None,
        kind="tokenised",
        train_dataset=Dataset.from_dict({"input_ids": ROWS, "labels": labels}),
        eval_dataset=None,
        output_dir=folder / "out",
        job_folder=folder,
        device=CPU,
        callbacks=(),
    )


def loss_of_rows(model: Any) -> float:
    """The mean over every learned token, each row alone."""
    losses = []
    for ids in ROWS:
        logits = model(input_ids=torch.tensor([ids])).logits[0]
        learned = range(len(ids) // 2, len(ids))
        losses += [
            functional.cross_entropy(logits[at - 1], torch.tensor(ids[at])) for at in learned
        ]
    return float(torch.stack(losses).mean())


@torch.inference_mode()
def test_packed_rows_do_not_see_each_other(tmp_path: Path) -> None:
    trainer = sft.build(material(tmp_path, packing=True))
    model = trainer.model.eval()
    batches = list(trainer.get_train_dataloader())
    assert len(batches) == 1
    assert batches[0]["input_ids"].shape == (1, sum(map(len, ROWS)))
    packed = float(trainer.compute_loss(model, batches[0]))
    expected = loss_of_rows(model)
    assert packed == pytest.approx(expected, rel=1e-5)
    together = {"input_ids": batches[0]["input_ids"], "labels": batches[0]["labels"]}
    leaking = float(model(**together, use_cache=False).loss)
    assert abs(leaking - expected) > 100 * abs(packed - expected) + 1e-3


def test_packing_that_joins_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        material(tmp_path, packing=True, packing_strategy="wrapped")
    (problem,) = caught.value.problems
    assert problem.field == "training.packing_strategy"
