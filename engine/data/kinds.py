"""The kinds of rows that methods learn from, whatever format they were written in."""

from typing import Any

Canonical = dict[str, Any]
"""One row as a method gets it; its columns are those of its kind.

Messages are `{"role", "content"}`, both text; the role is system, user, assistant or tool. Where the data has
them, an assistant's have `reasoning_content` and `tool_calls` (OpenAI's shape, the arguments as an object,
as chat templates want them; `content` may then be empty), and a tool's have `name` and `tool_call_id`.

A row with messages may also have `tools` (OpenAI's list of declarations as JSON text, since rows are stored
in columns of one type) and, for sft, `unmask: true`, which trains every token of it.
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

`prompt`, `completion`, `chosen` and `rejected` are lists of messages for a chat model, and text without a
chat template; a conversation is then an exchange. `label` is a boolean; `answer` is text, empty where the
data has none; `labels` are token ids with -100 where nothing is learned.
"""
