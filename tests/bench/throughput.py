"""Useful tokens per CPU second of fine-tuning: tunedeck's defaults against TRL's.

Both train LoRA on the bundled model for one epoch of the same rows in batches of the same size; tokens are
those of the rows, without padding. TRL's script is what its manual shows, every setting as it comes, except
that sums are in float32 on both sides, since bfloat16 on a CPU would make the comparison easy. The sides run
in turn, in processes of their own with one thread each, and the time is their CPU time. Goal: a ratio of 1.5.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

import engine.demo
from engine import spec
from engine.store import Store

ROUNDS = 2
ROWS, BATCH = 200, 8
ROOT = Path(__file__).parents[2]
BASE = Path(engine.demo.__file__).parent / "base"
FILE = "alpaca_en_demo.json"
LORA: dict[str, Any] = {
    "r": 16,
    "lora_alpha": 32,
    "lora_dropout": 0.05,
    "target_modules": "all-linear",
}
SIDES = ("tunedeck", "TRL", "TRL without recomputing")


def main() -> int:
    """Print the tokens per CPU second of each side, and the ratios."""
    if not os.environ.get("TUNEDECK_TEST_DATA"):
        print("throughput: TUNEDECK_TEST_DATA names no folder: skipped")
        return 0
    rows = json.loads((Path(os.environ["TUNEDECK_TEST_DATA"]) / FILE).read_text())[:ROWS]
    speeds: dict[str, list[float]] = {side: [] for side in SIDES}
    facts: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / FILE
        data.write_text(json.dumps(rows))
        for number in range(ROUNDS):
            for side in SIDES:
                measured = _measure(
                    side, data, Path(scratch) / f"{number}-{side.replace(' ', '-')}"
                )
                facts[side] = measured
                speeds[side].append(measured["tokens"] / measured["cpu_seconds"])
    assert len({facts[side]["tokens"] for side in SIDES}) == 1, facts
    for side in SIDES:
        padding = 1 - facts[side]["tokens"] / facts[side]["computed_tokens"]
        print(
            f"throughput, {side}: {statistics.median(speeds[side]):.0f} tokens per CPU second, "
            f"{padding:.0%} of what was computed is padding"
        )
    for side in SIDES[1:]:
        ratios = [
            ours / theirs for ours, theirs in zip(speeds["tunedeck"], speeds[side], strict=True)
        ]
        print(
            f"throughput, tunedeck to {side}: ratio {statistics.median(ratios):.2f} (median of {ROUNDS} "
            f"pairs, {min(ratios):.2f} to {max(ratios):.2f}"
            + ("; goal 1.5)" if side == "TRL" else "; what is left is grouping by length)")
        )
    return 0


def _measure(side: str, data: Path, folder: Path) -> dict[str, float]:
    folder.mkdir()
    out = folder / "measured.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.throughput", side, str(data), str(folder), str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode or not out.exists():
        sys.exit(f"throughput: {side} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    measured: dict[str, float] = json.loads(out.read_text())
    return measured


def _measured(trainer: Any) -> Any:
    """A callback that counts tokens and CPU seconds from the first step to the last."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        began = ended = 0.0
        computed = useful = 0

        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            self.began = time.process_time()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            self.ended = time.process_time()

        def collate(self, rows: list[dict[str, Any]]) -> Any:
            batch = collator(rows)
            self.computed += batch["input_ids"].numel()
            self.useful += sum(len(row["input_ids"]) for row in rows)
            return batch

        def to_json(self) -> str:
            return json.dumps(
                {
                    "tokens": self.useful,
                    "computed_tokens": self.computed,
                    "cpu_seconds": self.ended - self.began,
                }
            )

    clock, collator = Clock(), trainer.data_collator
    trainer.data_collator = clock.collate
    trainer.add_callback(clock)
    return clock


def _tunedeck(data: Path, folder: Path, out: Path) -> None:
    """The worker with its defaults."""
    written = {
        "name": "throughput",
        "model": {"name": str(BASE)},
        "adapter": {"type": "lora", **LORA},
        "data": {"train": str(data)},
        "training": {
            "num_train_epochs": 1,
            "per_device_train_batch_size": BATCH,
            "save_strategy": "no",
        },
        "compute": {"gpus": 0},
    }
    (folder / "spec.yaml").write_text(yaml.safe_dump(written))
    text = spec.load(folder / "spec.yaml").to_yaml()
    job = Store(folder / "home").create("throughput", lambda new: _fill(new.spec_file, text))
    from engine.train.__main__ import main as worker
    from engine.train.material import Material
    from engine.train.methods import sft

    clocks: list[Any] = []
    build = sft.build

    def build_measured(material: Material, **chosen: Any) -> sft.Trainer:
        trainer = build(material, **chosen)
        clocks.append(_measured(trainer))
        return trainer

    sft.build = build_measured
    if worker([str(job.folder)]) != 0:
        sys.exit(str(job.stored().error))
    out.write_text(clocks[0].to_json())


def _fill(path: Path, content: str) -> None:
    path.write_text(content)


def _trl(data: Path, folder: Path, out: Path, **chosen: Any) -> None:
    """TRL's trainer with its defaults."""
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=AutoModelForCausalLM.from_pretrained(str(BASE), dtype="float32"),
        processing_class=AutoTokenizer.from_pretrained(str(BASE)),
        args=SFTConfig(
            output_dir=str(folder / "out"),
            num_train_epochs=1,
            per_device_train_batch_size=BATCH,
            use_cpu=True,
            bf16=False,
            report_to="none",
            save_strategy="no",
            **chosen,
        ),
        train_dataset=Dataset.from_list([_exchange(row) for row in json.loads(data.read_text())]),
        peft_config=LoraConfig(task_type="CAUSAL_LM", **LORA),
    )
    clock = _measured(trainer)
    trainer.train()
    out.write_text(clock.to_json())


def _exchange(row: dict[str, str]) -> dict[str, Any]:
    """An Alpaca row as TRL wants it."""
    asked = "\n\n".join(part for part in (row["instruction"], row["input"]) if part)
    return {
        "prompt": [{"role": "user", "content": asked}],
        "completion": [{"role": "assistant", "content": row["output"]}],
    }


def _side(name: str, data: Path, folder: Path, out: Path) -> None:
    if name == "tunedeck":
        _tunedeck(data, folder, out)
    elif name == "TRL":
        _trl(data, folder, out)
    else:
        _trl(data, folder, out, gradient_checkpointing=False)


if __name__ == "__main__":
    if sys.argv[1:]:
        _side(sys.argv[1], *map(Path, sys.argv[2:]))
        os._exit(0)
    sys.exit(main())
