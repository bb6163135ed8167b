"""Direct preference optimisation through TRL's `DPOTrainer`: an adapter or full, with every loss it offers.

A row is a prompt with a chosen and a rejected answer, as text or as messages. The loss looks at the answers
only: a batch is `input_ids`, `attention_mask`, `completion_mask` of shape (2 * batch, sequence), the chosen
half first. It compares the model with a reference, which is the model as it was before (Rafailov et al. 2023,
"Direct Preference Optimization", equation 7).
"""

import copy
from typing import Any

import numpy as np
import pyarrow.compute
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import set_seed
from trl import DPOConfig, DPOTrainer

from engine.adapters import changes_base, off_is_base
from engine.errors import PlanError
from engine.train.adapters import as_fields, copy_reference, fields_of
from engine.train.arguments import trainer_arguments
from engine.train.continuation import Continued
from engine.train.material import Material
from engine.train.sampler import LengthSampler

GROUPED = "group_by_length"


class Trainer(Continued, DPOTrainer):
    """`DPOTrainer` whose length grouping is reproduced in every epoch."""

    epoch_sampler: LengthSampler | None = None
    """Made once: `Flow` tells the very sampler that the loader draws from which epoch begins."""
    grouped = False
    """Whether rows of like length are trained on together."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        if not self.grouped:
            return super()._get_train_sampler(train_dataset)
        if self.epoch_sampler is None:
            rows = self.train_dataset if train_dataset is None else train_dataset
            self.epoch_sampler = LengthSampler(
                lengths(rows),
                self.args.train_batch_size * self.args.gradient_accumulation_steps,
                self.args.data_seed,
            )
        return self.epoch_sampler


def build(material: Material) -> Trainer:
    """The trainer of a dpo job, its rows tokenized with the prompts masked."""
    full = material.peft_config is None and not fields_of(material.model)
    arguments = trainer_arguments(
        DPOConfig,
        material,
        train_sampling_strategy=GROUPED,
        precompute_ref_log_probs=full and _sees_every_row(material.spec.training),
    )
    grouped = arguments.train_sampling_strategy == GROUPED
    if grouped:  # the library would group evaluations too, by a column that pairs do not have
        arguments.train_sampling_strategy = "random"
    material.model.eval()  # the reference knows no dropout, also where it is asked beforehand
    trainer = Trainer(
        model=material.model,
        ref_model=_reference(material, full=full, precomputed=arguments.precompute_ref_log_probs),
        args=arguments,
        train_dataset=material.train_dataset,
        eval_dataset=material.eval_dataset,
        processing_class=material.base.tokenizer,
        peft_config=material.peft_config,
        callbacks=list(material.callbacks),
    )
    trainer.grouped = grouped
    copy_reference(trainer.model)
    set_seed(
        arguments.seed
    )  # an attempt that finds the reference's answers stored draws nothing for them
    return trainer


def lengths(rows: Dataset) -> list[int]:
    """Tokens of the longer of each row's two sequences; both are padded to the longest of their batch."""
    found = [
        _counted(batch, "prompt_ids")
        + np.maximum(_counted(batch, "chosen_ids"), _counted(batch, "rejected_ids"))
        for batch in rows.with_format("arrow").iter(1000)
    ]
    return [int(count) for counts in found for count in counts]


def _counted(batch: Any, column: str) -> np.ndarray[Any, Any]:
    counts: np.ndarray[Any, Any] = pyarrow.compute.list_value_length(batch[column]).to_numpy()
    return counts


def _sees_every_row(training: Any) -> bool:
    """Whether it pays to ask the reference about all rows beforehand.

    It is asked once instead of once an epoch, and no second model stays in memory; a run that `max_steps` cuts
    short, or whose reference moves, must not.
    """
    return not training.get("sync_ref_model") and (training.get("max_steps") or 0) <= 0


def _reference(material: Material, *, full: bool, precomputed: bool) -> Any:
    """A model to compare with, where the trained one cannot be switched back to it.

    An adapter that is switched off leaves the base. Full fine-tuning keeps a copy, unless the reference's
    probabilities are computed beforehand; so does an adapter that changes the base itself, such as PiSSA.
    """
    if full:
        return None if precomputed else copy.deepcopy(material.model)
    if (
        material.peft_config is None
    ):  # an adapter to go on with: TRL keeps a copy of it as reference
        if changes_base(fields_of(material.model)):
            raise PlanError(
                "dpo cannot go on with an adapter that changes the base's weights",
                "merge it into its base first, and train a new adapter on that",
            )
        if precomputed:
            raise PlanError(
                "training.precompute_ref_log_probs is for runs that begin with the base",
                "leave it out: the adapter to go on with is kept as reference",
            )
        return None
    if off_is_base(as_fields(material.peft_config)):
        return None
    print("the adapter changes the base itself: a copy of the base is kept as reference")
    return copy.deepcopy(material.model)
