import math
from pathlib import Path
from typing import Any

import pytest

from engine import checkpoints, yardstick
from engine.checkpoints import Checkpoint
from engine.errors import SpecError
from engine.spec import build
from engine.yardstick import Yardstick

LOSS, REWARD = Yardstick("eval_loss"), Yardstick("eval_reward", greater_is_better=True)


def spec(**sections: Any) -> Any:
    given = {"model": {"name": "m"}, "data": {"train": "d.jsonl"}, **sections}
    return build(given, source="test", base_folder=Path("/"))


@pytest.mark.parametrize(
    ("values", "threshold", "expected"),
    [
        ([], 0.0, 0),
        ([3.0], 0.0, 0),
        ([3.0, 2.0, 1.0], 0.0, 0),
        ([3.0, 3.0], 0.0, 1),
        ([3.0, 2.0, 2.5, 2.4], 0.0, 2),
        ([3.0, 2.9, 2.8], 0.5, 2),  # both gains are too small, and each raises what is to be beaten
        ([3.0, 2.9, 2.3], 0.5, 0),
        ([math.nan, 2.0], 0.0, 0),
        ([2.0, math.nan, math.nan], 0.0, 2),
    ],
)
def test_evaluations_without_a_gain_are_counted(
    values: list[float], threshold: float, expected: int
) -> None:
    assert yardstick.without_gain(values, LOSS, threshold) == expected
    assert yardstick.without_gain([-value for value in values], REWARD, threshold) == expected


def test_the_log_tells_what_was_measured_where() -> None:
    history = [
        {"loss": 2.0, "step": 5},
        {"eval_loss": 1.5, "eval_reward": 0.2, "step": 5},
        {"eval_loss": 1.2, "eval_reward": 0.6, "step": 10},
        {"eval_loss": math.nan, "eval_reward": 0.5, "step": 15},
    ]
    assert REWARD.measured(history) == [(5, 0.2), (10, 0.6), (15, 0.5)]
    assert yardstick.best(REWARD.measured(history), REWARD) == (10, 0.6)
    assert yardstick.best(LOSS.measured(history), LOSS) == (10, 1.2)
    assert REWARD.at(history, 10) == {
        "metric": "eval_reward",
        "value": 0.6,
        "greater_is_better": True,
    }
    assert LOSS.at(history, 7) is None


def test_a_run_is_judged_by_its_loss_grpo_by_its_reward_and_else_as_the_spec_says() -> None:
    assert yardstick.of(spec()) == LOSS
    assert yardstick.of(spec(method="grpo", rewards=[{"type": "exact"}])) == REWARD
    named = spec(method="dpo", training={"metric_for_best_model": "rewards/margins"})
    assert yardstick.of(named) == Yardstick("eval_rewards/margins", greater_is_better=True)
    turned = {"metric_for_best_model": "eval_entropy", "greater_is_better": False}
    assert yardstick.of(spec(training=turned)) == Yardstick("eval_entropy")


def kept(step: int, value: float | None, **how: Any) -> Checkpoint:
    judged = {"metric": "eval_reward", "value": value, "greater_is_better": True, **how}
    return Checkpoint(Path(f"checkpoint-{step}"), step, {"judged": judged, "eval_loss": 1.0 / step})


def test_the_best_checkpoint_goes_by_what_the_run_is_judged_by() -> None:
    good = [kept(1, 0.1), kept(2, 0.9), kept(3, 0.9), kept(4, 0.5), kept(5, None)]
    assert checkpoints.best(good) == good[1]  # the losses would say 4
    changed = [*good, kept(6, 2.0, metric="eval_loss", greater_is_better=False)]
    assert checkpoints.best(changed) == changed[-1]
    broken = Checkpoint(Path("c"), 9, {"judged": {"metric": 7, "value": "high"}})
    assert checkpoints.best([broken]) is None
    older = [
        Checkpoint(Path("c"), step, {"eval_loss": loss}) for step, loss in ((1, 0.4), (2, 0.3))
    ]
    assert checkpoints.best(older) == older[1]


def test_early_stopping_needs_evaluations() -> None:
    for sections in (
        {"data": {"train": "d.jsonl"}},
        {"data": {"train": "d.jsonl", "eval": 0.1}, "training": {"eval_strategy": "no"}},
    ):
        with pytest.raises(SpecError) as caught:
            spec(early_stopping={"patience": 2}, **sections)
        assert [one.field for one in caught.value.problems] == ["early_stopping"]


def test_a_prompt_that_says_nothing_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        spec(samples={"prompts": ["x", ""]})
    assert "samples.prompts" in caught.value.problems[0].field


def test_a_checkpoint_of_a_run_that_stopped_early_is_its_last() -> None:
    assert Checkpoint(Path("c"), 5, {"total_steps": 9, "stopped_early": "enough"}).is_last
    assert not Checkpoint(Path("c"), 5, {"total_steps": 9, "stopped_early": None}).is_last
