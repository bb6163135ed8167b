"""The error tree: every error says what happened (`message`) and what to do (`hint`).

TunedeckError
  UsageError          2  the command was used in a way that cannot work
    SpecError         2  the spec is invalid; all its problems at once
    DataError         2  the training data cannot be read as asked
  PlanError           1  the plan cannot work (a model folder without a tokenizer, ...)
  JobFailed           1  the followed job failed
  JobNotFound         3  no such job, or an ambiguous name
  StateError          4  not possible in this state
  MachineError        5  this machine refuses (home not writable, no such GPU, ...)
  JobStopped          6  the followed job was paused or cancelled
  WaitTimeout       124  `--timeout` passed
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class TunedeckError(Exception):
    """An error that the user can act on."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, object]:
        """The object that `--json` prints on stderr."""
        return {"error": self.message, "hint": self.hint, "exit_code": self.exit_code}


class UsageError(TunedeckError):
    """The command was used in a way that cannot work."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a spec, at the field as the user typed it."""

    field: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text} ({self.hint})" if self.hint else text


class SpecError(UsageError):
    """An invalid spec; carries every problem found, so that one run shows them all."""

    def __init__(self, source: str, problems: Sequence[Problem], hint: str = "") -> None:
        count = len(problems)
        head = f"{source}: {count} problem{'s' if count != 1 else ''}"
        named = any(problem.field for problem in problems)
        todo = "correct the fields named above" if named else "name a spec, or correct that file"
        super().__init__(
            "\n  ".join([head, *map(str, problems)]),
            hint or f"{todo}; `tunedeck init DATA` writes a working spec",
        )
        self.problems = tuple(problems)


class DataError(UsageError):
    """Training data that cannot be read as asked; the message names file and line."""


class PlanError(TunedeckError):
    """A well-formed spec that cannot work, found before anything was started."""


class JobFailed(TunedeckError):
    """The job that the command follows failed or was interrupted."""


class JobNotFound(TunedeckError):
    """No job of that name, or more than one."""

    exit_code = 3


class StateError(TunedeckError):
    """The job's state does not allow this."""

    exit_code = 4


class MachineError(TunedeckError):
    """This machine refuses."""

    exit_code = 5


class JobStopped(TunedeckError):
    """The job that the command follows was paused or cancelled."""

    exit_code = 6


class WaitTimeout(TunedeckError):
    """What was waited for did not come true in time."""

    exit_code = 124
