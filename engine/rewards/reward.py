"""What a reward is: a judge of one attempt at an answer, and the form in which TRL calls it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Completion = str | list[dict[str, Any]]
"""What a model wrote: text, or the messages of a chat model."""


@dataclass(frozen=True)
class Attempt:
    """One answer of the model."""

    text: str
    """What it wrote, with its reasoning in `<think>` tags where the tokenizer had taken it out."""
    reference: str
    """The answer that the data gives; empty where it gives none."""
    tokens: int
    """Tokens of the answer."""


class Reward(ABC):
    """Judges attempts one by one; what it gives depends on nothing but the attempt."""

    def __init__(self, name: str) -> None:
        self.__name__ = name  # what TRL calls it in the metrics: rewards/<name>/mean

    @property
    def name(self) -> str:
        """What the metrics call it."""
        return self.__name__

    @abstractmethod
    def judge(self, attempt: Attempt) -> float:
        """0 (not at all) to 1 (as wanted)."""

    def why_unusable(self, reference: str) -> str | None:
        """What is wrong with an answer of the data, where this reward could never be given for it."""
        return None

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Completion],
        completion_ids: Sequence[Sequence[int]],
        answer: Sequence[str] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """The rewards of a batch, as TRL asks for them; `columns` are those of the data."""
        references = answer if answer is not None else [""] * len(completions)
        return [
            self.judge(Attempt(text_of(completion), reference, len(ids)))
            for completion, reference, ids in zip(
                completions, references, completion_ids, strict=True
            )
        ]


def text_of(completion: Completion) -> str:
    """The text of a completion: its own, or that of its last assistant message."""
    if isinstance(completion, str):
        return completion
    said = [message for message in completion if message.get("role") == "assistant"]
    if not said:
        return ""
    content = said[-1].get("content") or ""
    if not isinstance(content, str):
        content = "".join(str(part.get("text", "")) for part in content)
    reasoning = said[-1].get("reasoning_content")
    return f"<think>{reasoning}</think>{content}" if reasoning else content
