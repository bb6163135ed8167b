"""A run that was paused, killed and resumed ends with the weights of one that was left alone: bit for bit.

Everything goes through the real command line, supervisor and trainers. `make test` runs a short set,
`make exact` the whole matrix.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.checkpoints import aside, committed
from engine.curves import read_curves
from engine.status import JobState
from tests.train import tiny
from tests.train.runs import (
    Home,
    comparable,
    kill_worker,
    until,
    until_state,
    until_step,
    weights_hash,
)

ADAPTERS: dict[str, dict[str, Any]] = {
    "lora": {"type": "lora", "r": 4, "lora_dropout": 0.1},
    "osf": {"type": "osf"},
    "none": {"type": "none"},
}
WRITERS = {"pretrain": tiny.write_text, "dpo": tiny.write_pairs, "grpo": tiny.write_questions}
TRAIN_ROWS, EPOCHS, BATCH, ACCUMULATION = 90, 2, 2, 2
REWARDS = [
    {"type": "length", "unit": "characters", "target": 12},
    {"type": "regex", "pattern": "[a-f]", "weight": 0.5},
]
GRPO: dict[str, Any] = {"num_generations": 4, "max_completion_length": 8}


@dataclass(frozen=True)
class Case:
    """One setting of the matrix."""

    name: str
    method: str = "sft"
    adapter: str = "lora"
    rows: int = TRAIN_ROWS
    packing: bool = False
    grouped: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    """More fields of the adapter."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """More training fields."""
    continues: bool = False
    """It goes on with the adapter of an earlier job."""


MATRIX = (
    Case("lora-grouped", grouped=True),
    # Its steps are the shortest: more of them, or a pause comes too late on a busy machine.
    Case("pretrain", method="pretrain", adapter="none", rows=3 * TRAIN_ROWS, packing=True),
    Case("lora"),
    Case("lora-packed", packing=True),
    Case("lora-packed-grouped", packing=True, grouped=True),
    Case("full", adapter="none"),
    Case("full-grouped", adapter="none", grouped=True),
    Case("full-packed", adapter="none", packing=True),
    Case("pretrain-lora", method="pretrain", packing=True),
    Case("pissa", fields={"init_lora_weights": "pissa"}),
    Case("continued", continues=True),
    Case("osft", method="osft", adapter="osf"),
    Case("dpo", method="dpo"),
    Case("dpo-full-precomputed", method="dpo", adapter="none"),
    Case(
        "dpo-full-ipo",
        method="dpo",
        adapter="none",
        training={"precompute_ref_log_probs": False, "loss_type": ["ipo", "sft"]},
    ),
    Case("dpo-pissa", method="dpo", fields={"init_lora_weights": "pissa"}),
    Case("dpo-continued", method="dpo", continues=True),
    # A round of answers is learned from in one step, or in four.
    Case("grpo", method="grpo", rows=12, training=GRPO),
    Case(
        "grpo-rounds",
        method="grpo",
        rows=12,
        training={**GRPO, "steps_per_generation": 4, "num_iterations": 2, "beta": 0.05},
    ),
    Case("grpo-full", method="grpo", adapter="none", rows=12, training=GRPO),
)


def cases(*short: str) -> Any:
    """The whole matrix, of which `make test` runs these cases."""
    marks = {
        name: [] if name in short else [pytest.mark.exact] for name in (c.name for c in MATRIX)
    }
    return pytest.mark.parametrize(
        "setting",
        [
            pytest.param(
                case, id=case.name, marks=[*marks[case.name], pytest.mark.xdist_group(case.name)]
            )
            for case in MATRIX
        ],
        indirect=True,
        scope="module",
    )


@dataclass(frozen=True)
class Reference:
    """The run that was left alone."""

    weights: str
    curves: dict[str, Any]
    steps: int
    steps_per_epoch: int


@dataclass(frozen=True)
class Setting:
    """A case with its files and its reference."""

    case: Case
    folder: Path
    spec: dict[str, Any]
    reference: Reference


def _spec(case: Case, model: Path, data: Path) -> dict[str, Any]:
    training: dict[str, Any] = {
        "per_device_train_batch_size": BATCH,
        "gradient_accumulation_steps": ACCUMULATION,
        "num_train_epochs": EPOCHS,
        "learning_rate": "5e-3",
        "eval_strategy": "epoch",
        "logging_steps": 1,
        **case.training,
    }
    if case.method != "grpo":
        training["max_length"] = 64
    if case.method not in {"dpo", "grpo"}:
        training["packing"] = case.packing
    if case.grouped:
        training["train_sampling_strategy"] = "group_by_length"
    return {
        "name": case.name,
        "method": case.method,
        "model": {"name": str(model), "initialize": "random"},
        "adapter": {**ADAPTERS[case.adapter], **case.fields},
        "data": {"train": str(data), "eval": 0.1},
        "training": training,
        "rewards": REWARDS if case.method == "grpo" else [],
        "compute": {"gpus": 0, "threads": 1},
    }


@pytest.fixture(scope="module")
def setting(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Setting]:
    """The case's files, and what its run ends with when nobody touches it."""
    case: Case = request.param
    folder = tmp_path_factory.mktemp(case.name)
    model = tiny.write_model(folder / "model")
    rows = case.rows * (4 if case.packing else 1)
    write = WRITERS.get(case.method, tiny.write_chats)
    spec = _spec(case, model, write(folder / "data.jsonl", rows))
    home = Home(folder / "alone")
    try:
        if case.continues:
            spec["adapter"] = {"path": _adapter_of_an_earlier_job(home, model, folder)}
        job = home.submit(spec)
        status = until_state(job, JobState.COMPLETED)
        curves = comparable(read_curves(job.metrics_file))
        steps = status.total_steps or 0
        per_epoch = steps // EPOCHS
        assert steps >= 16, "too short to be paused twice"
        assert list(curves["train"]) == list(range(1, steps + 1))
        assert list(curves["eval"]) == [per_epoch, steps]
        # Saves land on the epochs' edges, where the evaluation must come first.
        spec["training"]["save_steps"] = max(1, per_epoch // 2 if per_epoch % 2 == 0 else per_epoch)
        yield Setting(case, folder, spec, Reference(weights_hash(job), curves, steps, per_epoch))
    finally:
        home.close()


def _adapter_of_an_earlier_job(home: Home, model: Path, folder: Path) -> str:
    spec = _spec(Case("earlier"), model, tiny.write_chats(folder / "earlier.jsonl", 20))
    job = home.submit(spec)
    until_state(job, JobState.COMPLETED)
    return home.call("export", job.id, "--to", "adapter").stdout.strip()


@pytest.fixture
def home(setting: Setting, request: pytest.FixtureRequest) -> Iterator[Home]:
    """A fresh home for one scenario."""
    marker = request.node.get_closest_marker("fault")
    environ = {}
    if marker:
        point, attempt = marker.args
        environ["TUNEDECK_FAULT"] = f"{point}:{setting.reference.steps_per_epoch}:{attempt}"
    name = request.node.name.partition("[")[0]
    made = Home(setting.folder / name, environ)
    yield made
    made.close()


def _assert_as_if_left_alone(setting: Setting, job: Any) -> None:
    assert weights_hash(job) == setting.reference.weights
    assert comparable(read_curves(job.metrics_file)) == setting.reference.curves


@cases("lora-grouped", "grpo")
def test_a_run_that_is_paused_twice_ends_the_same(setting: Setting, home: Home) -> None:
    job = home.submit(setting.spec)
    for step in (2, setting.reference.steps_per_epoch + 2):
        until_step(job, step)
        home.call("pause", job.id, "--wait")
        status = job.observed()
        assert status.state is JobState.PAUSED
        assert status.checkpoint_step == status.step
        home.call("resume", job.id)
    until_state(job, JobState.COMPLETED)
    _assert_as_if_left_alone(setting, job)


@cases("lora-grouped")
def test_a_run_that_is_killed_at_a_random_moment_ends_the_same(
    setting: Setting, home: Home
) -> None:
    job = home.submit(setting.spec)
    until_step(job, random.randint(1, setting.reference.steps - 2))
    kill_worker(job)
    home.call("resume", job.id)
    until_state(job, JobState.COMPLETED)
    _assert_as_if_left_alone(setting, job)


@cases()
@pytest.mark.fault("epoch-end", 1)
def test_a_run_that_is_killed_between_an_epochs_last_step_and_its_evaluation_ends_the_same(
    setting: Setting, home: Home
) -> None:
    job = home.submit(setting.spec)
    until_state(job, JobState.INTERRUPTED)
    assert read_curves(job.metrics_file).last("eval") is None
    home.call("resume", job.id)
    until_state(job, JobState.COMPLETED)
    _assert_as_if_left_alone(setting, job)


@cases("lora-grouped")
@pytest.mark.fault("commit", 1)
def test_a_run_that_is_killed_before_its_commit_ends_the_same(setting: Setting, home: Home) -> None:
    job = home.submit(setting.spec)
    until_state(job, JobState.INTERRUPTED)
    step = setting.reference.steps_per_epoch
    assert (job.checkpoints / f"checkpoint-{step}" / "trainer_state.json").exists()
    home.call("resume", job.id)
    until(job, lambda status: status.attempt == 2, "the second attempt")
    until_state(job, JobState.COMPLETED)
    _assert_as_if_left_alone(setting, job)


@cases()
def test_a_run_that_went_back_to_an_older_checkpoint_ends_the_same(
    setting: Setting, home: Home
) -> None:
    spec = {**setting.spec, "training": {**setting.spec["training"], "save_steps": 2}}
    job = home.submit(spec)
    until_step(job, setting.reference.steps_per_epoch + 2)
    home.call("pause", job.id, "--wait")
    older, *newer = (one.step for one in committed(job.checkpoints))
    assert newer
    home.call("resume", job.id, "--checkpoint", str(older))
    until_state(job, JobState.COMPLETED)
    assert [one.step for one in aside(job.checkpoints)] == newer
    _assert_as_if_left_alone(setting, job)
