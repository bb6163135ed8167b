"""The orders of rows are pure functions of seed and epoch; every prompt is asked."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.train.sampler import PromptSampler, prompt_order


def sampler(
    rows: int = 7, *, prompts: int = 3, answers: int = 2, batches: int = 4
) -> PromptSampler:
    return PromptSampler(
        rows, prompts=prompts, answers=answers, batches=batches, seed=1, shuffled=True
    )


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 3))
def test_every_prompt_is_asked_in_every_epoch_and_hardly_oftener_than_another(
    rows: int, prompts: int, epoch: int
) -> None:
    groups = prompt_order(rows, prompts, seed=7, epoch=epoch)
    asked = Counter(prompt for group in groups for prompt in group)
    assert set(asked) == set(range(rows))
    assert max(asked.values()) - min(asked.values()) <= 1
    assert all(len(group) == prompts for group in groups)
    assert len(groups) == -(-rows // prompts)


def test_a_round_is_the_same_group_for_each_of_its_batches() -> None:
    drawn = list(sampler())
    assert len(drawn) == len(sampler()) == 3 * 3 * 2 * 4
    for start in range(0, len(drawn), 24):
        batches = [drawn[start + at : start + at + 6] for at in range(0, 24, 6)]
        assert all(batch == batches[0] for batch in batches)
        assert batches[0][::2] == batches[0][1::2], "a prompt's answers are neighbours"


def test_an_epoch_is_found_again_without_those_before_it() -> None:
    lived = sampler()
    first = list(lived)
    lived.set_epoch(1)
    second = list(lived)
    assert first != second
    resumed = sampler()
    resumed.set_epoch(1)
    assert list(resumed) == second == list(resumed)


def test_prompts_that_are_not_shuffled_keep_their_order() -> None:
    assert prompt_order(5, 2, seed=1, epoch=3, shuffled=False) == [[0, 1], [2, 3], [4, 0]]
