"""A question, and where there is one the answer that can be checked."""

from dataclasses import dataclass
from typing import ClassVar

from engine.data.checks import filled_text, is_list
from engine.data.conversation import assistant, check_order, declared_extras
from engine.data.formats.becoming import exchange_as, text_or_messages
from engine.data.formats.format import Columns, message_answers
from engine.data.formats.prompt_completion import plain_prompt, prompt_of
from engine.data.kinds import Canonical
from engine.data.row import Values

QUESTIONS = ("prompt", "question", "problem", "query")
ANSWERS = ("answer", "ground_truth", "solution", "target")


@dataclass(frozen=True)
class Question(Columns):
    """A question under one of `QUESTIONS` and its answer under one of `ANSWERS`.

    The answer is kept as it is written: what of it counts (the number after `####`) is the rewards' choice.
    """

    question: str = "question"

    answer: str = "answer"

    name: ClassVar[str] = "question"
    kinds: ClassVar[tuple[str, ...]] = ("question", "exchange")
    optional: ClassVar[tuple[str, ...]] = ("system", "tools")

    @property
    def required(self) -> tuple[str, ...]:
        return (self.question, self.answer)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """The answer is learned where the method learns answers."""
        answer = written(values.get(self.answer), f"the answer ({self.answer})")
        return _asked(values, self.question, answer, kind, chat=chat)


@dataclass(frozen=True)
class Prompt(Columns):
    """A question without an answer, for rewards that need none."""

    question: str = "prompt"

    name: ClassVar[str] = "question"
    kinds: ClassVar[tuple[str, ...]] = ("question",)
    optional: ClassVar[tuple[str, ...]] = ("system", "tools")

    @property
    def required(self) -> tuple[str, ...]:
        return (self.question,)

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        return _asked(values, self.question, "", kind, chat=chat)


def written(value: object, what: str) -> str:
    """An answer as text; data often have numbers as numbers."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value:
        return str(value)
    return filled_text(value, what)


def _asked(values: Values, column: str, answer: str, kind: str, *, chat: bool) -> Canonical:
    """Without a chat template a prompt is taken as it is written, and a question is marked as one.

    Messages that go on to an answer of their own are asked without it: the row's answer is what counts.
    """
    prompt = values.get(column)
    if kind == "question" and is_list(prompt) and message_answers(prompt):
        prompt = prompt[:-1]
    asked = prompt_of(values, prompt, column)
    check_order(asked, column, answered=False)
    more = declared_extras(values)
    if not chat and isinstance(prompt, str) and column == "prompt":
        return exchange_as(kind, plain_prompt(values, prompt), answer, more)
    ready, reply, more = text_or_messages(asked, [assistant(answer)], more, chat=chat)
    if kind == "question":
        return {"prompt": ready, "answer": answer, **more}
    return exchange_as(kind, ready, reply, more)
