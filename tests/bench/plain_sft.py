"""The plain script that the worker's overhead is measured against: the same `SFTTrainer`, and nothing else.

`python plain_sft.py SPEC OUT`: trains as the spec says, with transformers' and TRL's own defaults for
logging, and writes the moment of each step's end and the CPU seconds used.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import yaml
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback, set_seed
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):
    """Notes when each optimizer step ended."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Take the time."""
        self.wall.append(time.perf_counter())
        self.cpu.append(time.process_time())


def main(spec_file: str, out: str) -> None:
    """Train, and write the times."""
    spec = yaml.safe_load(Path(spec_file).read_text())
    set_seed(42)
    name = spec["model"]["name"]
    rows = [json.loads(line) for line in Path(spec["data"]["train"]).read_text().splitlines()]
    adapter = {k: v for k, v in spec["adapter"].items() if k != "type"}
    clock = Clock()
    training = {k: v for k, v in spec["training"].items() if k != "save_strategy"}
    SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(name, dtype="float32"),
        processing_class=AutoTokenizer.from_pretrained(name),
        args=SFTConfig(
            output_dir=str(Path(out).parent / "plain"),
            use_cpu=True,
            bf16=False,
            seed=42,
            data_seed=42,
            report_to="none",
            disable_tqdm=True,
            save_strategy="no",
            assistant_only_loss=True,
            dataloader_pin_memory=False,
            **training,
        ),
        train_dataset=Dataset.from_list(rows),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **adapter),
        callbacks=[clock],
    ).train()
    Path(out).write_text(json.dumps({"wall": clock.wall, "cpu": clock.cpu}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
