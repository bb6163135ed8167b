"""Stops a run whose evaluations no longer get better, as `early_stopping` in its spec asks.

It counts as transformers' `EarlyStoppingCallback` does, but from what was logged instead of a counter of its
own: a resumed run, and one that went back to an older checkpoint, stops where the unbroken one does. It also
finds what trainers add to the log alone, such as grpo's reward.
"""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine import yardstick
from engine.series import format_value
from engine.spec import EarlyStopping
from engine.train.flow import Flow
from engine.train.reporter import Reporter
from engine.yardstick import Yardstick


class Stopping(TrainerCallback):
    """Looks at every evaluation of a training; the last checkpoint remembers why there was no more."""

    def __init__(
        self, wanted: EarlyStopping, measure: Yardstick, flow: Flow, reporter: Reporter
    ) -> None:
        self._wanted = wanted
        self._measure = measure
        self._flow = flow
        self._reporter = reporter
        self._training = False

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._training = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._training = False

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not self._training or state.global_step >= state.max_steps:
            return
        measured = self._measure.measured(state.log_history)
        if not measured or measured[-1][0] != state.global_step:
            self._say_not_measured(state)
            return
        values = [value for _, value in measured]
        count = yardstick.without_gain(values, self._measure, self._wanted.threshold)
        if count < self._wanted.patience:
            return
        why = self._why(measured, count, state)
        self._flow.stop_early(why, state, control)
        self._reporter.event("early_stop", step=state.global_step, message=why)
        print(f"step {state.global_step}: {why}", flush=True)

    def _why(self, measured: list[tuple[int, float]], count: int, state: TrainerState) -> str:
        """One plain sentence."""
        found = yardstick.best(measured, self._measure)
        best = f"; best {format_value(found[1])} at step {found[0]}" if found else ""
        gain = (
            f"gained more than {self._wanted.threshold:g}"
            if self._wanted.threshold
            else "got better"
        )
        evaluations = "the last evaluation" if count == 1 else f"the last {count} evaluations"
        return (
            f"stopped early at step {state.global_step} of {state.max_steps}: {self._measure.metric} "
            f"has not {gain} in {evaluations}{best}"
        )

    def _say_not_measured(self, state: TrainerState) -> None:
        last = [line for line in state.log_history if "eval_loss" in line][-1:]
        known = ", ".join(name for one in last for name in one if name.startswith(yardstick.PREFIX))
        self._reporter.warn(
            f"early stopping looks for {self._measure.metric}, which these evaluations do not measure: "
            f"set training.metric_for_best_model to one of {known or 'what is logged'}"
        )
