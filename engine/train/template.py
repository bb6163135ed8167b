"""Which chat template renders conversations, and how it tells what the assistant says.

Loss belongs on the assistant's tokens, so the template used for training must mark them (`{% generation %}`).
One without marks is replaced by TRL's training template of the same family, which renders the same text, except
that it keeps the reasoning of earlier turns where the family drops it. Where TRL knows none,
`engine.train.turns` finds what the assistant says by comparing what is rendered with and without it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trl.chat_template_utils import get_training_chat_template, has_generation_markers

from engine.errors import PlanError

CHATML = Path(__file__).with_name("chatml.jinja")
"""ChatML; `END` in it is `<|im_end|>` where the tokenizer has it, else its end of sequence."""

_MARKS = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")


@dataclass(frozen=True)
class Template:
    """The template of one training run."""

    jinja: str
    """As it renders for training."""
    source: str
    """Where it comes from, in words for the log."""
    marks: bool
    """Whether it marks the assistant's tokens by itself."""


def choose(tokenizer: Any, asked: str) -> Template | None:
    """The template that `model.chat_template` asks for; None renders without one.

    A template that the user brings becomes the tokenizer's own, without marks, so that whoever loads the
    artifact renders prompts as the model learned them.

    Raises:
        PlanError: the file cannot be read.
    """
    if asked == "none":
        return None
    if asked == "chatml":
        source = "tunedeck's ChatML"
        _give(tokenizer, _chatml(tokenizer))
        return Template(_chatml(tokenizer), source, marks=True)
    if asked != "auto":
        jinja = _read(Path(asked))
        _give(tokenizer, jinja)
        if has_generation_markers(jinja):
            return Template(jinja, asked, marks=True)
        return _trained(tokenizer, asked)
    own = tokenizer.chat_template
    if own is None:
        return None
    if isinstance(own, dict):
        own = own.get("default") or next(iter(own.values()))
        tokenizer.chat_template = own
    if has_generation_markers(own):
        return Template(own, "the tokenizer's own template", marks=True)
    return _trained(tokenizer, "the tokenizer's own template")


def _trained(tokenizer: Any, source: str) -> Template:
    """TRL's training template of the tokenizer's template, or the latter as it is."""
    try:
        jinja = get_training_chat_template(tokenizer)
    except ValueError:  # a template that TRL does not know
        jinja = None
    if jinja is None:
        words = f"{source}, which does not mark answers: they are found by comparing turns"
        return Template(tokenizer.chat_template, words, marks=False)
    return Template(jinja, f"TRL's training template of {source}", marks=True)


def _chatml(tokenizer: Any) -> str:
    end = "<|im_end|>" if "<|im_end|>" in tokenizer.get_vocab() else tokenizer.eos_token
    return CHATML.read_text(encoding="utf-8").replace("END", repr(end))


def _give(tokenizer: Any, jinja: str) -> None:
    tokenizer.chat_template = _MARKS.sub("", jinja)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(
            f"model.chat_template: {path} cannot be read: {error}",
            "write auto, none, chatml, or the path of a Jinja template in UTF-8",
        ) from error
