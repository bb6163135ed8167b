"""Supervised fine-tuning through TRL's `SFTTrainer`: an adapter or full; with the adapter osf it is osft.

Where the loss falls is decided by `engine.train.rendering`, before the trainer sees a row; batches are
`input_ids`, `attention_mask`, `labels` of shape (batch, sequence), with -100 where nothing is learned.
"""

from typing import Any

from torch.utils.data import Sampler
from trl import SFTConfig, SFTTrainer

from engine.train.arguments import trainer_arguments
from engine.train.continuation import Continued
from engine.train.material import Material
from engine.train.rows import lengths
from engine.train.sampler import LengthSampler


class Trainer(Continued, SFTTrainer):
    """`SFTTrainer` whose length grouping is reproduced in every epoch."""

    epoch_sampler: LengthSampler | None = None
    """Made once: `Flow` tells the very sampler that the loader draws from which epoch begins."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        if self.epoch_sampler is None:
            rows = self.train_dataset if train_dataset is None else train_dataset
            self.epoch_sampler = LengthSampler(
                lengths(rows).tolist(),
                self.args.train_batch_size * self.args.gradient_accumulation_steps,
                self.args.data_seed,
            )
        return self.epoch_sampler


def build(material: Material, **chosen: Any) -> Trainer:
    """The trainer of an sft job; its rows are tokens and labels already, cut to `max_length`."""
    packs = bool({**chosen, **material.chosen, **material.spec.training}.get("packing"))
    arguments = trainer_arguments(
        SFTConfig, material, **{"dataset_kwargs": {"skip_prepare_dataset": not packs}, **chosen}
    )
    return Trainer(
        model=material.model,
        args=arguments,
        train_dataset=material.train_dataset,
        eval_dataset=material.eval_dataset,
        processing_class=material.base.tokenizer,
        peft_config=material.peft_config,
        callbacks=list(material.callbacks),
    )
