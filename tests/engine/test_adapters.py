"""What a spec may ask of adapters and of DPO, told without PEFT and TRL."""

from pathlib import Path
from typing import Any

import pytest

from engine import backends, schema, spec
from engine.adapters import UNTRAINABLE, changes_base, off_is_base
from engine.errors import SpecError
from engine.methods import methods


def _built(**sections: Any) -> spec.JobSpec:
    values = {"model": {"name": "some/model"}, "data": {"train": "rows.jsonl"}, **sections}
    return spec.build(values, source="spec.yaml", base_folder=Path("/nowhere"))


def _problem(**sections: Any) -> str:
    with pytest.raises(SpecError) as caught:
        _built(**sections)
    (problem,) = caught.value.problems
    return str(problem)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"type": "cpt"},
            "adapter.type: cpt cannot be trained here: it computes a loss of its own",
        ),
        ({"init_lora_weights": "eva"}, "eva is computed from training data"),
        ({"init_lora_weights": "pissa_niter_4"}, "begins at random"),
        ({"type": "adalora"}, "adapter.total_step: adalora needs it"),
        ({"path": "/some/adapter", "r": 8}, "adapter.r: is decided by the adapter at adapter.path"),
    ],
)
def test_an_adapter_that_cannot_be_trained_says_why(asked: dict[str, Any], said: str) -> None:
    assert said in _problem(adapter=asked)


def test_a_quantized_base_takes_no_adapter_that_changes_it() -> None:
    model = {"name": "some/model", "quantization": "4bit"}
    assert "adapter.init_lora_weights" in _problem(
        model=model, adapter={"init_lora_weights": "olora"}
    )
    _built(model=model, adapter={"init_lora_weights": "gaussian"})


def test_an_adapter_that_reads_the_weights_takes_no_packed_ones() -> None:
    for quantization, kind in (("4bit", "osf"), ("8bit", "osf"), ("4bit", "loha")):
        model = {"name": "some/model", "quantization": quantization}
        assert f"{kind} computes with the base's weights" in _problem(
            model=model, adapter={"type": kind}
        )
    _built(model={"name": "some/model", "quantization": "8bit"}, adapter={"type": "loha"})


def test_a_comparison_with_the_base_takes_no_adapter_that_changes_it() -> None:
    asked = {
        "method": "grpo",
        "rewards": [{"type": "exact"}],
        "adapter": {"init_lora_weights": "olora"},
    }
    assert "training.beta compares with the model" in _problem(training={"beta": 0.1}, **asked)
    _built(training={"beta": 0.0}, **asked)


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ({"loss_type": ["sigmoid", "hing"]}, "there is no loss 'hing' (did you mean hinge?"),
        ({"loss_type": "exo_pair"}, "training.label_smoothing: exo_pair needs it above 0"),
        ({"sync_ref_model": True}, "cannot be moved (leave it out, or use adapter.type: none)"),
    ],
)
def test_dpo_says_what_it_cannot_do(training: dict[str, Any], said: str) -> None:
    assert said in _problem(method="dpo", training=training)


def test_osft_trains_osf_and_lets_peft_keep_no_default_of_lora() -> None:
    adapter = _built(method="osft").adapter
    assert (adapter.type, adapter.peft_fields) == ("osf", {"target_modules": "all-linear"})


def test_an_adapter_that_is_not_for_linear_layers_goes_where_peft_wants_it() -> None:
    assert _built(adapter={"type": "ln_tuning"}).adapter.peft_fields == {}
    again = _built(adapter={"type": "ln_tuning", "target_modules": ["norm"]}).adapter
    assert again.peft_fields == {"target_modules": ["norm"]}


def test_adapters_with_settings_are_those_that_can_be_trained() -> None:
    assert not UNTRAINABLE.keys() & schema.ADAPTERS.keys()
    assert all(method.adapter in {"none", *schema.ADAPTERS} for method in methods().values())


def test_a_base_that_changes_is_known_by_how_the_adapter_begins() -> None:
    assert [changes_base({"init_lora_weights": way}) for way in ("PiSSA", "loftq", True)] == [
        True,
        True,
        False,
    ]
    assert not off_is_base({"bias": "lora_only"})
    assert off_is_base({"bias": "none", "use_dora": True})


def test_quantization_without_bitsandbytes_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = _built(model={"name": "some/model", "quantization": "4bit"})
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    refused = backends.problem(asked, gpu=True)
    assert refused is not None
    assert refused.message == "model.quantization: 4bit needs bitsandbytes, which is not installed"
    without = backends.problem(asked, gpu=False)
    assert without is not None
    assert "needs a GPU" in without.message
    monkeypatch.setattr(backends, "find_spec", lambda name: object())
    assert backends.problem(asked, gpu=True) is None


def test_loftq_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = _built(adapter={"init_lora_weights": "loftq"})
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    refused = backends.problem(asked, gpu=False)
    assert refused is not None
    assert refused.message == (
        "init_lora_weights: loftq needs bitsandbytes and scipy, which are not installed"
    )
    monkeypatch.setattr(backends, "find_spec", lambda name: object())
    without = backends.problem(asked, gpu=False)
    assert without is not None
    assert "needs a GPU" in without.message
    assert backends.problem(asked, gpu=True) is None
