"""Guests of a run: the trackers, and early stopping beside the library's own."""

import random
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.integrations import integration_utils

from engine import yardstick
from engine.train import trackers
from engine.yardstick import Yardstick


class Told(TrainerCallback):
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.events.append("on_step_end")

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        self.events.append(f"on_log {kwargs['logs']}")


class Breaking(TrainerCallback):
    """Raises at its second log."""

    logs = 0

    def on_log(self, *args: Any, **kwargs: Any) -> None:
        self.logs += 1
        if self.logs == 2:
            raise ConnectionError("the server is \x1b[31mgone")


def tell(guests: trackers.Trackers, event: str, **kwargs: Any) -> None:
    getattr(guests, event)(SimpleNamespace(), TrainerState(), TrainerControl(), **kwargs)


def test_a_tracker_that_raises_is_dropped_and_the_others_go_on() -> None:
    warned: list[str] = []
    told = Told()
    guests = trackers.Trackers({"broken": Breaking(), "sound": told}, warned.append)
    for number in range(3):
        tell(guests, "on_step_end")
        tell(guests, "on_log", logs=number)
    assert told.events == [
        *("on_step_end", "on_log 0", "on_step_end", "on_log 1", "on_step_end", "on_log 2"),
    ]
    assert guests.names == ("sound",)
    assert warned == [
        "broken gets no reports from this run, which goes on without it: "
        "ConnectionError: the server is gone"
    ]


def test_every_event_of_the_library_reaches_the_trackers() -> None:
    events = [name for name in dir(TrainerCallback) if name.startswith("on_")]
    assert len(events) > 10
    for event in events:
        assert getattr(trackers.Trackers, event) is not getattr(TrainerCallback, event), event


def test_what_cannot_be_made_is_warned_of_and_none_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warned: list[str] = []
    assert trackers.asked("none", warned.append) is None
    assert trackers.asked(None, warned.append) is None
    assert trackers.asked([], warned.append) is None
    assert trackers.asked(["no-such-tracker"], warned.append) is None
    assert warned[-1].startswith("no-such-tracker gets no reports")
    monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, "told", Told)
    guests = trackers.asked(["told", "clearml"], warned.append)
    assert guests is not None
    assert guests.names == ("told",)
    assert warned[-1].startswith("clearml gets no reports")


@pytest.mark.parametrize("greater", [False, True])
def test_early_stopping_counts_as_the_library_does(greater: bool) -> None:
    drawn = random.Random(0)
    measure = Yardstick("eval_x", greater_is_better=greater)
    arguments = SimpleNamespace(greater_is_better=greater, metric_for_best_model="x")
    for threshold in (0.0, 0.25):
        for _ in range(200):
            library, state = EarlyStoppingCallback(3, threshold), TrainerState()
            values: list[float] = []
            for _ in range(10):
                value = drawn.choice([0.0, 0.2, 0.5, 0.6, 1.0, float("nan")])
                values.append(value)
                library.check_metric_value(arguments, state, TrainerControl(), value)
                _as_the_trainer_does(state, value, greater)
                counted = yardstick.without_gain(values, measure, threshold)
                assert counted == library.early_stopping_patience_counter, values


def _as_the_trainer_does(state: TrainerState, value: float, greater: bool) -> None:
    """`Trainer._determine_best_metric`, which runs after the callbacks."""
    if state.best_metric is None:
        state.best_metric = float("-inf") if greater else float("inf")
    if value > state.best_metric if greater else value < state.best_metric:
        state.best_metric = value
