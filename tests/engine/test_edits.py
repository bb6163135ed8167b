"""Edits at a pause: what may change, what follows, what is stored, and who may do it when."""

from typing import Any

import pytest
import yaml

from engine import actions, edits, spec
from engine.control import Control
from engine.edits import rate
from engine.errors import MachineError, SpecError, StateError
from engine.files import LineReader, write_json
from engine.job import Job
from engine.lock import Lock
from engine.status import JobState, JobStatus
from engine.store import Store

S = JobState
ROWS = 160
TRAINING = {
    "learning_rate": 2e-4,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 4,
}
STEP = 12


def make_job(store: Store, state: JobState = S.PAUSED, *, step: int = STEP, **changes: Any) -> Job:
    """A job with a real spec that was paused at `step`; 10 steps an epoch, 30 in all."""
    content: dict[str, Any] = {
        "name": "gsm8k",
        "model": {"name": "Qwen/Qwen3-0.6B"},
        "data": {"train": "/data/train.jsonl", "eval": 0.1},
        "training": {**TRAINING, **changes.pop("training", {})},
    } | changes

    def fill(job: Job) -> None:
        job.spec_file.write_text(yaml.safe_dump(content))
        job.write_control(Control())
        job.write_status(JobStatus(state=state, step=step, total_steps=30, attempt=1))
        write_json(job.manifest_file, {"data": {"prepared_rows": ROWS}})
        if step:
            folder = job.checkpoints / f"checkpoint-{step}"
            folder.mkdir(parents=True)
            facts = {"schema": 1, "step": step, "files": {}, "batches": [[0, 4, 4]]}
            write_json(folder / "commit.json", facts)

    return store.create("gsm8k", fill)


def problems(job: Job, **training: Any) -> dict[str, str]:
    """What is wrong with an edit: field -> message and hint."""
    with pytest.raises(SpecError) as refused:
        actions.preview_edit(job, {f"training.{name}": value for name, value in training.items()})
    return {
        problem.field.removeprefix("training."): f"{problem.message} ({problem.hint})"
        for problem in refused.value.problems
    }


def test_an_edit_is_appended_and_the_spec_in_force_has_it(home: Store) -> None:
    job = make_job(home)
    submitted = job.spec_file.read_bytes()
    actions.edit(job, {"training.learning_rate": "1e-4"}, by="cli")
    actions.edit(job, {"training.learning_rate": 5e-5, "training.weight_decay": 0.1}, by="deck")
    assert job.spec_file.read_bytes() == submitted
    lines = list(LineReader(job.edits_file).objects())
    assert [(line["schema"], line["by"], line["at_step"]) for line in lines] == [
        (1, "cli", STEP),
        (1, "deck", STEP),
    ]
    assert lines[0]["changes"] == {"training.learning_rate": {"before": 2e-4, "after": 1e-4}}
    assert lines[1]["changes"]["training.weight_decay"] == {"before": None, "after": 0.1}
    in_force = edits.effective(job)
    assert in_force.training == {**TRAINING, "learning_rate": 5e-5, "weight_decay": 0.1}
    assert spec.fingerprint(in_force) != spec.fingerprint(spec.read_resolved(job.spec_file))
    assert edits.changed(edits.read(job)) == {
        "training.learning_rate": (2e-4, 5e-5),
        "training.weight_decay": (None, 0.1),
    }
    events = [event for event in LineReader(job.events_file).objects() if event["kind"] == "edit"]
    assert [event["step"] for event in events] == [STEP, STEP]
    assert events[0]["changes"] == lines[0]["changes"]


def test_an_edit_that_was_torn_never_happened(home: Store) -> None:
    job = make_job(home)
    with job.edits_file.open("ab") as file:
        file.write(b'{"schema": 1, "changes": {"training.lear')
    assert edits.effective(job).training == TRAINING
    actions.edit(job, {"training.learning_rate": 1e-4}, by="cli")
    assert edits.effective(job).training["learning_rate"] == 1e-4
    assert len(edits.read(job)) == 1


def test_null_puts_the_default_back(home: Store) -> None:
    job = make_job(home, training={"weight_decay": 0.1})
    preview = actions.edit(job, {"training.weight_decay": None}, by="cli")
    (change,) = preview.changes
    assert (change.shown_before, change.shown_after) == ("0.1", "0 (default)")
    assert "weight_decay" not in edits.effective(job).training


def test_what_is_in_force_already_is_no_edit(home: Store) -> None:
    job = make_job(home)
    assert not actions.edit(job, {"training.learning_rate": "2e-4"}, by="cli").changes
    assert not actions.edit(job, {"training.weight_decay": 0}, by="cli").changes
    assert not job.edits_file.exists()


def test_a_preview_writes_nothing(home: Store) -> None:
    job = make_job(home)
    before = {path: path.read_bytes() for path in job.folder.rglob("*") if path.is_file()}
    preview = actions.preview_edit(job, {"training.num_train_epochs": 5})
    assert (preview.total_steps_before, preview.total_steps, preview.at_step) == (30, 50, STEP)
    after = {path: path.read_bytes() for path in job.folder.rglob("*") if path.is_file()}
    assert {p: b for p, b in after.items() if p.name != "worker.lock"} == before


@pytest.mark.parametrize("state", [S.PAUSED, S.INTERRUPTED, S.FAILED, S.CANCELLED])
def test_a_job_at_rest_is_edited_and_stays_as_it_is(home: Store, state: JobState) -> None:
    job = make_job(home, state)
    actions.edit(job, {"training.num_train_epochs": 4}, by="cli")
    assert (job.observed().state, job.observed().total_steps) == (state, 40)


@pytest.mark.parametrize(
    ("state", "why", "hint"),
    [
        (S.QUEUED, "waits in the queue", "tunedeck pause"),
        (S.COMPLETED, "is completed", "tunedeck submit"),
    ],
)
def test_edit_is_refused_in(home: Store, state: JobState, why: str, hint: str) -> None:
    job = make_job(home, state)
    with pytest.raises(StateError, match=why) as refused:
        actions.edit(job, {"training.learning_rate": 1e-4}, by="cli")
    assert hint in refused.value.hint
    assert not job.edits_file.exists()


def test_a_job_with_a_worker_is_not_edited(home: Store) -> None:
    job = make_job(home, S.RUNNING)
    lock = Lock.take(job.worker_lock)
    assert lock is not None
    with lock, pytest.raises(StateError, match="has a living worker") as refused:
        actions.edit(job, {"training.learning_rate": 1e-4}, by="cli")
    assert f"tunedeck pause {job.id} --wait" in refused.value.hint
    actions.edit(job, {"training.learning_rate": 1e-4}, by="cli")
    assert job.stored().state is S.INTERRUPTED, "its worker is gone: that is stored first"


def test_a_smaller_batch_keeps_the_rows_of_a_step(home: Store) -> None:
    job = make_job(home)
    preview = actions.edit(job, {"training.per_device_train_batch_size": 2}, by="cli")
    asked, derived = preview.changes
    assert (asked.field, asked.derived) == ("training.per_device_train_batch_size", "")
    assert (derived.field, derived.before, derived.after, derived.derived) == (
        "training.gradient_accumulation_steps",
        4,
        8,
        "keeps 16 rows a step",
    )
    assert preview.total_steps == preview.total_steps_before == 30
    assert edits.effective(job).training["gradient_accumulation_steps"] == 8
    assert "choose from 1, 2, 4, 8, 16" in problems(job, per_device_train_batch_size=3).popitem()[1]


def test_both_set_change_the_rows_of_a_step_where_its_place_can_be_kept(home: Store) -> None:
    job = make_job(home)
    halved = actions.preview_edit(job, {"training.gradient_accumulation_steps": 2})
    assert (halved.total_steps_before, halved.total_steps) == (30, 12 + (480 - 192) // 8)
    assert "a step takes 8 rows instead of 16, as 2 x 4" in " ".join(halved.consequences)
    assert "after row 32 of epoch 2" in " ".join(halved.consequences)
    refused = problems(job, per_device_train_batch_size=5, gradient_accumulation_steps=2)
    assert "32 rows of epoch 2 are trained" in refused["per_device_train_batch_size"]
    unbegun = make_job(home, step=0)
    both = {"training.per_device_train_batch_size": 5, "training.gradient_accumulation_steps": 2}
    assert actions.preview_edit(unbegun, both).total_steps == 48


def test_the_place_is_not_guessed_where_the_rows_were_never_recorded(home: Store) -> None:
    job = make_job(home)
    write_json(job.manifest_file, {"data": {}})
    assert "resume the job and pause it again" in str(problems(job, gradient_accumulation_steps=2))
    kept = actions.edit(job, {"training.per_device_train_batch_size": 2}, by="cli")
    assert kept.total_steps is None
    assert "is known when it goes on" in kept.consequences[0]


def test_the_end_cannot_be_moved_behind_what_is_done(home: Store) -> None:
    job = make_job(home)
    assert "would end at step 12, and 12 are done" in problems(job, max_steps=12)["max_steps"]
    assert "would end at step 10" in problems(job, num_train_epochs=1)["num_train_epochs"]
    assert "-1 to go by epochs" in problems(job, max_steps=0)["max_steps"]
    assert actions.preview_edit(job, {"training.max_steps": 13}).total_steps == 13
    fixed = make_job(home, training={"max_steps": 30})
    assert "set training.max_steps=-1 as well" in problems(fixed, num_train_epochs=5).popitem()[1]
    both = {"training.num_train_epochs": 5, "training.max_steps": -1}
    assert actions.preview_edit(fixed, both).total_steps == 50


def test_what_cannot_change_is_refused_with_its_reason_and_all_at_once(home: Store) -> None:
    job = make_job(home)
    with pytest.raises(SpecError) as refused:
        actions.edit(
            job,
            {
                "training.seed": 7,
                "training.max_length": 512,
                "training.packing": True,
                "training.lerning_rate": 1e-4,
                "training.weight_decay": "much",
                "training.output_dir": "/tmp",
                "model.name": "other",
                "adapter.r": 4,
                "data.train": "other.jsonl",
                "learning_rate": 1e-4,
            },
            by="cli",
        )
    found = {problem.field: f"{problem}" for problem in refused.value.problems}
    assert len(found) == 10
    assert "order and dropout come from it" in found["training.seed"]
    assert "the data is cut to it" in found["training.max_length"]
    assert "cannot be edited" in found["training.packing"]
    assert "did you mean learning_rate?" in found["training.lerning_rate"]
    assert "is not a number" in found["training.weight_decay"]
    assert "set by tunedeck" in found["training.output_dir"]
    assert "belong to this model" in found["model.name"]
    assert "this adapter's weights" in found["adapter.r"]
    assert "the data that the run began with" in found["data.train"]
    assert "write training.learning_rate" in found["learning_rate"]
    assert "duplicate this one" in refused.value.hint
    assert not job.edits_file.exists()


def test_an_edit_without_effect_is_said_instead_of_stored(home: Store) -> None:
    job = make_job(home)
    constant = make_job(home, training={"lr_scheduler_type": "constant"})
    by_epoch = make_job(home, training={"eval_strategy": "epoch", "save_strategy": "no"})
    blind = make_job(home, data={"train": "/data/train.jsonl"})
    plateau = make_job(home, training={"lr_scheduler_type": "reduce_lr_on_plateau"})
    assert "constant_with_warmup" in problems(constant, warmup_steps=5)["warmup_steps"]
    assert (
        "set training.eval_strategy=steps as well" in problems(by_epoch, eval_steps=5).popitem()[1]
    )
    assert (
        "set training.save_strategy=steps as well" in problems(by_epoch, save_steps=5).popitem()[1]
    )
    assert "no evaluation data" in problems(blind, eval_steps=5)["eval_steps"]
    assert "follows what was measured" in problems(plateau, learning_rate=1e-4)["learning_rate"]
    greedy = problems(job, lr_scheduler_type="greedy")["lr_scheduler_type"]
    assert "choose a schedule that follows the step" in greedy
    sgd = make_job(home, training={"optim": "sgd"})
    assert "no effect with the optimizer sgd" in problems(sgd, adam_beta1=0.8)["adam_beta1"]


def test_the_consequences_name_the_next_rate(home: Store) -> None:
    job = make_job(home)
    said = actions.preview_edit(job, {"training.num_train_epochs": 6}).consequences
    assert said[0] == "the run has 60 steps instead of 30, 48 of them still to come"
    assert said[2] == "at step 13 it is 0.00016 instead of 0.00012"
    assert said[-1].startswith("it goes on from the checkpoint of step 12")


def test_the_fields_that_can_be_edited_come_with_their_values(home: Store) -> None:
    fields = {field.field: field for field in actions.editable(make_job(home))}
    rate_field = fields["training.learning_rate"]
    assert (rate_field.value, rate_field.is_default, rate_field.type) == (2e-4, False, "float")
    assert fields["training.eval_strategy"].choices == ("no", "steps", "epoch")
    assert (fields["training.eval_strategy"].value, fields["training.eval_steps"].value) == (
        "steps",
        0.1,
    )
    assert fields["training.save_total_limit"].is_default
    assert all(field.help and field.group and not field.fixed for field in fields.values())
    blind = actions.editable(make_job(home, data={"train": "/data/train.jsonl"}))
    why = {field.field: field.fixed for field in blind}
    assert "no evaluation data" in why["training.eval_steps"]


def test_an_edit_follows_the_edit_before_it(home: Store) -> None:
    """Two edits at one pause: the batch in force, not the one that was trained with, is the present."""
    job = make_job(home)
    actions.edit(job, {"training.gradient_accumulation_steps": 2}, by="cli")
    again = actions.edit(job, {"training.per_device_train_batch_size": 2}, by="cli")
    assert again.changes[1].after == 4
    back = actions.edit(
        job,
        {"training.per_device_train_batch_size": 4, "training.gradient_accumulation_steps": 4},
        by="cli",
    )
    assert (back.total_steps_before, back.total_steps) == (48, 30)
    assert edits.effective(job).training == TRAINING


def test_a_full_disk_is_one_clear_error_and_no_edit(home: Store) -> None:
    job = make_job(home)
    job.edits_file.symlink_to("/dev/full")
    with pytest.raises(MachineError, match="cannot be written: No space left"):
        actions.edit(job, {"training.num_train_epochs": 5}, by="cli")
    assert (edits.effective(job).training, job.stored().total_steps) == (TRAINING, 30)


def test_the_usual_schedules_are_known_without_torch() -> None:
    linear = {"learning_rate": 1.0, "lr_scheduler_type": "linear", "warmup_steps": 4}
    assert [rate.rate(linear, step, 8) for step in range(1, 9)] == [
        *(0, 0.25, 0.5, 0.75),
        *(1, 0.75, 0.5, 0.25),
    ]
    share = {**linear, "warmup_steps": 0.5}
    assert rate.rate(share, 3, 8) == 0.5
    assert rate.rate({**linear, "lr_scheduler_type": "constant"}, 1, 8) == 1
    assert rate.rate({**linear, "lr_scheduler_type": "cosine"}, 7, 8) == pytest.approx(0.5)
    assert rate.rate({**linear, "lr_scheduler_type": "polynomial"}, 7, 8) is None
    assert rate.rate({**linear, "lr_scheduler_kwargs": {"num_cycles": 2}}, 7, 8) is None
