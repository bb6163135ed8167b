"""Makes the demo's data files, its tokenizer, and what a pre-training run of its base model needs.

`python -m engine.demo.build FOLDER` writes `corpus.jsonl`, `init/` (configuration and tokenizer, no
weights) and `pretrain.yaml` into FOLDER, and the data files beside this module. With `--weights FILE`
it also ships the trained weights in `base/`. It needs no torch.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from engine.demo import corpus, task

HERE: Final = Path(__file__).parent
TEXTS: Final = 48_000
VOCABULARY: Final = 2048
PAD: Final = "<|pad|>"
SYSTEM: Final = "<|system|>"
SPECIAL: Final = (PAD, corpus.END, corpus.USER, corpus.ASSISTANT, SYSTEM)
CONTEXT: Final = 2048

CHAT_TEMPLATE: Final = (
    "{%- for message in messages -%}\n"
    "{%- if message.role == 'assistant' -%}\n"
    "{{- '<|assistant|>' -}}\n"
    "{%- generation -%}{{- message.content + '<|end|>' -}}{%- endgeneration -%}\n"
    "{%- else -%}\n"
    "{{- '<|' + message.role + '|>' + message.content + '<|end|>' -}}\n"
    "{%- endif -%}\n"
    "{%- endfor -%}\n"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}\n"
)

CONFIG: Final[dict[str, Any]] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "hidden_act": "silu",
    "max_position_embeddings": CONTEXT,
    "rms_norm_eps": 1e-5,
    "initializer_range": 0.02,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
    "use_cache": True,
    "dtype": "float32",
}


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """A byte-level BPE tokenizer, which has a token for every byte and so for any text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """One JSON object, indented."""
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def write_lines(path: Path, objects: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


def write_model_folder(folder: Path, texts: Iterable[str]) -> None:
    """Configuration, tokenizer and chat template: all of a model folder but the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    train_tokenizer(texts).save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, encoding="utf-8")
    write_json(folder / "config.json", CONFIG)
    write_json(folder / "generation_config.json", {"eos_token_id": 1, "pad_token_id": 0})
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": CONTEXT,
            "eos_token": corpus.END,
            "pad_token": PAD,
            "extra_special_tokens": [corpus.USER, corpus.ASSISTANT, SYSTEM],
            "clean_up_tokenization_spaces": False,
        },
    )


def write_data(folder: Path) -> None:
    """The rows of the task, one file a split."""
    folder.mkdir(parents=True, exist_ok=True)
    for split in task.ROWS:
        write_lines(folder / f"{split}.jsonl", task.rows(split))


def main() -> None:
    """Write everything that can be made without training."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.build", description=__doc__)
    parser.add_argument("folder", type=Path, help="where corpus.jsonl and init/ go")
    parser.add_argument("--weights", type=Path, help="a trained model.safetensors to ship")
    arguments = parser.parse_args()
    texts = list(corpus.texts(TEXTS))
    write_data(HERE / "data")
    write_model_folder(arguments.folder / "init", texts)
    shutil.copyfile(HERE / "pretrain.yaml", arguments.folder / "pretrain.yaml")
    write_lines(arguments.folder / "corpus.jsonl", ({"text": text} for text in texts))
    if arguments.weights:
        write_model_folder(HERE / "base", texts)
        shutil.copyfile(arguments.weights, HERE / "base" / "model.safetensors")


if __name__ == "__main__":
    main()
