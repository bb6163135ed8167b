"""The checks before a job is queued: model folder, data, devices, steps, disk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import spec
from engine.errors import DataError, MachineError, PlanError
from engine.plan.model_folder import look_at
from engine.plan.preflight import LEAST_DISK_BYTES, Plan, preflight
from engine.spec import JobSpec

OFFLINE: dict[str, str] = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent"}
ONLINE: dict[str, str] = {"HF_HUB_CACHE": "/nonexistent"}


def model_folder(folder: Path, *leave_out: str) -> Path:
    folder.mkdir()
    files: dict[str, Any] = {
        "config.json": {
            "model_type": "llama",
            "architectures": ["LlamaForCausalLM"],
            "max_position_embeddings": 256,
        },
        "tokenizer.json": {},
        "tokenizer_config.json": {"chat_template": "{{ messages }}"},
        "model.safetensors": {},
    }
    for name, content in files.items():
        if name not in leave_out:
            (folder / name).write_text(json.dumps(content))
    return folder


def rows(path: Path, count: int) -> Path:
    lines = [json.dumps({"prompt": f"{i}?", "completion": f"{i}!"}) for i in range(count)]
    path.write_text("\n".join(lines) + "\n")
    return path


Made = Callable[..., JobSpec]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.setenv("TUNEDECK_HOME", str(tmp_path / "home"))
    model_folder(tmp_path / "base")
    rows(tmp_path / "train.jsonl", 100)

    def make(**sections: Any) -> JobSpec:
        values = {"model": {"name": "base"}, "data": {"train": "train.jsonl"}, **sections}
        return spec.build(values, source="s", base_folder=tmp_path)

    return make


def only(plan: Plan, kind: type[Exception], words: str) -> None:
    assert [type(one) for one in plan.problems] == [kind]
    assert words in plan.problems[0].message
    assert plan.problems[0].hint
    assert plan.error is plan.problems[0]


def test_a_plan_that_can_work_has_no_problems_and_counts_steps(made: Made) -> None:
    plan = preflight(
        made(
            data={"train": "train.jsonl", "eval": 0.1},
            training={"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2},
        )
    )
    assert plan.problems == ()
    assert plan.error is None
    facts = plan.facts
    assert (facts.train_rows, facts.eval_rows, facts.batch_rows) == (90, 10, 8)
    assert (facts.steps_per_epoch, facts.epochs, facts.total_steps) == (12, 3.0, 36)
    assert facts.inspection is not None
    assert facts.inspection.first[0]["prompt"] == [{"role": "user", "content": "0?"}]
    assert facts.model.chat is True
    assert facts.disk_free_bytes


def test_steps_follow_the_training_fields(made: Made) -> None:
    batch = {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 3}
    dropped = preflight(made(training={**batch, "dataloader_drop_last": True})).facts
    assert (dropped.steps_per_epoch, dropped.total_steps) == (4, 12)
    limited = preflight(made(training={**batch, "max_steps": 7})).facts
    assert (limited.epochs, limited.total_steps) == (None, 7)
    packed = preflight(made(training={**batch, "packing": True})).facts
    assert (packed.steps_per_epoch, packed.total_steps) == (None, None)


def test_a_model_folder_without_a_tokenizer_names_what_is_missing(
    tmp_path: Path, made: Made
) -> None:
    model_folder(tmp_path / "bare", "tokenizer.json", "tokenizer_config.json")
    plan = preflight(made(model={"name": "bare"}))
    only(plan, PlanError, "bare has no tokenizer: none of tokenizer.json")


def test_a_model_folder_without_weights_can_only_be_trained_from_scratch(
    tmp_path: Path, made: Made
) -> None:
    model_folder(tmp_path / "hollow", "model.safetensors")
    only(preflight(made(model={"name": "hollow"})), PlanError, "has no weights")
    assert not preflight(made(model={"name": "hollow", "initialize": "random"})).problems


def test_weights_that_are_incomplete_or_pointers_are_seen(tmp_path: Path, made: Made) -> None:
    folder = model_folder(tmp_path / "parts")
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    only(preflight(made(model={"name": "parts"})), PlanError, "model-2.safetensors missing")
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")
    only(preflight(made(model={"name": "parts"})), PlanError, "Git LFS pointer")


@pytest.mark.parametrize(
    ("content", "words"),
    [("{", "cannot be read"), ("[]", "names no model_type"), ("{}", "names no model_type")],
)
def test_a_config_that_is_none_is_said(
    tmp_path: Path, made: Made, content: str, words: str
) -> None:
    folder = model_folder(tmp_path / "broken")
    (folder / "config.json").write_text(content)
    only(preflight(made(model={"name": "broken"})), PlanError, words)


def test_an_adapter_and_a_file_are_no_base_model(tmp_path: Path, made: Made) -> None:
    folder = model_folder(tmp_path / "adapter", "config.json")
    (folder / "adapter_config.json").write_text("{}")
    only(preflight(made(model={"name": "adapter"})), PlanError, "an adapter, not a base model")
    only(preflight(made(model={"name": "train.jsonl"})), PlanError, "is a file")


def test_a_name_that_is_no_folder_is_a_hub_id_or_a_mistake(made: Made) -> None:
    hub = look_at(made(model={"name": "org/model"}).model, ONLINE)
    assert hub.problems == ()
    assert "not checked" in hub.where
    offline = look_at(made(model={"name": "org/model"}).model, OFFLINE)
    assert "HF_HUB_OFFLINE" in offline.problems[0].message
    for wrong in ("./gone", "models/of/mine", "a b"):
        found = look_at(made(model={"name": wrong}).model, ONLINE)
        assert "no such model folder" in found.problems[0].message


def test_a_cached_model_works_offline(tmp_path: Path, made: Made) -> None:
    (tmp_path / "hub" / "models--org--model" / "snapshots" / "abc").mkdir(parents=True)
    environ = {**OFFLINE, "HF_HUB_CACHE": str(tmp_path / "hub")}
    assert look_at(made(model={"name": "org/model"}).model, environ).problems == ()


def test_data_that_cannot_be_used_is_a_data_error(tmp_path: Path, made: Made) -> None:
    (tmp_path / "empty.jsonl").touch()
    only(preflight(made(data={"train": "empty.jsonl"})), DataError, "no rows")
    only(preflight(made(data={"train": "gone.jsonl"})), DataError, "no such file")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "a", "completion": "b"}\n{"prompt": "a"}\n')
    only(preflight(made(data={"train": "bad.jsonl"})), DataError, "line 2")
    only(preflight(made(samples={"rows": "empty.jsonl"})), DataError, "samples.rows: ")


def test_evaluations_without_evaluation_data_are_refused(made: Made) -> None:
    plan = preflight(made(training={"eval_strategy": "epoch"}))
    only(plan, DataError, "training.eval_strategy")


def test_several_gpus_and_a_gpu_that_is_not_there_are_the_machines_refusal(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def read(self) -> Any:
            from engine.gpu import NO_DRIVER, Host, Snapshot

            host = Host(1, 2, False, None, 1, None)
            return Snapshot((), host, None, NO_DRIVER)

    monkeypatch.setattr("engine.plan.preflight.Telemetry", Nothing)
    only(preflight(made(compute={"gpus": 2})), MachineError, "several GPUs")
    only(preflight(made(compute={"gpus": 1})), MachineError, "no NVIDIA driver here")
    assert preflight(made()).facts.device == "the CPU (no NVIDIA driver here)"
    slow = preflight(made(model={"name": "base", "dtype": "bfloat16"}))
    assert any("bfloat16" in warning for warning in slow.warnings)


def test_several_problems_become_one_error_with_the_users_part_first(
    tmp_path: Path, made: Made
) -> None:
    model_folder(tmp_path / "bare", "tokenizer.json", "model.safetensors")
    plan = preflight(made(model={"name": "bare"}, data={"train": "gone.jsonl"}))
    assert len(plan.problems) == 3
    assert plan.error is not None
    assert plan.error.exit_code == 2
    assert "3 problems" in plan.error.message
    for problem in plan.problems:
        assert problem.message in plan.error.message


def test_a_full_disk_is_refused_and_large_checkpoints_are_announced(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.plan.preflight._free_bytes", lambda home: 1024)
    only(preflight(made()), MachineError, "only 1.0 KiB are free")
    monkeypatch.setattr("engine.plan.preflight._free_bytes", lambda home: LEAST_DISK_BYTES)
    monkeypatch.setattr("engine.plan.preflight.BYTES_OF_FULL_CHECKPOINT", 10**9)
    plan = preflight(made(adapter={"type": "none"}))
    assert any("full fine-tuning keeps" in warning for warning in plan.warnings)


def test_rows_longer_than_the_model_can_read_are_announced(made: Made) -> None:
    plan = preflight(made(training={"max_length": 4096}))
    assert any("256 tokens" in warning for warning in plan.warnings)


# --- data and machine -----------------------------------------------------------------------------


def test_a_missing_evaluation_is_offered(made: Made) -> None:
    assert "data.eval: 0.05" in preflight(made()).offers[0]
    assert preflight(made(data={"train": "train.jsonl", "eval": 0.1})).offers == ()


def test_few_rows_are_warned_of(made: Made, tmp_path: Path) -> None:
    rows(tmp_path / "few.jsonl", 99)
    few = preflight(made(data={"train": "few.jsonl"}))
    assert "only 99 rows: expect memorising" in few.warnings[0]
    assert preflight(made()).warnings == ()


def test_several_sources_are_checked_and_counted_together(made: Made, tmp_path: Path) -> None:
    rows(tmp_path / "more.jsonl", 50)
    sources = [{"path": "train.jsonl", "weight": 2}, {"path": "more.jsonl"}]
    plan = preflight(made(data={"train": sources}))
    assert plan.facts.train_rows == 150
    (tmp_path / "more.jsonl").write_text('{"prompt": "a", "completion": ""}\n')
    bad = made(data={"train": sources})
    assert "more.jsonl" in preflight(bad).problems[0].message


def test_what_becomes_of_bad_rows_is_for_the_spec_to_say(made: Made, tmp_path: Path) -> None:
    path = rows(tmp_path / "half.jsonl", 120)
    path.write_text(path.read_text() + '{"prompt": "a", "completion": ""}\nbroken\n')
    only(preflight(made(data={"train": "half.jsonl"})), DataError, "2 rows cannot be learned from")
    kept = preflight(made(data={"train": "half.jsonl", "on_bad_row": "skip"}))
    assert kept.problems == ()
    assert "2 rows that cannot be learned from are left out" in kept.warnings[0]
    assert "line 121" in kept.warnings[0]
    assert kept.facts.train_rows == 120


def test_rows_of_another_kind_than_the_method_s_are_refused(made: Made) -> None:
    plan = preflight(made(method="dpo"))
    only(plan, DataError, "which the method dpo does not learn from")


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"model": {"name": "base", "quantization": "4bit"}}, "needs a GPU"),
        ({"backend": "unsloth"}, "is not installed"),
    ],
)
def test_what_this_machine_cannot_do_is_refused_before_anything_starts(
    made: Made, monkeypatch: pytest.MonkeyPatch, sections: dict[str, Any], words: str
) -> None:
    missing = {"unsloth": None}
    monkeypatch.setattr(
        "engine.backends.installed", lambda backend: missing.get(backend.distribution, "")
    )
    only(preflight(made(**sections)), MachineError, words)


def test_steps_are_counted_from_the_rows_of_a_step(made: Made) -> None:
    plan = preflight(made(compute={"effective_batch_size": 20}))
    assert (plan.facts.batch_rows, plan.facts.steps_per_epoch) == (20, 5)
    unknown = preflight(made(compute={"max_tokens_per_device": 4096}))
    assert (unknown.facts.batch_rows, unknown.facts.total_steps) == (None, None)
