"""Questions that GRPO cannot learn from: the model has no room to answer, or no reward can judge the answer."""

from pathlib import Path

from engine import rewards
from engine.data.kinds import Canonical
from engine.errors import DataError
from engine.generation import completion_tokens
from engine.spec import JobSpec
from engine.train.rendering import Renderer


class Questions:
    """Looks at questions before anything is trained."""

    def __init__(self, spec: JobSpec, renderer: Renderer, context_length: int | None) -> None:
        own = [
            one for one in spec.rewards if one.type != "function"
        ]  # others judge in training only
        self._judges = rewards.judges(own, Path())
        self._renderer = renderer
        self._context = context_length
        self._answer = completion_tokens(spec.training, context_length)

    def problem(self, row: Canonical) -> tuple[str, str] | None:
        """What is wrong with a question and what to do; None where it can be learned from."""
        for judge in self._judges:
            if (why := judge.why_unusable(row["answer"])) is not None:
                return (
                    f"the answer {why}, which the reward {judge.name} needs",
                    "say where it stands: reference_from of the reward, or data.columns: {answer: ...}",
                )
        try:
            length = len(self._renderer.prompt(row["prompt"]))
        except DataError as error:
            return error.message, error.hint
        if self._context is None or length + (self._answer or 0) < self._context:
            return None
        return (
            f"the question has {length} tokens, which leaves no room for an answer of {self._answer} in "
            f"the model's {self._context}",
            "lower training.max_completion_length, or leave such rows out: data.on_bad_row: skip",
        )
