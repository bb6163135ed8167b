"""The trackers of `training.report_to` (wandb, tensorboard, mlflow, ...), as guests of a run.

transformers' own integrations do the reporting. They are not given to the trainer, which lets whatever one of
them raises end the run, but kept behind one callback that drops a tracker at its first error and says so.
"""

import traceback
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations import get_reporting_integration_callbacks

from engine.text import one_line

Warn = Callable[[str], None]
EVENTS = tuple(name for name in vars(TrainerCallback) if name.startswith("on_"))


class Trackers(TrainerCallback):
    """Every tracker that could be made; each is told every event until it fails."""

    def __init__(self, trackers: dict[str, TrainerCallback], warn: Warn) -> None:
        self._trackers = dict(trackers)
        self._warn = warn

    @property
    def names(self) -> tuple[str, ...]:
        """The trackers that are still told."""
        return tuple(self._trackers)

    def _tell(
        self,
        event: str,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                getattr(tracker, event)(args, state, control, **kwargs)
            except Exception as error:  # noqa: BLE001 - a guest's failure, whatever it is, is no reason to stop
                del self._trackers[name]
                _say(self._warn, name, error)


def _event(name: str) -> Callable[..., None]:
    def tell(self: Trackers, *args: Any, **kwargs: Any) -> None:
        self._tell(name, *args, **kwargs)

    return tell


for _name in EVENTS:
    setattr(Trackers, _name, _event(_name))


def asked(report_to: str | list[str] | None, warn: Warn) -> Trackers | None:
    """The trackers that the spec names; one that cannot be made is warned of and left out."""
    names = [report_to] if isinstance(report_to, str) else list(report_to or ())
    names = [name for name in names if name != "none"]
    made: dict[str, TrainerCallback] = {}
    for name in names:
        try:
            for kind in get_reporting_integration_callbacks(name):
                made[name if name != "all" else kind.__name__] = kind()
        except Exception as error:  # noqa: BLE001 - as above; integrations raise what they like
            _say(warn, name, error)
    return Trackers(made, warn) if made else None


def _say(warn: Warn, name: str, error: Exception) -> None:
    traceback.print_exception(error)
    reason = one_line(f"{type(error).__name__}: {error}", 300)
    warn(f"{one_line(name, 40)} gets no reports from this run, which goes on without it: {reason}")
