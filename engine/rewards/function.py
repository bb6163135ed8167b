"""A user's own function as a reward; loaded here, in the worker, from the copy that the job keeps."""

import inspect
import math
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.errors import PlanError
from engine.rewards.reward import Attempt, Completion, Reward, text_of
from engine.rewards.source import kept_name, sha256_of
from engine.spec.rewards import FunctionReward


class Function(Reward):
    """Calls the function with what it takes of TRL's arguments and `texts`, and checks what it gives."""

    def __init__(self, name: str, section: FunctionReward, folder: Path) -> None:
        super().__init__(name)
        self._where = f"{section.function} in {section.file}"
        self._function = self._loaded(section, folder / kept_name(section))
        parameters = inspect.signature(self._function).parameters.values()
        self._takes_all = any(one.kind is one.VAR_KEYWORD for one in parameters)
        self._takes = {one.name for one in parameters}

    def judge(self, attempt: Attempt) -> float:
        """One attempt alone, for who asks outside a training step."""
        given = self([""], [attempt.text], [[0] * attempt.tokens], answer=[attempt.reference])[0]
        return math.nan if given is None else given

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Completion],
        completion_ids: Sequence[Sequence[int]],
        answer: Sequence[str] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        offered = {
            "prompts": prompts,
            "completions": completions,
            "texts": [text_of(completion) for completion in completions],
            "completion_ids": completion_ids,
            "answer": answer,
            **columns,
        }
        if not self._takes_all:
            offered = {key: value for key, value in offered.items() if key in self._takes}
        try:
            given = self._function(**offered)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            raise PlanError(
                f"the reward function {self._where} failed: {type(error).__name__}: {error}",
                "its traceback is in the log; correct it and submit it again with its new sha256",
            ) from error
        return self._checked(given, len(completions))

    def _checked(self, given: Any, count: int) -> list[float | None]:
        try:
            values = list(given)
        except TypeError:
            raise self._refusal(f"gave {type(given).__name__}, no list of numbers") from None
        if len(values) != count:
            raise self._refusal(f"gave {len(values)} values for {count} completions")
        return [self._number(value) for value in values]

    def _number(self, value: Any) -> float | None:
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise self._refusal(f"gave {value!r:.60}, which is no number") from None
        if not math.isfinite(number):
            raise self._refusal(f"gave {number}, which cannot be summed")
        return number

    def _refusal(self, what: str) -> PlanError:
        return PlanError(
            f"the reward function {self._where} {what}",
            "it must return a list with one number, or None, for each completion",
        )

    def _loaded(self, section: FunctionReward, path: Path) -> Callable[..., Any]:
        """The function; the bytes that run are those that were confirmed."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise PlanError(
                f"the job's copy of the reward function cannot be read: {path} ({error.strerror})",
                "submit the job again",
            ) from None
        if sha256_of(content) != section.sha256:
            raise PlanError(
                f"the job's copy of the reward function was changed: {path}",
                "its hash is not the confirmed one: submit the job again",
            )
        module = ModuleType(f"tunedeck_reward_{path.stem}".replace("-", "_"))
        module.__file__ = str(path)
        sys.modules[module.__name__] = module  # dataclasses and pickle look there
        try:
            exec(compile(content, str(path), "exec"), module.__dict__)
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            raise PlanError(
                f"{section.file} cannot be loaded: {type(error).__name__}: {error}",
                "the file is kept alone: what it imports must be installed, not lie beside it",
            ) from error
        function = module.__dict__.get(section.function)
        if not callable(function):
            raise PlanError(
                f"{section.file} defines no function {section.function!r} when it is loaded",
                "define it at the top level of the file",
            )
        loaded: Callable[..., Any] = function
        return loaded
