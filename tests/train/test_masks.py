"""What is learned of every kind of row with every family of templates, compared with what is written down.

`masks/FAMILY.txt` holds whole rows as the model sees them, with what is learned between ⟦ and ⟧. `python -m
tests.train.test_masks` writes the files anew: read the difference before you keep it.
"""

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer, ByT5Tokenizer, PreTrainedTokenizer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

import engine.demo
from engine.errors import DataError
from engine.train import template
from engine.train.rendering import IGNORED, Rendered, Renderer
from tests.train import tiny
from tests.train.families import GEMMA, LLAMA, MISTRAL_TOKENS, PHI, QWEN, WORDS, shipped

GOLDEN = Path(__file__).with_name("masks")
BASE = Path(engine.demo.__file__).parent / "base"

UNENDED = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}<|assistant|>{% generation %}{{ message.content }}"
    "{% endgeneration %}{% else %}<|user|>{{ message.content }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""Marks what is said, and has only tokens that begin a turn."""

MISTRAL = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if (message.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "{% if message.role == 'user' %}[INST] {{ message.content }} [/INST]"
    "{% else %} {{ message.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
"""Mistral's first, which TRL does not know; like the next two it marks nothing."""

NO_END = (
    "{% for message in messages %}[{{ message.role }}] {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
"""No special tokens, and nothing that ends a turn."""

FORGETFUL = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'assistant' %}<|assistant|>"
    "{% if message.reasoning_content and loop.last %}<think>{{ message.reasoning_content }}</think>{% endif %}"
    "{{ message.content }}{{ eos_token }}{% else %}<|user|>{{ message.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|><think>{% endif %}"
)
"""Drops the reasoning of all but the last answer, as DeepSeek-R1's does."""

UNMARKED_END = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}<|assistant|>{% generation %}{{ message.content }}"
    "{% endgeneration %}<|end|>\n{% else %}<|user|>{{ message.content }}<|end|>\n{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""Marks what is said, and not its end."""


FAMILIES: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "tiny": ("auto", {}, None),
    "demo": ("auto", {}, None),
    "chatml": ("chatml", {}, None),
    "chatml-tokens": ("chatml", QWEN, None),
    "llama3": ("auto", LLAMA, shipped("llama3")),
    "qwen2.5": ("auto", QWEN, shipped("qwen2_5")),
    "qwen3": ("auto", QWEN, shipped("qwen3")),
    "gemma3": ("auto", GEMMA, shipped("gemma3")),
    "phi3": ("auto", PHI, shipped("phi3")),
    "mistral": ("auto", MISTRAL_TOKENS, MISTRAL),
    "no-end": ("auto", {}, NO_END),
    "forgetful": ("auto", {"bos_token": "<s>"}, FORGETFUL),
    "unmarked-end": ("auto", {}, UNMARKED_END),
    "unended": ("auto", {}, UNENDED),
}
"""Family -> `model.chat_template`, the special tokens of its tokenizer, and its own template."""


def user(content: str) -> dict[str, Any]:
    """A question."""
    return {"role": "user", "content": content}


def assistant(content: str, **more: Any) -> dict[str, Any]:
    """An answer."""
    return {"role": "assistant", "content": content, **more}


CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Graz"}}}
TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
TALK = [user("red"), assistant("blue cat"), user("now"), assistant("then dog")]

CHATS: dict[str, tuple[str, dict[str, Any]]] = {
    "one turn": ("conversation", {"messages": TALK[:2]}),
    "two turns": ("conversation", {"messages": TALK}),
    "system": (
        "conversation",
        {"messages": [{"role": "system", "content": "one two"}, *TALK[:2]]},
    ),
    "unmask": ("conversation", {"messages": TALK, "unmask": True}),
    "ends with a question": ("conversation", {"messages": TALK[:3]}),
    "exchange": ("exchange", {"prompt": TALK[:3], "completion": TALK[3:]}),
    "exchange, unmask": (
        "exchange",
        {"prompt": TALK[:3], "completion": TALK[3:], "unmask": True},
    ),
    "reasoning": (
        "conversation",
        {
            "messages": [
                user("red"),
                assistant("blue cat", reasoning_content="one two"),
                user("now"),
                assistant("then dog", reasoning_content="three"),
            ]
        },
    ),
    "tools": (
        "conversation",
        {
            "messages": [
                user("red"),
                assistant("", tool_calls=[CALL]),
                {"role": "tool", "name": "weather", "content": "green"},
                assistant("here"),
            ],
            "tools": json.dumps([TOOL]),
        },
    ),
}
PLAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("text", {"text": "red cat"}),
    "text that ends": ("text", {"text": "red cat<|end|>"}),
    "exchange": ("exchange", {"prompt": "red", "completion": " cat"}),
    "exchange within a token": ("exchange", {"prompt": "red c", "completion": "at runs"}),
    "exchange without prompt": ("exchange", {"prompt": "", "completion": "red cat"}),
    "exchange, unmask": ("exchange", {"prompt": "red", "completion": " cat", "unmask": True}),
    "tokenised": ("tokenised", {"input_ids": [261, 262, 263], "labels": [-100, 262, 263]}),
    "tokenised without labels": ("tokenised", {"input_ids": [261, 262, 263]}),
}


@cache
def tiny_folder() -> Path:
    """The tiny model's folder."""
    return tiny.write_model(Path(mkdtemp()) / "tiny")


def tokenizer_of(family: str) -> Any:
    """The project's tokenizer, with the special tokens of the family."""
    _, special, jinja = FAMILIES[family]
    tokenizer = AutoTokenizer.from_pretrained(BASE if family == "demo" else tiny_folder())
    if special:
        tokenizer.add_special_tokens(special)
    if family.startswith("qwen"):
        tokenizer.add_tokens(WORDS)
    if jinja is not None:
        tokenizer.chat_template = jinja
    return tokenizer


@cache
def renderer_of(family: str) -> tuple[Any, Renderer]:
    """A tokenizer and what renders with it."""
    tokenizer = tokenizer_of(family)
    return tokenizer, Renderer(tokenizer, template.choose(tokenizer, FAMILIES[family][0]))


def shown(tokenizer: Any, row: Rendered) -> str:
    """The whole text, with what is learned between ⟦ and ⟧."""
    assert len(row.input_ids) == len(row.labels)
    pieces: list[str] = []
    start = 0
    for end in range(1, len(row.labels) + 1):
        if end < len(row.labels) and (row.labels[end] == IGNORED) == (row.labels[start] == IGNORED):
            continue
        text = tokenizer.decode(row.input_ids[start:end], clean_up_tokenization_spaces=False)
        learned = row.labels[start] != IGNORED
        if learned:
            assert row.labels[start:end] == row.input_ids[start:end]
        pieces.append(f"⟦{text}⟧" if learned else text)
        start = end
    return "".join(pieces)


def rendered(family: str) -> Iterator[tuple[str, str]]:
    """Every row of a family as it is shown, or why it is refused."""
    tokenizer, renderer = renderer_of(family)
    for name, (kind, row) in CHATS.items():
        try:
            (one,) = renderer.render([row], kind)
        except DataError as error:
            yield name, f"refused: {error.message}"
        else:
            yield name, shown(tokenizer, one)


def plain() -> Iterator[tuple[str, str]]:
    """The rows that no template renders."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder())
    renderer = Renderer(tokenizer, None)
    for name, (kind, row) in PLAIN.items():
        (one,) = renderer.render([row], kind)
        yield name, shown(tokenizer, one)


def _page(rows: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"=== {name}\n{text}\n" for name, text in rows)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_learned_is_what_is_written_down(family: str) -> None:
    assert _page(rendered(family)) == (GOLDEN / f"{family}.txt").read_text(encoding="utf-8")


def test_rows_without_a_template_are_learned_as_written_down() -> None:
    assert _page(plain()) == (GOLDEN / "plain.txt").read_text(encoding="utf-8")


def test_every_file_of_masks_is_compared() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == {*FAMILIES, "plain"}


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_are_rendered_alike_alone_and_together(family: str) -> None:
    tokenizer, renderer = renderer_of(family)
    rows = [(name, *CHATS[name]) for name, text in rendered(family) if "refused" not in text]
    alone = dict(rendered(family))
    for kind in ("conversation", "exchange"):
        some = [(name, row) for name, its_kind, row in rows if its_kind == kind]
        together = renderer.render((row for _, row in some), kind)
        assert [shown(tokenizer, one) for one in together] == [alone[name] for name, _ in some]


def test_the_end_is_learned_where_rows_are_padded_with_it() -> None:
    """Phi-3 pads with its end of sequence; TRL's own collator makes the batch."""
    tokenizer, renderer = renderer_of("phi3")
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    longer = [user("red"), assistant("one two three then dog runs here")]
    rows = [{"messages": TALK[:2]}, {"messages": longer}]
    made = [
        {"input_ids": one.input_ids, "labels": one.labels}
        for one in renderer.render(rows, "conversation")
    ]
    batch = DataCollatorForLanguageModeling(pad_token_id=tokenizer.pad_token_id)(made)
    size = len(made[0]["input_ids"])
    assert size < len(made[1]["input_ids"])
    assert int(batch["labels"][0][size - 1]) == tokenizer.eos_token_id
    assert set(batch["labels"][0][size:].tolist()) == {IGNORED}
    assert set(batch["input_ids"][0][size:].tolist()) == {tokenizer.pad_token_id}
    assert not batch["attention_mask"][0][size:].any()
    assert int(batch["labels"][1][-1]) == tokenizer.eos_token_id


def test_a_tokenizer_that_adds_beginning_and_end_does_not_make_them_two() -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_folder())
    tokenizer.add_special_tokens({"bos_token": "<s>"})
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A <|end|>", special_tokens=[("<s>", begin), ("<|end|>", end)]
    )
    assert tokenizer("red")["input_ids"][0] == begin
    renderer = Renderer(tokenizer, template.choose(tokenizer, "auto"))
    for text in ("red cat", "<s>red cat", "red cat<|end|>", "<s>red cat<|end|>"):
        (row,) = renderer.render([{"text": text}], "text")
        assert shown(tokenizer, row) == "⟦<s>red cat<|end|>⟧"
    for prompt in ("red", "<s>red"):
        (row,) = renderer.render([{"prompt": prompt, "completion": " cat"}], "exchange")
        assert shown(tokenizer, row) == "<s>red⟦ cat<|end|>⟧"
    (row,) = renderer.render([{"messages": TALK[:2]}], "conversation")
    assert shown(tokenizer, row) == "<|user|>red<|end|><|assistant|>⟦blue cat<|end|>⟧"


@pytest.mark.filterwarnings("ignore:This sequence already has")
def test_a_tokenizer_without_offsets_learns_the_same() -> None:
    """ByT5's tokenizer is Python's own: it knows no offsets, and adds an end."""
    tokenizer = ByT5Tokenizer(eos_token="</s>")
    assert not tokenizer.is_fast
    tokenizer.chat_template = MISTRAL
    renderer = Renderer(tokenizer, template.choose(tokenizer, "auto"))
    (row,) = renderer.render([{"messages": TALK}], "conversation")
    assert shown(tokenizer, row) == (
        "[INST] red [/INST]⟦ blue cat</s>⟧[INST] now [/INST]⟦ then dog</s>⟧"
    )
    (row,) = renderer.render([{"prompt": TALK[:3], "completion": TALK[3:]}], "exchange")
    assert shown(tokenizer, row) == (
        "[INST] red [/INST] blue cat</s>[INST] now [/INST]⟦ then dog</s>⟧"
    )
    (row,) = renderer.render([{"prompt": "red", "completion": " cat"}], "exchange")
    assert shown(tokenizer, row) == "red⟦ cat</s>⟧"
    (row,) = renderer.render([{"text": "red"}], "text")
    assert shown(tokenizer, row) == "⟦red</s>⟧"


class Words(PreTrainedTokenizer):
    """Whole words with the blank behind them; like every tokenizer of Python's own it knows no offsets."""

    def __init__(self) -> None:
        self._words = ["</s>"]
        super().__init__(eos_token="</s>", pad_token="</s>")

    def get_vocab(self) -> dict[str, int]:
        return {word: index for index, word in enumerate(self._words)}

    @property
    def vocab_size(self) -> int:
        return 1000

    def _tokenize(self, text: str, **_: Any) -> list[str]:
        return re.findall(r"\w+\s?|\W", text)

    def _convert_token_to_id(self, token: str) -> int:
        if token not in self._words:
            self._words.append(token)
        return self._words.index(token)

    def _convert_id_to_token(self, index: int) -> str:
        return self._words[index]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return "".join(tokens)


def test_a_token_that_is_partly_in_an_answer_is_learned() -> None:
    tokenizer = Words()
    tokenizer.chat_template = NO_END
    renderer = Renderer(tokenizer, template.choose(tokenizer, "auto"))
    (row,) = renderer.render([{"messages": TALK}], "conversation")
    assert shown(tokenizer, row) == (
        "[user] red\n[assistant] ⟦blue cat\n⟧[user] now\n[assistant] ⟦then dog\n</s>⟧"
    )


def test_what_the_spec_unmasks_is_learned() -> None:
    tokenizer = tokenizer_of("tiny")
    chosen = template.choose(tokenizer, "auto")
    every = "⟦<|user|>red<|end|><|assistant|>blue cat<|end|><|user|>now<|end|><|assistant|>then dog<|end|>⟧"
    chat = {"prompt": TALK[:3], "completion": TALK[3:]}
    text = {"prompt": "red", "completion": " cat"}

    def learned(row: dict[str, Any], kind: str, **training: bool) -> str:
        (one,) = Renderer(tokenizer, chosen, training).render([row], kind)
        return shown(tokenizer, one)

    assert learned({"messages": TALK}, "conversation", assistant_only_loss=False) == every
    both = {"assistant_only_loss": False, "completion_only_loss": False}
    assert learned(chat, "exchange", **both) == every
    assert (
        learned(chat, "exchange", completion_only_loss=False) == dict(rendered("tiny"))["two turns"]
    )
    assert learned(chat, "exchange", assistant_only_loss=False).endswith(
        "<|assistant|>⟦then dog<|end|>⟧"
    )
    assert learned(text, "exchange", completion_only_loss=False) == "⟦red cat<|end|>⟧"


def test_what_is_too_long_is_cut_at_the_end_that_was_asked_for() -> None:
    tokenizer, renderer = renderer_of("tiny")
    (row,) = renderer.render([{"messages": TALK}], "conversation")
    assert shown(tokenizer, row.truncated(4, "keep_start")) == "<|user|>red<|end|><|assistant|>"
    assert row.truncated(4, "keep_start").trained_tokens == 0
    assert shown(tokenizer, row.truncated(5, "keep_end")) == "<|end|><|assistant|>⟦then dog<|end|>⟧"
    assert row.truncated(None, "keep_start") == row.truncated(1000, "keep_end") == row


@pytest.mark.parametrize(
    ("jinja", "messages", "missing"),
    [
        ("{{ message.content[:4] }}", TALK, "what the assistant answers"),
        ("{% if loop.first %}{{ message.content }}{% endif %}", TALK, "what the assistant answers"),
        (
            "{% if message.role != 'system' %}{{ message.content }}{% endif %}",
            [{"role": "system", "content": "one two"}, *TALK],
            "a message of the system",
        ),
        (
            "{{ message.content }}",
            [user("red"), assistant("", tool_calls=[CALL])],
            "the assistant's tool calls",
        ),
        (
            "{{ message.content }}",
            [user("red"), assistant("blue", reasoning_content="green")],
            "the assistant's reasoning_content",
        ),
    ],
)
@pytest.mark.parametrize("marks", [True, False])
def test_a_template_that_leaves_something_out_is_refused(
    jinja: str, messages: list[Any], missing: str, marks: bool
) -> None:
    if marks:
        jinja = "{% generation %}" + jinja + "{% endgeneration %}"
    tokenizer = tokenizer_of("tiny")
    tokenizer.chat_template = "{% for message in messages %}" + jinja + "{% endfor %}"
    renderer = Renderer(tokenizer, template.choose(tokenizer, "auto"))
    with pytest.raises(DataError, match=f"^row 1: the chat template leaves out {missing}$"):
        next(renderer.render([{"messages": messages}], "conversation"))


def test_tools_that_a_template_does_not_declare_are_refused() -> None:
    _, renderer = renderer_of("tiny")
    row = {"messages": TALK, "tools": json.dumps([TOOL])}
    with pytest.raises(DataError, match="leaves out the tools that the row declares"):
        next(renderer.render([row], "conversation"))


def test_a_refused_row_is_named_by_its_number_and_the_others_are_rendered() -> None:
    tokenizer, renderer = renderer_of("mistral")
    good: dict[str, Any] = {"messages": TALK}
    bad: dict[str, Any] = {"messages": [*TALK[:1], *TALK]}
    rows = [good] * 300 + [bad] + [good] * 3
    refused: list[tuple[int, object, str]] = []
    made = list(
        renderer.render(rows, "conversation", lambda n, row, e: refused.append((n, row, e.message)))
    )
    reason = "the chat template refuses it: roles must alternate user/assistant"
    assert refused == [(301, bad, reason)]
    assert len({shown(tokenizer, row) for row in made}) == 1
    assert len(made) == 303
    with pytest.raises(DataError, match=f"row 301: {reason}"):
        list(renderer.render(rows, "conversation"))


def test_conversations_without_a_template_are_refused() -> None:
    tokenizer, _ = renderer_of("tiny")
    renderer = Renderer(tokenizer, None)
    with pytest.raises(DataError, match="the model has no chat template") as caught:
        next(renderer.render([{"messages": TALK}], "conversation"))
    assert "model.chat_template" in caught.value.hint


def test_token_ids_of_another_tokenizer_are_refused() -> None:
    _, renderer = renderer_of("tiny")
    with pytest.raises(DataError, match="token id 99999 is none of this model's"):
        next(renderer.render([{"input_ids": [1, 99999]}], "tokenised"))


def test_a_prompt_is_what_the_model_is_given_before_it_answers() -> None:
    tokenizer, renderer = renderer_of("mistral")
    assert tokenizer.decode(renderer.prompt(TALK[:3])) == (
        "<s>[INST] red [/INST] blue cat</s>[INST] now [/INST]"
    )
    assert tokenizer.decode(renderer.prompt("red")) == "red"


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for each in FAMILIES:
        (GOLDEN / f"{each}.txt").write_text(_page(rendered(each)), encoding="utf-8")
    (GOLDEN / "plain.txt").write_text(_page(plain()), encoding="utf-8")
    sys.exit(0)
