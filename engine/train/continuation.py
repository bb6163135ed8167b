"""Goes on after an edit: what transformers restores silently from a checkpoint is made what was asked for.

On a resume transformers loads the learning rate, its schedule's base and the optimizer's settings from the
checkpoint, whatever the arguments say; it keeps the checkpoint's evaluation cadence; and it finds its place
in the data from the step alone. After an edit the learning rate at every step is that of a fresh run with the
edited settings at the same step, and the place is counted in rows (`engine.edits.course`).
"""

from typing import Any

import torch
from transformers import Trainer as AnyTrainer
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.edits.course import Course
from engine.errors import PlanError

HYPERPARAMETERS = ("weight_decay", "betas", "eps")
"""Settings of a parameter group that an edit reaches, besides its learning rate."""


class Continued(AnyTrainer):
    """A trainer that can go on with another batch than it began with; a base for those of the methods."""

    course: Course | None = None
    """Set where the batch was changed on the way; without it everything is the library's own."""
    placed = False
    """Whether the place in the data was taken from the course."""
    asked: tuple[dict[str, Any], ...] = ()
    """Settings of each parameter group as the arguments make them, before a checkpoint is loaded."""

    def rows_of_an_epoch(self, rows: int) -> int:
        """Rows that a loader of the plain kind would have, were its epoch as long; `rows` are prepared."""
        return rows

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        fresh = self.optimizer is None
        optimizer = super().create_optimizer() if model is None else super().create_optimizer(model)
        if fresh:
            self.asked = tuple(
                {name: group[name] for name in ("lr", *HYPERPARAMETERS) if name in group}
                for group in optimizer.param_groups
            )
        return optimizer

    def set_initial_training_values(self, args: TrainingArguments, dataloader: Any) -> Any:
        values = super().set_initial_training_values(args, dataloader)
        if self.course is None:
            return values
        total = self.course.total_steps(args.max_steps, args.num_train_epochs)
        return (self.course.epochs_begun(total), *values[1:-1], total)

    def _init_training_state(self, max_steps: int, steps_per_epoch: int, *rest: Any) -> Any:
        place = super()._init_training_state(max_steps, steps_per_epoch, *rest)
        if self.course is None:
            return place
        self.placed = True
        epoch, steps = divmod(self.state.global_step + self.course.offset, steps_per_epoch)
        return epoch, steps * self.args.gradient_accumulation_steps


class Continuation(TrainerCallback):
    """Puts an edited job's settings in force, after its checkpoint was loaded and before its next step."""

    def __init__(self, trainer: Continued) -> None:
        self._trainer = trainer

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        optimizer: Any = None,
        lr_scheduler: Any = None,
        **kwargs: Any,
    ) -> None:
        if self._trainer.course is not None and not self._trainer.placed:
            raise PlanError(
                "this transformers finds its place in the data in a way that is not known here, so a "
                "changed batch would repeat or skip rows",
                "install the versions of constraints.txt, or edit the batch back",
            )
        state.compute_steps(args, state.max_steps)
        retune(optimizer, lr_scheduler, self._trainer.asked)


def retune(optimizer: Any, scheduler: Any, asked: tuple[dict[str, Any], ...]) -> None:
    """Set what `asked` says of each parameter group, and the schedule's rate at its present step.

    The schedule's function was made from the arguments and survives the loading; its base rates did not. A
    schedule that follows what was measured keeps its rate.
    """
    follows_step = isinstance(scheduler, torch.optim.lr_scheduler.LambdaLR)
    for group, settings in zip(optimizer.param_groups, asked, strict=True):
        group |= {name: value for name, value in settings.items() if name in HYPERPARAMETERS}
        if follows_step:
            group["initial_lr"] = settings["lr"]
    if not follows_step:
        return
    scheduler.base_lrs = [settings["lr"] for settings in asked]
    rates = [
        base * function(scheduler.last_epoch)
        for base, function in zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    ]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    scheduler._last_lr = rates
