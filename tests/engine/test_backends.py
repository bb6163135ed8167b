"""What keeps a backend from training a job, said before anything imports torch."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine import backends, methods, spec
from engine.errors import MachineError, PlanError
from engine.train.backends import begin
from engine.train.backends.unsloth import switches


def _job(tmp_path: Path, **fields: Any) -> spec.JobSpec:
    asked = {"model": {"name": "m"}, "data": {"train": "rows.jsonl"}, **fields}
    return spec.build(asked, source="spec", base_folder=tmp_path)


@pytest.fixture
def unsloth(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it and bitsandbytes were installed."""
    monkeypatch.setattr(backends, "installed", lambda backend: "2026.10.9")
    monkeypatch.setattr(backends, "find_spec", lambda name: object())


@pytest.mark.parametrize("method", ["sft", "pretrain", "dpo", "grpo", "osft"])
def test_trl_trains_every_method_on_the_cpu(tmp_path: Path, method: str) -> None:
    fields = {"rewards": [{"type": "exact"}]} if method == "grpo" else {}
    assert backends.problem(_job(tmp_path, method=method, **fields), gpu=False) is None


def test_a_missing_unsloth_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "installed", lambda backend: None)
    found = backends.problem(_job(tmp_path, backend="unsloth"), gpu=True)
    assert isinstance(found, MachineError)
    assert found.message == "backend: unsloth, and unsloth is not installed"
    assert "pip install 'tunedeck[unsloth]'" in found.hint
    assert "backend: trl" in found.hint
    with pytest.raises(MachineError, match="unsloth is not installed"):
        begin(_job(tmp_path, backend="unsloth"), tmp_path, gpu=False)


@pytest.mark.usefixtures("unsloth")
@pytest.mark.parametrize("method", ["dpo", "grpo"])
def test_unsloth_without_a_gpu_trains_sft_only(tmp_path: Path, method: str) -> None:
    fields = {"rewards": [{"type": "exact"}]} if method == "grpo" else {}
    job = _job(tmp_path, backend="unsloth", method=method, **fields)
    found = backends.problem(job, gpu=False)
    assert isinstance(found, MachineError)
    assert found.message == (f"{method} with backend: unsloth needs a GPU, and this job gets none")
    assert found.hint == (
        f"without one unsloth trains sft; backend: trl trains {method} on the CPU too"
    )
    assert backends.problem(job, gpu=True) is None
    assert backends.problem(_job(tmp_path, backend="unsloth"), gpu=False) is None


@pytest.mark.usefixtures("unsloth")
@pytest.mark.parametrize("backend", ["trl", "unsloth"])
def test_quantized_weights_need_a_gpu(tmp_path: Path, backend: str) -> None:
    job = _job(tmp_path, backend=backend, model={"name": "m", "quantization": "4bit"})
    found = backends.problem(job, gpu=False)
    assert isinstance(found, MachineError)
    assert found.message == "model.quantization: 4bit needs a GPU, and this job gets none"
    assert backends.problem(job, gpu=True) is None


def test_quantized_weights_need_bitsandbytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "find_spec", lambda name: None)
    found = backends.problem(_job(tmp_path, model={"name": "m", "quantization": "8bit"}), gpu=True)
    assert isinstance(found, MachineError)
    assert "8bit needs bitsandbytes" in found.message
    assert "pip install 'tunedeck[quant]'" in found.hint


@pytest.mark.usefixtures("unsloth")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"adapter": {"type": "osf"}}, "backend: unsloth does not train adapter.type: osf"),
        (
            {"model": {"name": "m", "attn_implementation": "eager"}},
            "backend: unsloth chooses the attention itself",
        ),
        (
            {"model": {"name": "m", "initialize": "random"}},
            "backend: unsloth loads weights, and model.initialize: random has none",
        ),
    ],
)
def test_what_unsloth_never_trains_is_refused_with_and_without_a_gpu(
    tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    job = _job(tmp_path, backend="unsloth", **fields)
    for gpu in (True, False):
        found = backends.problem(job, gpu=gpu)
        assert isinstance(found, PlanError)
        assert found.message == message
        assert "use backend: trl" in found.hint


@pytest.mark.usefixtures("unsloth")
@pytest.mark.parametrize("field", methods.backend("unsloth").cpu_without)
def test_what_unsloth_would_turn_off_in_silence_is_refused(tmp_path: Path, field: str) -> None:
    job = _job(tmp_path, backend="unsloth", training={field: True})
    found = backends.problem(job, gpu=False)
    assert found is not None
    assert found.message == (
        f"training.{field} with backend: unsloth needs a GPU, and this job gets none"
    )
    off = _job(tmp_path, backend="unsloth", training={field: False})
    assert backends.problem(off, gpu=False) is None


def test_versions_that_a_backend_does_not_ask_for_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = ["trl<=1.15.0,>=0.18.2", "peft>=0.1", "certifi>=9999", 'torch<0; extra == "old"']
    monkeypatch.setattr(backends, "requires", lambda name: asked)
    monkeypatch.setattr(backends, "version", {"trl": "1.16.0", "peft": "0.21.2"}.__getitem__)
    found = backends.unmet(methods.backend("unsloth"), ("trl", "peft", "torch"))
    assert found == ["trl <=1.15.0,>=0.18.2 (here 1.16.0)"]


def test_unsloth_writes_into_the_jobs_folder_and_tells_nobody(tmp_path: Path) -> None:
    for gpu in (True, False):
        found = switches(tmp_path, gpu=gpu)
        assert Path(found["UNSLOTH_COMPILE_LOCATION"]).parent == tmp_path
        assert found["UNSLOTH_DISABLE_STATISTICS"] == found["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert "UNSLOTH_FORCE_CPU" not in switches(tmp_path, gpu=True)


def test_a_backend_begins_before_any_training_library_is_imported() -> None:
    """unsloth rewrites what is imported after it, and nothing of what was imported before."""
    script = """
import sys
import engine.train.__main__, engine.train.backends, engine.train.backends.trl
import engine.train.backends.unsloth
early = [name for name in ("torch", "transformers", "trl", "peft") if name in sys.modules]
assert not early, early
"""
    subprocess.run([sys.executable, "-P", "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_unsloth_refuses_to_come_too_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.train.backends.unsloth import Unsloth

    monkeypatch.setitem(sys.modules, "trl", sys)
    with pytest.raises(RuntimeError, match=r"before .*trl"):
        Unsloth().begin(_job(tmp_path, backend="unsloth"), tmp_path, gpu=False)
