"""When to save, when to stop: the hooks behind pause, periodic saves and their exactness.

A pause and a periodic save act at the end of an optimizer step. Where an evaluation is due at the epoch's
end, the epoch's last step defers both to `on_epoch_end`, so that the evaluation comes before the save: a
resumed run then starts the next epoch as the unbroken one does. The trainer calls `on_epoch_end` after a
stop in mid-epoch too, where nothing may be evaluated, saved or logged. Where several steps learn from one
round of the model's own answers, which no checkpoint holds, both wait for the round's last step.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import IntervalStrategy

from engine import checkpoints
from engine.defaults import SAVES_PER_RUN
from engine.edits.course import Course
from engine.status import Phase
from engine.train import fault
from engine.train.recorder import Recorder
from engine.train.reporter import Reporter
from engine.train.sampler import EpochSampler
from engine.yardstick import Yardstick


class Flow(TrainerCallback):
    """Saves and stops at the right moments, and commits what was saved."""

    def __init__(
        self,
        *,
        reporter: Reporter,
        recorder: Recorder,
        save_strategy: str,
        save_steps: int | None,
        save_total_limit: int,
        facts: Callable[[], dict[str, Any]],
        yardstick: Yardstick | None = None,
    ) -> None:
        self._reporter = reporter
        self._recorder = recorder
        self._save_strategy = save_strategy
        self._save_steps = save_steps
        self._save_total_limit = save_total_limit
        self._facts = facts
        self._yardstick = yardstick or Yardstick("eval_loss")
        self._steps_per_epoch = 1
        self._pause_at_epoch_end = False
        self._save_at_epoch_end = False
        self._save_due = False
        self._stopped_in_mid_epoch = False
        self._saved_step: int | None = None
        self.sampler: EpochSampler | None = None
        """Our own sampler, told each epoch, since a resumed epoch's loader does not tell it."""
        self.course: Course | None = None
        """Set where the batch was changed on the way: the step alone does not tell the epoch then."""
        self.paused = False
        """The run stopped for a pause."""
        self.stopped_early: str | None = None
        """Why the run ended before its last step, in a sentence; kept with the last checkpoint."""

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        train_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        batches = len(train_dataloader)
        self._steps_per_epoch = max(1, math.ceil(batches / args.gradient_accumulation_steps))
        if self._save_steps is None:
            self._save_steps = max(1, math.ceil(state.max_steps / SAVES_PER_RUN))
        if state.global_step:
            self._saved_step = state.global_step
            if self._steps_to_edge(args, state.global_step):
                reason = "it went on from between two steps that learn from the same answers"
                self._reporter.update(exact=False, exact_reason=reason)
        self._reporter.update(step=state.global_step, total_steps=state.max_steps)
        self._reporter.phase(Phase.TRAINING)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.sampler is not None:
            epoch = self._position(state.global_step) // self._steps_per_epoch
            rows = self.course.rows_per_step_of(epoch) if self.course else None
            self.sampler.set_epoch(epoch, rows)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        step, last = state.global_step, state.global_step >= state.max_steps
        if last and args.eval_strategy == IntervalStrategy.STEPS:
            control.should_evaluate = True
        pause = not last and self._reporter.pause_wanted()
        self._save_due = self._save_due or self._save_is_due(step)
        if not (pause or last or self._save_due):
            return
        if not last and (wait := self._steps_to_edge(args, step)):
            if pause:
                self._say_waiting(step + wait)
            return
        self._save_due = False
        epoch_ends = last or self._position(step) % self._steps_per_epoch == 0
        if epoch_ends and self._evaluates_at_epoch_end(args, state):
            self._save_at_epoch_end, self._pause_at_epoch_end = True, pause
            return
        self._save(state, control)
        if pause:
            self._stop(control)
            self._stopped_in_mid_epoch = not epoch_ends

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        fault.point("epoch-end", state.global_step, self._reporter.status.attempt)
        if self._stopped_in_mid_epoch:
            control.should_evaluate = control.should_save = control.should_log = False
            return
        if self._save_at_epoch_end or self._save_strategy == "epoch":
            self._save(state, control)
        if self._pause_at_epoch_end:
            self._stop(control)
        self._save_at_epoch_end = self._pause_at_epoch_end = False

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        step = state.global_step
        root = Path(str(args.output_dir))
        folder = checkpoints.folder_of(root, step)
        self._recorder.save(folder)
        fault.point("commit", step, self._reporter.status.attempt)
        facts = {**self._facts(), "total_steps": state.max_steps}
        facts["eval_loss"] = self._recorder.eval_losses.get(step)
        facts["judged"] = self._yardstick.at(state.log_history, step)
        facts["stopped_early"] = self.stopped_early
        done = checkpoints.commit(folder, step, facts)
        self._reporter.update(checkpoint_step=step)
        self._reporter.event("checkpoint", step=step, size_bytes=done.size_bytes)
        print(f"step {step}: checkpoint committed, {done.size_bytes / 2**20:.1f} MiB", flush=True)
        checkpoints.rotate(root, self._save_total_limit)
        self._recorder.restart_clock()

    def stop_early(self, why: str, state: TrainerState, control: TrainerControl) -> None:
        """Save this step and train no further: asked by an evaluation, after which the trainer saves."""
        self.stopped_early = why
        self._save(state, control)
        control.should_training_stop = True
        self._stopped_in_mid_epoch = True

    def _position(self, step: int) -> int:
        """The step as it would be counted, had the present batch always been in force."""
        return step + (self.course.offset if self.course else 0)

    def _steps_to_edge(self, args: TrainingArguments, step: int) -> int:
        """Steps until a save can be resumed exactly: micro-batches of one round of answers stay together."""
        batches = self.sampler.batches_of_a_round if self.sampler is not None else 1
        into_epoch = self._position(step) % self._steps_per_epoch
        if into_epoch * args.gradient_accumulation_steps % batches == 0:
            return 0
        round_steps = batches // math.gcd(batches, args.gradient_accumulation_steps)
        return min(round_steps - into_epoch % round_steps, self._steps_per_epoch - into_epoch)

    def _say_waiting(self, step: int) -> None:
        """Tell why a pause does not act at once."""
        self._reporter.warn(
            f"a pause acts after step {step}, where the answers of this round are learned from: "
            "between them no checkpoint can be resumed exactly"
        )

    def _save_is_due(self, step: int) -> bool:
        return (
            self._save_strategy == "steps"
            and self._save_steps is not None
            and step % self._save_steps == 0
        )

    @staticmethod
    def _evaluates_at_epoch_end(args: TrainingArguments, state: TrainerState) -> bool:
        return args.eval_strategy == IntervalStrategy.EPOCH and args.eval_delay <= (
            state.epoch or 0
        )

    def _save(self, state: TrainerState, control: TrainerControl) -> None:
        """Ask for a save, unless this very step is saved already: a commit is never written again."""
        if self._saved_step != state.global_step:
            self._saved_step = state.global_step
            control.should_save = True
            self._reporter.phase(Phase.SAVING)

    def _stop(self, control: TrainerControl) -> None:
        control.should_training_stop = True
        self.paused = True
