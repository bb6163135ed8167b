"""Canonical rows as token ids and labels: the only place that decides where the loss falls.

Both backends train on what is made here, and previews show it. Loss falls on what the assistant says in a
conversation, on the completion of prompt and completion, on everything of plain text; `unmask: true` trains a
whole row, and `training.assistant_only_loss: false` whole conversations. The end of an answer is learned
wherever the template has one, and the last answer always has one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from engine.data.kinds import Canonical
from engine.errors import DataError
from engine.train.template import Template
from engine.train.turns import Conversation, Messages, Turns, alike

IGNORED = -100
"""The label of a token that nothing is learned from."""

BATCH_ROWS = 256

SFT_KINDS = ("conversation", "exchange", "text", "tokenised")

Refused = Callable[[int, Canonical, DataError], None]
"""Told the number of a row (from 1), the row, and why it cannot be rendered."""

MASK_FIELDS = ("assistant_only_loss", "completion_only_loss")
"""Fields of the spec's `training` that are acted on here; both are true unless the spec says false."""

_LONG_ROW = "sequence-length-is-longer-than-the-specified-maximum"


@dataclass(frozen=True)
class Rendered:
    """One row for a causal language model; both lists have the same length."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens are learned."""
        return len(self.labels) - self.labels.count(IGNORED)

    def truncated(self, max_length: int | None, mode: str) -> "Rendered":
        """At most `max_length` tokens, from the start (`keep_start`) or the end (`keep_end`)."""
        if max_length is None or len(self.input_ids) <= max_length:
            return self
        kept = slice(None, max_length) if mode == "keep_start" else slice(-max_length, None)
        return Rendered(self.input_ids[kept], self.labels[kept])


class Renderer:
    """Renders rows with one tokenizer and one template."""

    def __init__(
        self,
        tokenizer: Any,
        template: Template | None,
        training: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Of `training`, as the spec has it, only `MASK_FIELDS` matter."""
        self._tokenizer = tokenizer
        self._assistant_only, self._completion_only = (
            training.get(name) is not False for name in MASK_FIELDS
        )
        self._turns = Turns(template, tokenizer.special_tokens_map) if template else None
        self._ends = Ends(tokenizer, self._turns)
        # Rows are cut to training.max_length; the tokenizer's word on long ones is about its own limit.
        tokenizer.deprecation_warnings[_LONG_ROW] = True

    def render(
        self, rows: Iterable[Canonical], kind: str, refused: Refused | None = None
    ) -> Iterator[Rendered]:
        """Each row in order, some at a time.

        Raises:
            DataError: a row cannot be rendered, and nobody wants to be told.
        """
        drafts: list[_Draft | Rendered] = []
        # One row after the other, so that all are looked at before the source says what it has read.
        for number, row in enumerate(rows, start=1):
            try:
                drafts.append(self._draft(row, kind))
            except DataError as error:
                if refused is None:
                    raise DataError(f"row {number}: {error.message}", error.hint) from error
                refused(number, row, error)
            if len(drafts) == BATCH_ROWS:
                yield from self._finished(drafts)
                drafts = []
        yield from self._finished(drafts)

    def prompt(self, prompt: str | Messages) -> list[int]:
        """What the model is given before it answers."""
        if isinstance(prompt, str):
            ids: list[int] = self._tokenizer(prompt)["input_ids"]
        else:
            text = self._chat.prompt(prompt)
            ids = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _draft(self, row: Canonical, kind: str) -> "_Draft | Rendered":
        """The row as text, as far as it is text."""
        if kind == "tokenised":
            return self._tokenised(row)
        if kind == "text":
            return _Draft(Conversation(self._ended(row["text"]), ()), chat=False, unmask=True)
        tools, unmask = row.get("tools"), bool(row.get("unmask"))
        if kind == "conversation":
            made = self._chat.conversation(row["messages"], tools)
            return _Draft(made, chat=True, unmask=unmask or not self._assistant_only)
        prompt, completion = row["prompt"], row["completion"]
        if isinstance(prompt, str):
            whole = self._ended(prompt + completion)
            span = (len(prompt) if self._completion_only else 0, len(whole))
            return _Draft(Conversation(whole, (span,)), chat=False, unmask=unmask)
        made = self._chat.conversation([*prompt, *completion], tools)
        if not self._assistant_only:
            made = Conversation(made.text, ((0, len(made.text)),))
        if prompt and self._completion_only:
            made = made.after(self._chat.prompt(prompt, tools))
        return _Draft(made, chat=True, unmask=unmask)

    def _tokenised(self, row: Canonical) -> Rendered:
        ids = list(row["input_ids"])
        size = len(self._tokenizer)
        if (wrong := next((i for i in ids if not 0 <= i < size), None)) is not None:
            raise DataError(
                f"token id {wrong} is none of this model's {size} tokens",
                "tokenise the rows with this model's tokenizer, or give them as text",
            )
        return Rendered(ids, list(row.get("labels") or ids))

    def _ended(self, text: str) -> str:
        end: str = self._tokenizer.eos_token
        return text if text.endswith(end) else text + end

    @property
    def _chat(self) -> Turns:
        if self._turns is None:
            raise DataError(
                "it is a conversation, and the model has no chat template",
                "set model.chat_template: chatml, or a file with a Jinja template",
            )
        return self._turns

    def _finished(self, drafts: Sequence["_Draft | Rendered"]) -> Iterator[Rendered]:
        """All texts of a kind are tokenized at once."""
        made: dict[int, Rendered] = {}
        for chat in (True, False):
            some = [
                (at, d) for at, d in enumerate(drafts) if isinstance(d, _Draft) and d.chat == chat
            ]
            if not some:
                continue
            encoded = self._tokenizer([d.made.text for _, d in some], add_special_tokens=not chat)
            places = _Places(self._tokenizer, encoded, special=not chat)
            for index, (at, draft) in enumerate(some):
                ids = encoded["input_ids"][index]
                if draft.unmask:
                    stretches = [(0, len(ids))]
                else:
                    stretches = places.stretches(index, draft.made)
                made[at] = self._ends.learned(*_single(self._tokenizer, ids, stretches, chat=chat))
        for at, done in enumerate(drafts):
            yield done if isinstance(done, Rendered) else made[at]


@dataclass(frozen=True)
class _Draft:
    """A row as text."""

    made: Conversation
    chat: bool
    """A template has written the special tokens; else the tokenizer adds its own."""
    unmask: bool = False
    """Everything is learned."""


Stretch = tuple[int, int]
"""First token, and the one behind the last."""


class _Places:
    """Finds the tokens of characters in a batch of encoded texts."""

    def __init__(self, tokenizer: Any, encoded: Any, *, special: bool) -> None:
        self._tokenizer = tokenizer
        self._encoded = encoded
        self._special = special

    def stretches(self, index: int, made: Conversation) -> list[Stretch]:
        """The tokens of each span, with those that are only partly in it; neighbours are one."""
        find = self._of_fast if self._encoded.is_fast else self._of_slow
        found: list[Stretch] = []
        for start, end in made.spans:
            first, last = find(index, made.text, start, end)
            if found and first <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], last))
            elif first < last:
                found.append((first, last))
        return found

    def _of_fast(self, index: int, text: str, start: int, end: int) -> Stretch:
        token = self._encoded.char_to_token
        first = next((t for c in range(start, end) if (t := token(index, c)) is not None), None)
        if first is None:  # blanks that the tokenizer drops
            return 0, 0
        last = next(t for c in range(end - 1, -1, -1) if (t := token(index, c)) is not None)
        return first, last + 1

    def _of_slow(self, index: int, text: str, start: int, end: int) -> Stretch:
        """A tokenizer that keeps no offsets: where the text before is tokenized otherwise."""
        ids = self._encoded["input_ids"][index]
        before, until = (
            self._tokenizer(text[:place], add_special_tokens=self._special)["input_ids"]
            for place in (start, end)
        )
        last = alike(until, ids)
        return alike(before, ids), last + (last < len(until))


class Ends:
    """Sees to it that an answer ends with a token that stops the model, and that it is learned."""

    def __init__(self, tokenizer: Any, turns: Turns | None) -> None:
        self._tokenizer = tokenizer
        self._eos: int = tokenizer.eos_token_id
        added = tokenizer.added_tokens_decoder
        self._special = {self._eos, *(token for token, text in added.items() if text.special)}
        self._closers = {self._eos, *added} - (_openers(tokenizer, turns) - {self._eos})
        self._blanks: dict[int, bool] = {}

    def learned(self, ids: list[int], stretches: Sequence[Stretch]) -> Rendered:
        """The row with these stretches learned, and the end of each.

        Some templates mark what is said and not its end; some have no end at all: then the last answer gets
        the end of sequence, and what the template puts behind it is cut off.
        """
        labels = [IGNORED] * len(ids)
        for first, last in stretches:
            labels[first:last] = ids[first:last]
            end = self._end(ids, first, last)
            if end is None:
                return Rendered([*ids[:last], self._eos], [*labels[:last], self._eos])
            labels[last:end] = ids[last:end]
        return Rendered(ids, labels)

    def _end(self, ids: Sequence[int], first: int, last: int) -> int | None:
        """Where a stretch ends with its end; None where it needs one and nothing follows."""
        spoken = next((i for i in range(last - 1, first - 1, -1) if not self._blank(ids[i])), None)
        if spoken is None or ids[spoken] in self._special:
            return last
        follows = next((i for i in range(last, len(ids)) if not self._blank(ids[i])), None)
        if follows is not None and ids[follows] in self._closers:
            return follows + 1
        return None if follows is None and ids[spoken] not in self._closers else last

    def _blank(self, token: int) -> bool:
        if token not in self._blanks:
            blank = token not in self._closers and not self._tokenizer.decode([token]).strip()
            self._blanks[token] = blank
        return self._blanks[token]


def _single(
    tokenizer: Any, ids: list[int], stretches: list[Stretch], *, chat: bool
) -> tuple[list[int], list[Stretch]]:
    """A tokenizer that adds its own beginning or end does not make it two."""
    if chat:
        return ids, stretches
    end, begin = tokenizer.eos_token_id, tokenizer.bos_token_id
    if ids[-2:] == [end, end]:
        ids = ids[:-1]
    if begin is not None and ids[:2] == [begin, begin]:
        ids, stretches = ids[1:], [(max(first - 1, 0), last - 1) for first, last in stretches]
    return ids, [(first, min(last, len(ids))) for first, last in stretches]


def _openers(tokenizer: Any, turns: Turns | None) -> set[int]:
    """The special tokens with which a template begins a turn: they end no answer."""
    asked = "tunedeck"
    if turns is None:
        return set()
    try:
        prompt = turns.prompt([{"role": "user", "content": asked}])
    except DataError:
        return set()
    before, _, after = prompt.rpartition(asked)
    added = tokenizer.added_tokens_decoder
    begins, answers = (
        [t for t in tokenizer(text, add_special_tokens=False)["input_ids"] if t in added]
        for text in (before, after)
    )
    # Of several behind the question the first ends it, and would end an answer too.
    return {*begins[-1:], *(answers[1:] or answers)}
