"""The formats of training data, a module each: how to know one, what to check, what becomes of it.

Choosing one is `engine.data.detection`'s work.
"""

from engine.data.formats.alpaca import Alpaca
from engine.data.formats.conversations import Messages
from engine.data.formats.format import Format
from engine.data.formats.preference import ImplicitPreference, Preference
from engine.data.formats.prompt_completion import PromptCompletion
from engine.data.formats.question import ANSWERS, QUESTIONS, Prompt, Question
from engine.data.formats.sharegpt import ShareGpt
from engine.data.formats.text import Text
from engine.data.formats.tokenised import Tokenised
from engine.data.formats.unpaired import LabelledConversation, Unpaired
from engine.data.kinds import Canonical

__all__ = ["FORMATS", "JUDGED", "LAST_RESORTS", "Canonical", "Format"]

_CONVERSATIONS = ("messages", "conversations", "conversation")

JUDGED: tuple[Format, ...] = (
    *(Preference(column) for column in ("prompt", *_CONVERSATIONS, "instruction", *QUESTIONS[1:])),
    ImplicitPreference(),
    Unpaired(),
    *(LabelledConversation(column) for column in _CONVERSATIONS),
)
"""Data with bad answers in it: never taken for data of another format unless the user says so."""

LAST_RESORTS: tuple[Format, ...] = (
    Text(),
    Text("document"),
    Text("content"),
    *(Prompt(column) for column in QUESTIONS),
)
"""What is looked for, in this order, where nothing else fits: other data often has such a column too."""

FORMATS: tuple[Format, ...] = (
    *(Messages(column) for column in _CONVERSATIONS),
    *(ShareGpt(column) for column in ("conversations", "conversation", "messages")),
    Alpaca(),
    PromptCompletion(),
    *(
        Question(question, answer)
        for question in (*QUESTIONS, *_CONVERSATIONS)
        for answer in ANSWERS
    ),
    Tokenised(),
    *JUDGED,
    *LAST_RESORTS,
)
"""All formats; among several of one name that fit, the first is meant."""
