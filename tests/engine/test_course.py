"""The place in the data after changed batches: every row once an epoch, whatever was changed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.edits.course import Batch, Course, stored_batches
from engine.errors import StateError


def course(rows: int = 100, *, drop_last: bool = False, rows_at_a_time: int = 4) -> Course:
    return Course(rows, drop_last, (Batch(0, rows_at_a_time, 2),))


def trained(plan: Course, total: int) -> list[tuple[int, int, int]]:
    """Epoch, first row and end of the rows of every step, each step by the course in force then."""
    found = []
    for step in range(total):
        batches = tuple(b for b in plan.batches if b.from_step <= step)
        now = Course(plan.rows, plan.drop_last, batches)
        epoch, seen = now.place(step)
        found.append((epoch, seen, min(plan.rows, seen + batches[-1].rows_per_step)))
    return found


@given(
    rows=st.integers(1, 200),
    first=st.tuples(st.integers(1, 5), st.integers(1, 4)),
    changes=st.lists(
        st.tuples(st.integers(0, 40), st.integers(1, 12), st.integers(1, 6)), max_size=4
    ),
    epochs=st.integers(1, 3),
)
def test_every_row_comes_once_an_epoch_however_often_the_batch_is_changed(
    rows: int, first: tuple[int, int], changes: list[tuple[int, int, int]], epochs: int
) -> None:
    plan = Course(rows, False, (Batch(0, *first),))
    for step, at_a_time, accumulation in sorted(changes):
        try:
            plan = plan.continued(step, at_a_time, accumulation)
        except StateError:
            continue
    total = plan.total_steps(-1, epochs)
    if total < plan.batches[-1].from_step:
        return  # the last change came after that many epochs
    seen: dict[int, list[int]] = {epoch: [] for epoch in range(epochs)}
    for epoch, start, end in trained(plan, total):
        seen[epoch] += range(start, end)
    assert all(taken == list(range(rows)) for taken in seen.values())
    assert plan.epochs_begun(total) == epochs


def test_a_batch_that_cannot_continue_is_refused_with_those_that_can() -> None:
    plan = course()  # 13 steps an epoch
    with pytest.raises(StateError, match="at step 3 24 rows of epoch 1 are trained") as refused:
        plan.continued(3, 5, 2)
    assert "keep 8 rows a step, choose 6, 8 or 12, or pause" in refused.value.hint
    assert "(step 13)" in refused.value.hint
    halved = plan.continued(3, 4, 1)
    assert (halved.place(3), halved.place(4)) == ((0, 24), (0, 28))
    assert plan.continued(13, 5, 2).place(13) == (1, 0), "at an epoch's edge anything goes"


def test_the_same_rows_a_step_in_other_portions_change_neither_place_nor_length() -> None:
    plan = course().continued(17, 1, 8)
    for step in range(17, 60):
        assert plan.place(step) == course().place(step)
    for epochs in (1.5, 2.0, 3.0):
        assert plan.total_steps(-1, epochs) == course().total_steps(-1, epochs)
    assert plan.total_steps(30, 3) == 30


def test_without_a_change_it_counts_as_the_trainer_does() -> None:
    for rows in (1, 7, 8, 99, 100, 101):
        for drop_last in (False, True):
            plan = course(rows, drop_last=drop_last)
            batches = rows // 4 if drop_last else math.ceil(rows / 4)
            per_epoch = max(1, math.ceil(batches / 2))
            assert plan.total_steps(-1, 2.5) == math.ceil(2.5 * per_epoch)
            assert (plan.offset, plan.changed) == (0, False)


def test_a_change_before_it_took_effect_is_replaced() -> None:
    changed = course().continued(13, 2, 2)
    assert changed.continued(13, 4, 2).batches == (Batch(0, 4, 2),)
    assert changed.continued(13, 8, 1).batches == (Batch(0, 4, 2), Batch(13, 8, 1))
    assert changed.continued(0, 8, 1).batches == (Batch(0, 8, 1),)
    fallen_back = changed.continued(5, 2, 2)
    assert fallen_back.batches == (Batch(0, 4, 2), Batch(5, 2, 2)), "an older checkpoint"


def test_an_epoch_keeps_the_length_groups_that_it_began_with() -> None:
    plan = course().continued(15, 4, 1)  # in the second epoch
    assert [plan.rows_per_step_of(epoch) for epoch in range(4)] == [8, 8, 4, 4]
    at_the_edge = course().continued(13, 4, 1)
    assert [at_the_edge.rows_per_step_of(epoch) for epoch in range(3)] == [8, 4, 4]


def test_batches_survive_the_commit_and_older_commits_have_the_first_one() -> None:
    plan = course().continued(13, 2, 2)
    first = Batch(0, 9, 9)
    assert stored_batches({"batches": plan.to_json()}, first) == plan.batches
    assert stored_batches({}, first) == (first,)
