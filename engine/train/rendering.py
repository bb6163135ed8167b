"""Canonical rows as token ids and labels: the only place that decides where the loss falls.

Both backends train on what is made here, and previews show it. Loss falls on what the assistant says in a
conversation, on the completion of prompt and completion, on everything of plain text; `unmask: true` trains a
whole conversation. The token that ends an answer is always learned.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jinja2 import TemplateError

from engine.data.kinds import Canonical
from engine.errors import DataError
from engine.train.template import Template

IGNORED = -100
"""The label of a token that nothing is learned from."""

BATCH_ROWS = 256

_LONG_ROW = "sequence-length-is-longer-than-the-specified-maximum"

SFT_KINDS = ("conversation", "exchange", "text", "tokenised")


@dataclass(frozen=True)
class Rendered:
    """One row for a causal language model; both lists have the same length."""

    input_ids: list[int]
    labels: list[int]

    @property
    def trained_tokens(self) -> int:
        """How many tokens are learned."""
        return sum(label != IGNORED for label in self.labels)

    def truncated(self, max_length: int | None, mode: str) -> "Rendered":
        """At most `max_length` tokens, from the start (`keep_start`) or the end (`keep_end`)."""
        if max_length is None or len(self.input_ids) <= max_length:
            return self
        kept = slice(None, max_length) if mode == "keep_start" else slice(-max_length, None)
        return Rendered(self.input_ids[kept], self.labels[kept])


class Renderer:
    """Renders rows with one tokenizer and one template."""

    def __init__(self, tokenizer: Any, template: Template | None) -> None:
        self._tokenizer = tokenizer
        self._template = template
        self._stops = {tokenizer.eos_token_id, *tokenizer.get_added_vocab().values()}
        self._blanks: dict[int, bool] = {}
        # Rows are cut to training.max_length; the tokenizer's word on long ones is about its own limit.
        tokenizer.deprecation_warnings[_LONG_ROW] = True

    def render(self, rows: Iterable[Canonical], kind: str) -> Iterator[Rendered]:
        """Each row in order, some at a time.

        Raises:
            DataError: the chat template refuses a row, or loses its answer.
        """
        number = 0
        batch: list[Canonical] = []
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                yield from self._batch(batch, kind, number)
                number += len(batch)
                batch = []
        yield from self._batch(batch, kind, number)

    def question(self, prompt: Any) -> list[int]:
        """The ids of a prompt that is still to be answered: text, or messages."""
        if isinstance(prompt, str):
            ids: list[int] = self._tokenizer(prompt)["input_ids"]
            return ids
        return self._ids(prompt, {}, prompt=True)

    def _batch(self, rows: Sequence[Canonical], kind: str, before: int) -> Iterator[Rendered]:
        """Rows that are rendered the same way are rendered together."""
        if not rows:
            return
        number = before
        for (way, tools), group in groupby(
            rows, key=lambda row: (_way(row, kind), row.get("tools"))
        ):
            some = list(group)
            match way:
                case "tokenised":
                    found = [self._tokenised(row) for row in some]
                case "text":
                    found = self._texts([row["text"] for row in some])
                case "plain exchange":
                    found = self._exchanges(some)
                case _:
                    found = self._conversations(some, way, tools, number)
            number += len(some)
            yield from found

    # --- without a template -----------------------------------------------------------------------

    def _tokenised(self, row: Canonical) -> Rendered:
        ids = list(row["input_ids"])
        return Rendered(ids, list(row.get("labels") or ids))

    def _texts(self, texts: Sequence[str]) -> list[Rendered]:
        found = self._ids_of([self._ended(text) for text in texts])
        return [Rendered(ids, list(ids)) for ids in found]

    def _exchanges(self, rows: Sequence[Canonical]) -> list[Rendered]:
        prompts = self._tokenizer([row["prompt"] for row in rows])["input_ids"]
        whole = self._ids_of([self._ended(row["prompt"] + row["completion"]) for row in rows])
        return [
            _learned_from(ids, common_prefix_length(prompt, ids))
            for prompt, ids in zip(prompts, whole, strict=True)
        ]

    def _ids_of(self, texts: list[str]) -> list[list[int]]:
        """The ids of texts that end; a tokenizer that adds its own end does not make it two."""
        end = self._tokenizer.eos_token_id
        found = self._tokenizer(texts)["input_ids"]
        return [ids[:-1] if ids[-2:] == [end, end] else ids for ids in found]

    def _ended(self, text: str) -> str:
        end: str = self._tokenizer.eos_token
        return text if text.endswith(end) else text + end

    # --- with one ---------------------------------------------------------------------------------

    def _conversations(
        self, rows: Sequence[Canonical], way: str, tools: str | None, before: int
    ) -> list[Rendered]:
        asked = [row["prompt"] if way == "chat exchange" else [] for row in rows]
        said = [
            [*row["prompt"], *row["completion"]] if way == "chat exchange" else row["messages"]
            for row in rows
        ]
        options = {"tools": json.loads(tools)} if tools else {}
        found: list[Rendered] = []
        if self._template is not None and self._template.marks:
            try:
                masks = self._marked(said, options)
            except (TemplateError, TypeError, ValueError):
                masks = [self._marked_alone(one, options, before + i) for i, one in enumerate(said)]
        else:
            masks = [self._compared(one, options, before + i) for i, one in enumerate(said)]
        for index, (row, (ids, mask)) in enumerate(zip(rows, masks, strict=True)):
            if row.get("unmask"):
                mask = [1] * len(ids)
            if asked[index]:
                start = common_prefix_length(self._ids(asked[index], options, prompt=True), ids)
                mask = [0] * start + mask[start:]
            found.append(self._with_its_end(ids, mask))
        return found

    def _marked(
        self, conversations: Sequence[Any], options: dict[str, Any]
    ) -> list[tuple[list[int], list[int]]]:
        """Ids and the template's own marks."""
        made = self._tokenizer.apply_chat_template(
            list(conversations),
            chat_template=self._jinja,
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            **options,
        )
        return list(zip(made["input_ids"], made["assistant_masks"], strict=True))

    def _marked_alone(
        self, messages: Any, options: dict[str, Any], number: int
    ) -> tuple[list[int], list[int]]:
        try:
            return self._marked([messages], options)[0]
        except (TemplateError, TypeError, ValueError) as error:
            raise _refused(number, error) from error

    def _compared(
        self, messages: Any, options: dict[str, Any], number: int
    ) -> tuple[list[int], list[int]]:
        """Ids, and 1 where an assistant's turn makes the difference between two renderings.

        A turn that reads otherwise once others follow it (some templates drop earlier reasoning) is not
        learned; the last one always is.
        """
        try:
            whole = self._text(messages, options)
            spans = []
            for index, message in enumerate(messages):
                if message["role"] != "assistant":
                    continue
                start = self._text(messages[:index], options, prompt=True) if index else ""
                end = self._text(messages[: index + 1], options).rstrip()
                if whole.startswith(end) and end.startswith(start):
                    spans.append((len(start), len(end)))
        except (TemplateError, TypeError, ValueError) as error:
            raise _refused(number, error) from error
        made = self._tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        mask = [
            int(any(first < end and last > start for start, end in spans))
            for first, last in made["offset_mapping"]
        ]
        return made["input_ids"], mask

    def _text(self, messages: Any, options: dict[str, Any], *, prompt: bool = False) -> str:
        text: str = self._tokenizer.apply_chat_template(
            messages,
            chat_template=self._jinja,
            tokenize=False,
            add_generation_prompt=prompt,
            **options,
        )
        return text

    def _ids(self, messages: Any, options: dict[str, Any], *, prompt: bool) -> list[int]:
        ids: list[int] = self._tokenizer.apply_chat_template(
            messages,
            chat_template=self._jinja,
            tokenize=True,
            return_dict=True,
            add_generation_prompt=prompt,
            **options,
        )["input_ids"]
        return ids

    def _with_its_end(self, ids: list[int], mask: Sequence[int]) -> Rendered:
        """Every answer ends with a token that stops the model, and that token is learned.

        Some templates mark what is said and not its end; some have no end at all: then the last answer gets
        the end of sequence, and what the template puts behind it is cut off.
        """
        learned = list(mask)
        for last in [i for i, on in enumerate(learned) if on and not any(learned[i + 1 : i + 2])]:
            spoken = self._before(ids, last)
            follows = self._behind(ids, last + 1)
            if spoken is None or ids[spoken] in self._stops:
                continue
            if follows is None:
                end = self._tokenizer.eos_token_id
                ids, learned = [*ids[: last + 1], end], [*learned[: last + 1], 1]
            elif ids[follows] in self._stops:
                learned[last + 1 : follows + 1] = [1] * (follows - last)
        labels = [token if on else IGNORED for token, on in zip(ids, learned, strict=True)]
        return Rendered(list(ids), labels)

    def _before(self, ids: Sequence[int], index: int) -> int | None:
        """The last token up to `index` that is not blank."""
        return next((i for i in range(index, -1, -1) if not self._blank(ids[i])), None)

    def _behind(self, ids: Sequence[int], index: int) -> int | None:
        """The first token from `index` on that is not blank."""
        return next((i for i in range(index, len(ids)) if not self._blank(ids[i])), None)

    def _blank(self, token: int) -> bool:
        if token not in self._blanks:
            text = self._tokenizer.decode([token])
            self._blanks[token] = not text.strip() and token not in self._stops
        return self._blanks[token]

    @property
    def _jinja(self) -> str:
        if self._template is None:
            raise DataError(
                "the rows are conversations, and the model has no chat template",
                "set model.chat_template: chatml, or a file with a Jinja template",
            )
        return self._template.jinja


def common_prefix_length(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading tokens two sequences share: where a completion begins."""
    return next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b),
        min(len(first), len(second)),
    )


def _way(row: Canonical, kind: str) -> str:
    if kind != "exchange":
        return kind
    return "plain exchange" if isinstance(row["prompt"], str) else "chat exchange"


def _learned_from(ids: list[int], start: int) -> Rendered:
    return Rendered(ids, [IGNORED] * start + ids[start:])


def _refused(number: int, error: Exception) -> DataError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return DataError(
        f"the chat template refuses row {number + 1}: {reason[:200]}",
        "correct its roles and their order, or use model.chat_template: chatml",
    )
