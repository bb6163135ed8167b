"""Edits at a pause, through the real command line: the curve that was asked for, and exact resumes after it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import actions, checkpoints
from engine.curves import read_curves
from engine.edits.rate import rate
from engine.job import Job
from engine.status import JobState
from tests.train import tiny
from tests.train.runs import (
    Home,
    comparable,
    kill_worker,
    until_state,
    until_step,
    weights_hash,
)

pytestmark = [pytest.mark.exact, pytest.mark.xdist_group("edit")]

ROWS, BATCH, ACCUMULATION = 96, 2, 2
STEPS_PER_EPOCH = ROWS // (BATCH * ACCUMULATION)
SCHEDULE = {
    "learning_rate": 2e-3,
    "lr_scheduler_type": "cosine",
    "warmup_steps": 16,
    "num_train_epochs": 3,
    "weight_decay": 0.1,
    "adam_beta2": 0.95,
    "eval_steps": 30,
}


class Paused:
    """A job that was paused early, once; every scenario edits a copy of its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec: dict[str, Any] = {
            "name": "edited",
            "model": {"name": str(tiny.write_model(folder / "model")), "initialize": "random"},
            "adapter": {"type": "lora", "r": 4, "lora_dropout": 0.1},
            "data": {
                "train": str(tiny.write_chats(folder / "data.jsonl", ROWS)),
                "eval": str(tiny.write_chats(folder / "eval.jsonl", 4, seed=9)),
            },
            "training": {
                "per_device_train_batch_size": BATCH,
                "gradient_accumulation_steps": ACCUMULATION,
                "num_train_epochs": 2,
                "learning_rate": 5e-3,
                "max_length": 64,
                "eval_steps": 1000,
            },
            "compute": {"gpus": 0, "threads": 1},
        }
        self.home = Home(folder / "paused")
        try:
            self.job = self.home.submit(self.spec)
            until_step(self.job, 4)
            actions.pause(self.job, by="test")
            status = until_state(self.job, JobState.PAUSED)
        finally:
            self.home.close()
        assert status.checkpoint_step == status.step < STEPS_PER_EPOCH, "paused too late"
        assert status.total_steps == 2 * STEPS_PER_EPOCH
        self.step = status.step

    def copy(self, name: str, of: Job | None = None) -> tuple[Home, Job]:
        """The paused job, or another one, in a home of its own."""
        home = Home(self.folder / name)
        home.store.prepare()
        source = of or self.job
        shutil.copytree(source.folder, home.store.jobs_folder / source.id)
        return home, home.store.find(source.id)


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Paused:
    return Paused(tmp_path_factory.mktemp("edit"))


@pytest.fixture
def homes() -> Iterator[list[Home]]:
    """Homes of one test, closed at its end."""
    opened: list[Home] = []
    yield opened
    for home in opened:
        home.close()


def settings(changes: dict[str, Any]) -> list[str]:
    return [
        part for name, value in changes.items() for part in ("--set", f"training.{name}={value}")
    ]


def finished(home: Home, job: Job) -> dict[str, dict[int, dict[str, float]]]:
    home.call("resume", job.id)
    until_state(job, JobState.COMPLETED)
    return comparable(read_curves(job.metrics_file))


def test_after_an_edit_every_step_has_the_rate_and_the_rows_of_a_fresh_run(
    paused: Paused, homes: list[Home]
) -> None:
    home, job = paused.copy("kept")
    fresh_home = Home(paused.folder / "fresh")
    homes += [home, fresh_home]
    changes = {**SCHEDULE, "per_device_train_batch_size": 1}
    home.call("edit", job.id, "--yes", *settings(changes))
    assert job.observed().total_steps == 3 * STEPS_PER_EPOCH
    curves = finished(home, job)
    edited = curves["train"]

    training = {**paused.spec["training"], **changes, "gradient_accumulation_steps": 4}
    fresh = fresh_home.submit({**paused.spec, "training": training})
    until_state(fresh, JobState.COMPLETED)
    wanted = comparable(read_curves(fresh.metrics_file))["train"]

    last = 3 * STEPS_PER_EPOCH
    assert list(edited) == list(wanted) == list(range(1, last + 1))
    later = range(paused.step + 1, last + 1)
    for key in ("learning_rate", "num_tokens", "epoch"):
        assert [edited[step][key] for step in later] == [wanted[step][key] for step in later], key
    values = {**training, "lr_scheduler_kwargs": None}
    assert [edited[step]["learning_rate"] for step in later] == pytest.approx(
        [rate(values, step, last) for step in later]
    )
    assert list(curves["eval"]) == [30, 60, last]
    before = 5e-3 * (1 - (paused.step - 1) / (2 * STEPS_PER_EPOCH))
    assert edited[paused.step]["learning_rate"] == pytest.approx(before), "the past stays"
    _assert_optimizer_has(job, betas=(0.9, 0.95), weight_decay=0.1)
    commit = checkpoints.committed(job.checkpoints)[-1].facts
    assert (commit["edits"], commit["batches"]) == (
        1,
        [[0, BATCH, ACCUMULATION], [paused.step, 1, 4]],
    )
    assert "training.learning_rate 0.005 -> 0.002" in job.log_file.read_text()


def _assert_optimizer_has(job: Job, **wanted: Any) -> None:
    import torch

    newest = checkpoints.committed(job.checkpoints)[-1].folder
    group = torch.load(newest / "optimizer.pt", weights_only=True)["param_groups"][0]
    assert {name: group[name] for name in wanted} == wanted


def test_an_edited_run_that_is_paused_and_killed_ends_with_the_weights_of_one_left_alone(
    paused: Paused, homes: list[Home]
) -> None:
    """With half the rows a step from the middle of an epoch on, so that its place is counted in rows."""
    home, job = paused.copy("alone")
    homes.append(home)
    half = {**SCHEDULE, "gradient_accumulation_steps": 1}
    home.call("edit", job.id, "--yes", *settings(half))
    total = 3 * ROWS // BATCH - paused.step
    assert job.observed().total_steps == total
    other_home, other = paused.copy("stopped", of=job)
    homes.append(other_home)
    alone = finished(home, job)
    _assert_every_row_came_once_an_epoch(alone["train"], job, paused.step, total)

    other_home.call("resume", other.id)
    until_step(other, paused.step + 5)
    actions.pause(other, by="test")
    until_state(other, JobState.PAUSED)
    other_home.call("resume", other.id)
    until_step(other, total // 2)
    kill_worker(other)
    stopped = finished(other_home, other)
    assert weights_hash(other) == weights_hash(job)
    assert stopped == alone


def _assert_every_row_came_once_an_epoch(
    curve: dict[int, dict[str, float]], job: Job, edited_at: int, total: int
) -> None:
    """An epoch's tokens add up only if no row came twice and none was left out."""
    import orjson

    tokens = orjson.loads(job.manifest_file.read_bytes())["data"]["tokens"]
    per_epoch = ROWS // BATCH
    first = per_epoch - edited_at  # steps of twice the rows stood for two
    edges = [first, first + per_epoch, first + 2 * per_epoch]
    assert edges[-1] == total == max(curve)
    assert [curve[step]["num_tokens"] for step in edges] == [tokens, 2 * tokens, 3 * tokens]
    assert [curve[step]["epoch"] for step in edges] == [1, 2, 3]
