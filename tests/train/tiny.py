"""A tiny real model and small real data, made on the spot: no hub, no weights of anyone else's."""

import json
import random
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}<|assistant|>{% generation %}{{ message.content }}<|end|>"
    "{% endgeneration %}"
    "{% else %}<|user|>{{ message.content }}<|end|>{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"]
_WORDS = (
    *("red", "green", "blue", "one", "two", "three", "cat", "dog"),
    *("bird", "walks", "runs", "sleeps", "here", "there", "now", "then"),
)


def sentences(count: int, seed: int = 0) -> list[str]:
    """Short sentences of very different lengths."""
    drawn = random.Random(seed)
    return [" ".join(drawn.choices(_WORDS, k=drawn.randint(3, 24))) for _ in range(count)]


def write_model(folder: Path, *, hidden_size: int = 32, layers: int = 2) -> Path:
    """A Llama of a few thousand parameters, with dropout, its tokenizer and a chat template.

    It has no weights yet: use `initialize: random`, or `write_weights` in a process that has torch.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sentences(200), trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": hidden_size,
        "intermediate_size": hidden_size * 2,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "attention_dropout": 0.1,
        "tie_word_embeddings": True,
        "pad_token_id": 0,
        "bos_token_id": None,
        "eos_token_id": 1,
    }
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": "<|pad|>",
        "eos_token": "<|end|>",
        "model_max_length": 256,
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    return folder


def write_chats(path: Path, count: int, seed: int = 0) -> Path:
    """Rows of one question and one answer."""
    asked, answered = sentences(count, seed), sentences(count, seed + 1)
    rows = [
        {
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ]
        }
        for question, answer in zip(asked, answered, strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_pairs(path: Path, count: int, seed: int = 0) -> Path:
    """Questions, each with the answer that is preferred and another one."""
    columns = zip(*(sentences(count, seed + n) for n in range(3)), strict=True)
    rows = [
        {
            "prompt": [{"role": "user", "content": question}],
            "chosen": [{"role": "assistant", "content": better}],
            "rejected": [{"role": "assistant", "content": worse}],
        }
        for question, better, worse in columns
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_questions(path: Path, count: int, seed: int = 0) -> Path:
    """Short questions with the answer that is right, as grpo learns from."""
    columns = zip(sentences(count, seed), sentences(count, seed + 1), strict=True)
    rows = [{"question": question, "answer": answer} for question, answer in columns]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def write_text(path: Path, count: int, seed: int = 0) -> Path:
    """Documents of plain text, one a line, as JSONL."""
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in sentences(count, seed)))
    return path
