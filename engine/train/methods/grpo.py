"""Learning from rewards through TRL's `GRPOTrainer`: an adapter or full.

A row is a prompt with the answer that is right, where the rewards need one. In a round the model writes
`num_generations` answers to each of some prompts; what an answer was rewarded more or less than the others
of its prompt is how much it is learned (Shao et al. 2024, "DeepSeekMath", section 4.1). A batch holds
`prompt_ids` and `completion_ids` of shape (batch, sequence), and `advantages` of shape (batch,).
"""

from typing import Any

from torch.utils.data import Sampler
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import GRPOConfig, GRPOTrainer

from engine import rewards
from engine.errors import PlanError
from engine.generation import completion_tokens, divide
from engine.job import Job
from engine.train.adapters import copy_reference
from engine.train.arguments import trainer_arguments
from engine.train.continuation import Continued
from engine.train.material import Material
from engine.train.sampler import PromptSampler


class Trainer(Continued, GRPOTrainer):
    """`GRPOTrainer` whose order of prompts is reproduced in every epoch."""

    epoch_sampler: PromptSampler | None = None
    """Made once: `Flow` tells the very sampler that the loader draws from which epoch begins."""

    def _get_train_sampler(self, dataset: Any = None) -> Sampler[int]:
        if self.epoch_sampler is None:
            rows = self.train_dataset if dataset is None else dataset
            self.epoch_sampler = PromptSampler(
                len(rows),
                prompts=self.args.generation_batch_size // self.num_generations,
                answers=self.num_generations,
                batches=self.args.steps_per_generation * self.num_iterations,
                seed=self.args.data_seed,
                shuffled=self.shuffle_dataset,
            )
        return self.epoch_sampler

    def rows_of_an_epoch(self, rows: int) -> int:
        """The loader gives a whole round at a time, once for each micro-batch that is learned from it."""
        return len(self._get_train_sampler()) // self.args.steps_per_generation


class SessionTokens(TrainerCallback):
    """Counts tokens from the session's beginning as the other trainers do; `Recorder` adds up the sessions."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        state.num_input_tokens_seen = 0


def build(material: Material) -> Trainer:
    """The trainer of a grpo job, its rewards loaded.

    Raises:
        PlanError: the answers cannot be divided into batches, or a reward function cannot be loaded.
    """
    spec = material.spec
    division = divide(
        {**material.chosen, **spec.training}, has_eval=material.eval_dataset is not None
    )
    for problem in division.problems:
        raise PlanError(f"{problem.field}: {problem.message}", problem.hint)
    for reason in division.reasons:
        print(reason)
    judges = rewards.judges(spec.rewards, Job(material.job_folder).rewards)
    arguments = trainer_arguments(
        GRPOConfig,
        material,
        **division.chosen,
        max_completion_length=completion_tokens(spec.training, material.base.context_length),
        disable_dropout=True,  # else answers are written by other weights than those that learn from them
        reward_weights=[reward.weight for reward in spec.rewards],
        model_init_kwargs=_reference(material),
    )
    trainer = Trainer(
        model=material.model,
        reward_funcs=list(judges),
        args=arguments,
        train_dataset=material.train_dataset,
        eval_dataset=material.eval_dataset,
        processing_class=material.base.tokenizer,
        peft_config=material.peft_config,
        callbacks=[*material.callbacks, SessionTokens()],
    )
    copy_reference(trainer.model)
    return trainer


def _reference(material: Material) -> dict[str, Any] | None:
    """How the model to compare with is loaded, where one is: `beta` above 0, without an adapter."""
    spec = material.spec
    if not spec.training.get("beta") or spec.adapter.type != "none":
        return None
    if spec.model.initialize == "random":
        raise PlanError(
            "training.beta compares with the stored model, and model.initialize: random has none",
            "leave beta out, or use an adapter",
        )
    return {"revision": spec.model.revision or "main", "dtype": material.base.model.dtype}
