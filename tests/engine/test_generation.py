"""How answers are divided into batches: what is chosen, and what is refused with a way out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.generation import completion_tokens, divide, problems

BATCH, ACCUMULATION = "per_device_train_batch_size", "gradient_accumulation_steps"
EVAL_BATCH = "per_device_eval_batch_size"


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({}, {"num_generations": 8}),
        ({BATCH: 4}, {"num_generations": 4}),
        ({BATCH: 4, ACCUMULATION: 4}, {"num_generations": 8}),
        ({BATCH: 6, ACCUMULATION: 3}, {"num_generations": 6}),
        ({BATCH: 11}, {"num_generations": 11}),
        ({BATCH: 2, "steps_per_generation": 8}, {"num_generations": 8}),
        ({"num_generations": 4}, {}),
        ({"num_generations": 6}, {BATCH: 6}),
        ({"num_generations": 16}, {BATCH: 8, ACCUMULATION: 2}),
        ({"num_generations": 6, BATCH: 4}, {ACCUMULATION: 3}),
        ({"num_generations": 6, ACCUMULATION: 4}, {BATCH: 3}),
        ({"generation_batch_size": 12}, {BATCH: 6, "num_generations": 6}),
    ],
)
def test_what_is_left_open_is_chosen_to_fit(asked: dict[str, int], chosen: dict[str, int]) -> None:
    made = divide(asked, has_eval=False)
    assert made.chosen == chosen
    assert not made.problems


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"num_generations": 1}, "2 or more"),
        (
            {"num_generations": 6, BATCH: 4, ACCUMULATION: 4},
            "training.num_generations: 6 answers to a prompt do not divide the 16 of a round "
            "(per_device_train_batch_size x gradient_accumulation_steps) "
            "(use num_generations: 2 or 4 or 8, or gradient_accumulation_steps: 3)",
        ),
        ({BATCH: 1, ACCUMULATION: 1}, "set it to 8"),
        ({BATCH: 4, "generation_batch_size": 10}, "use a multiple of 4"),
        ({"steps_per_generation": 2, "generation_batch_size": 16}, "give one of the two"),
        ({"num_generations": 4, EVAL_BATCH: 6}, "6 rows are no whole number of groups of 4"),
    ],
)
def test_what_cannot_fit_is_refused_with_a_way_out(asked: dict[str, int], said: str) -> None:
    (problem,) = problems(asked, effective=None, full=False)
    assert said in str(problem)


def test_evaluations_hold_whole_groups() -> None:
    assert divide({BATCH: 16, "num_generations": 4}, has_eval=True).chosen[EVAL_BATCH] == 16
    assert divide({"num_generations_eval": 3}, has_eval=True).chosen[EVAL_BATCH] == 6
    assert not divide({"num_generations": 4, EVAL_BATCH: 8}, has_eval=True).problems


def test_an_effective_batch_must_hold_whole_groups_too() -> None:
    assert not problems({}, effective=24, full=False)
    assert problems({"num_generations": 7}, effective=24, full=False)


def test_a_reference_that_moves_needs_a_model_of_its_own() -> None:
    moves: dict[str, Any] = {"sync_ref_model": True, "beta": 0.1}
    assert not problems(moves, effective=None, full=True)
    assert problems(moves, effective=None, full=False)
    assert problems({"sync_ref_model": True}, effective=None, full=True)


def test_half_of_a_short_context_is_for_the_answer() -> None:
    assert completion_tokens({}, 128) == 64
    assert completion_tokens({}, 32_768) == 256
    assert completion_tokens({}, None) == 256
    assert completion_tokens({"max_completion_length": 40}, 128) == 40


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "num_generations": st.integers(2, 20),
            BATCH: st.integers(1, 20),
            ACCUMULATION: st.integers(1, 9),
            "steps_per_generation": st.integers(1, 9),
            EVAL_BATCH: st.integers(1, 40),
        },
    )
)
def test_what_is_not_refused_is_what_trl_takes(asked: dict[str, int]) -> None:
    """TRL's own conditions, in `GRPOConfig.__post_init__`."""
    made = divide(asked, has_eval=True)
    assert not set(made.chosen) & set(asked), "what was asked for is not changed"
    if made.problems:
        return
    values = {BATCH: 8, ACCUMULATION: 1, **asked, **made.chosen}
    steps = values.get("steps_per_generation") or values[ACCUMULATION]
    answers = values.get("num_generations", 8)
    assert answers >= 2
    assert values[BATCH] * steps % answers == 0
    assert values[EVAL_BATCH] % answers == 0
