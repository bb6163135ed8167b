"""The kinds of rows that methods learn from, whatever format they were written in."""

from typing import Any

Canonical = dict[str, Any]
"""One row as a method gets it; its columns are those of its kind.

A conversation's messages are `{"role", "content"}` with, where the data has them, `reasoning_content`,
`tool_calls` (OpenAI's shape) and, for the role `tool`, `name`; a row may have `tools` (JSON text, since rows
are stored in columns of one type) and `unmask: true`, which trains every token of it.
"""

KINDS: dict[str, tuple[str, ...]] = {
    "conversation": ("messages",),
    "exchange": ("prompt", "completion"),
    "text": ("text",),
    "preference": ("prompt", "chosen", "rejected"),
    "unpaired": ("prompt", "completion", "label"),
    "question": ("prompt", "answer"),
    "tokenised": ("input_ids", "labels"),
}
"""Kind -> the columns that its rows have.

`prompt`, `completion`, `chosen` and `rejected` are text, or lists of messages for a chat model. `label` is a
boolean; `answer` is text, empty where the rewards need none; `labels` are token ids with -100 where nothing
is learned.
"""
