"""Alpaca: an instruction, where there is one its input, and the answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from engine.data.checks import Unusable, filled_text, is_list, optional_text
from engine.data.conversation import Message, assistant, extras, user, with_system
from engine.data.formats.becoming import exchange_as
from engine.data.formats.format import Columns
from engine.data.kinds import Canonical
from engine.data.row import Values, kind_of


@dataclass(frozen=True)
class Alpaca(Columns):
    """`instruction` and `output`; beside them `input`, `system`, `history` and `unmask`."""

    name: ClassVar[str] = "alpaca"
    kinds: ClassVar[tuple[str, ...]] = ("exchange", "question")
    required: ClassVar[tuple[str, ...]] = ("instruction", "output")
    optional: ClassVar[tuple[str, ...]] = ("input", "system", "history", "unmask")

    def convert(self, values: Values, kind: str, *, chat: bool) -> Canonical:
        """For a model without a chat template: the text that Alpaca was made with."""
        given = optional_text(values.get("input"), "input")
        instruction = filled_text(values.get("instruction"), "instruction")
        output = filled_text(values.get("output"), "the answer (output)")
        system = optional_text(values.get("system"), "system")
        earlier = pairs(values.get("history"))
        more = extras({"unmask": values.get("unmask")})
        if chat:
            asked = with_system(values, [*_turns(earlier), user(question(instruction, given))])
            return exchange_as(kind, asked, [assistant(output)], more)
        prompt = as_alpaca_text(instruction, given, system=system, earlier=earlier)
        return exchange_as(kind, prompt, output, more)


_INTRODUCTION: Mapping[bool, str] = {
    False: "Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.",
    True: "Below is an instruction that describes a task, paired with an input that provides "
    "further context. Write a response that appropriately completes the request.",
}


def question(instruction: str, given: str) -> str:
    """Instruction and input as one message."""
    return f"{instruction}\n\n{given}" if given else instruction


def as_alpaca_text(
    instruction: str, given: str, *, system: str = "", earlier: list[tuple[str, str]] | None = None
) -> str:
    """The prompt as Stanford's Alpaca was trained with; earlier turns come in the same shape."""
    parts = [system or _INTRODUCTION[bool(given)]]
    for asked, answered in earlier or ():
        parts += [f"### Instruction:\n{asked}", f"### Response:\n{answered}"]
    parts.append(f"### Instruction:\n{instruction}")
    parts += [f"### Input:\n{given}"] if given else []
    return "\n\n".join([*parts, "### Response:\n"])


def pairs(history: Any) -> list[tuple[str, str]]:
    """Earlier questions and answers; null and an empty list are none."""
    if history is None:
        return []
    if not is_list(history):
        raise Unusable(f"history is {kind_of(history)}, not a list of pairs")
    made = []
    for index, pair in enumerate(history):
        where = f"history[{index}]"
        if not is_list(pair) or len(pair) != 2:
            said = f"a list of {len(pair)}" if is_list(pair) else kind_of(pair)
            raise Unusable(f"{where} is {said}, not a pair of question and answer")
        made.append(
            (
                filled_text(pair[0], f"the question of {where}"),
                filled_text(pair[1], f"the answer of {where}"),
            )
        )
    return made


def _turns(earlier: list[tuple[str, str]]) -> list[Message]:
    return [
        message for asked, answered in earlier for message in (user(asked), assistant(answered))
    ]
