"""Jobs side by side: which fields differ, what came of each, and its metrics on a common axis."""

import csv
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.compare import ABSENT, compare, differences, labels, to_csv
from engine.compare.results import Result, Unit, results
from engine.compare.side import MEMORY, SideReader, metrics, read_side, series, smoothed
from engine.edits import Edit
from engine.edits import append as append_edit
from engine.job import Job
from engine.status import JobState
from engine.store import Store
from tests.engine.cli_jobs import GIB, make_job, measure


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


def measured(store: Store, name: str = "one", **how: Any) -> Job:
    job = make_job(store, JobState.COMPLETED, name=name, step=how.get("steps", 40))
    measure(job, **how)
    return job


def by_name(found: tuple[Result, ...]) -> dict[str, Result]:
    return {one.name: one for one in found}


# --- specs ----------------------------------------------------------------------------------------


def test_only_the_fields_that_differ_are_told_with_a_dash_where_one_is_not_set() -> None:
    base = {"name": "a", "model": {"name": "m"}, "training": {"learning_rate": 2e-4, "seed": 1}}
    other = {
        "name": "b",
        "model": {"name": "m"},
        "training": {"learning_rate": 1e-05, "seed": 1, "warmup_steps": 20},
    }
    found = differences([base, other, base])
    assert [(one.field, one.values) for one in found] == [
        ("training.learning_rate", ("0.0002", "1e-05", "0.0002")),
        ("training.warmup_steps", (ABSENT, "20", ABSENT)),
    ]
    assert differences([base, base]) == ()


def test_values_differ_by_what_they_mean_not_by_how_they_are_written() -> None:
    def told(one: object, other: object) -> bool:
        return bool(differences([{"x": one}, {"x": other}]))

    assert not told(16, 16.0)
    assert told(1, True)
    assert told(["q_proj", 1], ["q_proj", True])
    assert not told(["q_proj", 1], ["q_proj", 1.0])
    assert told("1", 1)
    assert told(None, "null")


def test_a_field_keeps_its_section_together_and_a_list_is_one_value() -> None:
    first = {"adapter": {"r": 8}, "training": {"seed": 1}}
    second = {"adapter": {"r": 16, "target_modules": ["q", "v"], "bias": True}, "training": {}}
    found = differences([first, second])
    assert [one.field for one in found] == [
        "adapter.r",
        "adapter.target_modules",
        "adapter.bias",
        "training.seed",
    ]
    assert found[1].values == (ABSENT, "[q, v]")
    assert found[2].values == (ABSENT, "true")


def test_paths_are_told_without_the_folders_that_they_share() -> None:
    long = {"data": {"train": "/home/me/data/a/train.jsonl"}}
    other = {"data": {"train": "/home/me/data/b/train.jsonl"}}
    [found] = differences([long, other])
    assert found.short == ("…/a/train.jsonl", "…/b/train.jsonl")
    [found] = differences([long, {"data": {"train": "org/dataset"}}])
    assert found.short == found.values
    [found] = differences([{"d": "/a.jsonl"}, {"d": "/b.jsonl"}])
    assert found.short == ("/a.jsonl", "/b.jsonl")


def test_nothing_in_a_spec_steers_a_terminal() -> None:
    [found] = differences([{"x": "\x1b[31mred\u202e"}, {"x": "b\nc"}])
    assert found.values == ("red", "b c")


def test_labels_leave_the_date_out_unless_two_would_read_alike() -> None:
    assert labels(["2026-11-20-a-b-7f3a", "2026-11-21-c-0000"]) == ("a-b-7f3a", "c-0000")
    same = ["2026-11-20-a-7f3a", "2026-11-21-a-7f3a"]
    assert labels(same) == tuple(same)


# --- results --------------------------------------------------------------------------------------


def test_results_are_final_best_and_mean_with_what_they_cost(store: Store) -> None:
    slow = read_side(measured(store, "slow", rate=1e-4, gpu=True))
    fast = read_side(measured(store, "fast", steps=20, rate=4e-4, tokens_per_step=300))
    found = by_name(results([slow, fast]))
    assert found["final loss"].values == pytest.approx((1 + 2 / 21, 1 + 2 / 41))
    assert found["final loss"].best == frozenset({1})
    best = found["best eval loss"]
    assert list(best.steps) == [40, 20]
    assert best.words(0) == "1.195 at 40"
    assert list(found["tokens"].values) == [4000, 6000]
    assert found["tokens/s, mean"].values == pytest.approx((100, 300))
    assert found["tokens/s, mean"].best == frozenset({1})
    assert list(found["steps"].values) == [40, 20]
    assert list(found["time of work"].values) == [39, 19]
    assert list(found["peak GPU memory"].values) == [12 * GIB, None]
    assert found["peak GPU memory"].words(1) == "-"
    assert found["peak process memory"].best == frozenset()
    assert "exact match" not in found, "nobody measured it"


def test_the_best_evaluation_is_not_the_last_one(store: Store) -> None:
    job = make_job(store, JobState.COMPLETED)
    job.metrics_file.write_text(
        "".join(
            f'{{"kind": "eval", "step": {step}, "eval_loss": {loss}}}\n'
            for step, loss in ((10, 0.9), (20, 0.5), (30, 0.7))
        )
    )
    found = by_name(results([read_side(job)]))
    assert found["best eval loss"].words(0) == "0.5 at 20"
    assert found["final eval loss"].values == (0.7,)


def test_the_mean_speed_is_all_tokens_over_all_the_time(store: Store) -> None:
    job = make_job(store, JobState.COMPLETED)
    job.metrics_file.write_text(
        '{"kind": "train", "step": 1, "num_tokens": 100, "tokens_per_second": 100}\n'
        '{"kind": "train", "step": 2, "num_tokens": 1000, "tokens_per_second": 10}\n'
    )
    [speed] = by_name(results([read_side(job)]))["tokens/s, mean"].values
    assert speed == pytest.approx(1000 / (1 + 90))


def test_a_loss_that_ended_as_no_number_is_told_and_never_the_best(store: Store) -> None:
    broken = read_side(measured(store, "broken", broken_from=30))
    fine = read_side(measured(store, "fine"))
    final = by_name(results([broken, fine]))["final loss"]
    assert final.words(0) == "NaN"
    assert final.best == frozenset()
    three = Result("x", Unit.NUMBER, (math.nan, 2.0, 1.0), lower_is_better=True)
    assert three.best == frozenset({2})


def test_pauses_are_no_work(store: Store) -> None:
    once = read_side(measured(store, "once"))
    paused = read_side(measured(store, "paused", attempts=2))
    found = by_name(results([once, paused]))["time of work"]
    assert found.values[1] == pytest.approx(found.values[0], abs=1)


def test_another_metric_gets_lines_of_its_own(store: Store) -> None:
    side = read_side(measured(store, rate=3e-4))
    names = by_name(compare([side], "learning_rate").results)
    assert names["highest learning_rate"].values == (3e-4,)
    assert "final learning_rate" not in by_name(compare([side]).results)


def test_a_job_that_never_ran_has_only_dashes(store: Store) -> None:
    waits = read_side(make_job(store, JobState.QUEUED))
    ran = read_side(measured(store))
    assert not waits.measured
    assert all(one.words(0) == "-" for one in results([waits, ran]))
    assert results([waits]) == ()


# --- curves ---------------------------------------------------------------------------------------


def test_a_metric_brings_its_evaluations_along_on_the_same_axis(store: Store) -> None:
    side = read_side(measured(store, attempts=2, tokens_per_step=50))
    by_step = series(side, "loss")
    assert by_step.line.xs[-1] == 40
    assert by_step.dots.xs.tolist() == [10, 20, 30, 40]
    assert series(side, "loss", "tokens").dots.xs.tolist() == [500, 1000, 1500, 2000]
    assert series(side, "loss", "time").end < 60, "the hour between the attempts is no work"
    only_dots = series(side, "eval_loss")
    assert (len(only_dots.line), len(only_dots.dots)) == (0, 4)
    assert not series(side, "reward")


def test_memory_is_the_gpus_or_the_process_s_and_goes_by_time(store: Store) -> None:
    on_gpu = read_side(measured(store, gpu=True))
    on_cpu = read_side(measured(store, "cpu"))
    assert not series(on_gpu, MEMORY)
    assert series(on_gpu, MEMORY, "time").line.ys.max() == 12 * GIB
    assert series(on_gpu, MEMORY, "time").what == "GPU memory"
    assert series(on_cpu, MEMORY, "time").what == "process memory"
    known = ["loss", "learning_rate", "num_tokens", "tokens_per_second", "eval_loss", MEMORY]
    assert metrics([on_gpu, on_cpu]) == known


def test_what_has_no_noise_is_not_averaged(store: Store) -> None:
    side = read_side(measured(store, steps=100))
    rate, loss = (series(side, name).line for name in ("learning_rate", "loss"))
    assert smoothed(rate, "learning_rate") is rate
    assert smoothed(loss, "loss") is not loss


def test_the_spec_in_force_is_compared_not_the_one_that_was_given(store: Store) -> None:
    job = make_job(store, JobState.PAUSED)
    before = read_side(job)
    changes = {"training.learning_rate": {"before": None, "after": 1e-5}}
    append_edit(job, Edit(at="", by="cli", at_step=1, changes=changes))
    [found] = differences([before.spec, read_side(job).spec])
    assert (found.field, found.values) == ("training.learning_rate", (ABSENT, "1e-05"))


def test_a_reader_goes_on_where_it_was_and_keeps_what_it_read_of_a_job_that_is_gone(
    store: Store,
) -> None:
    job = measured(store, steps=10)
    reader = SideReader(job)
    first = reader.read()
    measure(job, 0)
    with job.metrics_file.open("a") as file:
        file.write('{"kind": "train", "step": 11, "loss": 0.5}\n')
    second = reader.read()
    assert [len(side.curves.curve("train", "loss")) for side in (first, second)] == [10, 11]
    store.remove(job)
    assert len(reader.read().spec) == len(first.spec)


# --- the file -------------------------------------------------------------------------------------


def test_the_file_has_a_line_for_each_job_kind_and_step(store: Store) -> None:
    one = read_side(measured(store, "one", steps=10, broken_from=10))
    two = read_side(measured(store, "two", steps=10, rate=1e-4))
    rows = list(csv.DictReader(io.StringIO(to_csv([one, two]))))
    assert len(rows) == 2 * (10 + 1)
    assert list(rows[0])[:5] == ["job", "kind", "step", "tokens", "seconds"]
    last = next(row for row in rows if row["kind"] == "train" and row["step"] == "10")
    assert last["loss"] == "nan"
    assert (last["job"], last["tokens"], last["seconds"]) == (one.id, "1000", "9")
    assert last["eval_loss"] == "", "not measured is not the same as no number"
    evaluated = next(row for row in rows if row["kind"] == "eval" and row["job"] == two.id)
    assert float(evaluated["eval_loss"]) == two.curves.curve("eval", "eval_loss").ys[-1]
    assert evaluated["tokens"] == "1000"


def test_numbers_in_the_file_read_back_exactly(store: Store) -> None:
    side = read_side(measured(store))
    rows = csv.DictReader(io.StringIO(to_csv([side])))
    losses = [float(row["loss"]) for row in rows if row["kind"] == "train"]
    assert np.array_equal(losses, side.curves.curve("train", "loss").ys)


def test_an_axis_that_was_not_measured_is_empty_in_the_file(store: Store) -> None:
    job = make_job(store, JobState.COMPLETED)
    job.metrics_file.write_text('{"kind": "train", "step": 1, "loss": 2.5}\n')
    [row] = list(csv.DictReader(io.StringIO(to_csv([read_side(job)]))))
    assert (row["tokens"], row["loss"]) == ("", "2.5")
