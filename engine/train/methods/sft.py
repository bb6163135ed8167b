"""Supervised fine-tuning through TRL's `SFTTrainer`: LoRA or full.

Loss falls on the completion of prompt-completion rows and on the assistant's turns of conversations; batches
are `input_ids`, `attention_mask`, `labels` of shape (batch, sequence), with -100 where nothing is learned.
"""

from typing import Any

from torch.utils.data import Sampler
from trl import SFTTrainer

from engine.train.arguments import sft_config
from engine.train.continuation import Continued
from engine.train.material import Material
from engine.train.sampler import EpochSampler


class Trainer(Continued, SFTTrainer):
    """`SFTTrainer` whose length grouping is reproduced in every epoch."""

    epoch_sampler: EpochSampler | None = None
    """Made once: `Flow` tells the very sampler that the loader draws from which epoch begins."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        if self.epoch_sampler is None:
            rows = self.train_dataset if train_dataset is None else train_dataset
            self.epoch_sampler = EpochSampler(
                [len(ids) for ids in rows["input_ids"]],
                self.args.train_batch_size * self.args.gradient_accumulation_steps,
                self.args.data_seed,
            )
        return self.epoch_sampler


def build(material: Material) -> Trainer:
    """The trainer of an sft job, its data tokenized."""
    rows = material.train_rows
    arguments = sft_config(
        material.spec,
        output_dir=material.output_dir,
        gpu=material.gpu,
        has_eval=bool(material.eval_rows),
        conversational="messages" in rows[0],
        context_length=material.base.context_length,
    )
    return Trainer(
        model=material.base.model,
        args=arguments,
        train_dataset=material.train_dataset,
        eval_dataset=material.eval_dataset,
        processing_class=material.base.tokenizer,
        peft_config=material.peft_config,
        callbacks=list(material.callbacks),
    )
