"""Asks the prompts of `samples` while the model learns: at the beginning, at every evaluation, at the end.

The answers are kept in `samples.jsonl` by step; `engine.answers` reads them. Asking changes nothing that the
training goes by: it is greedy, and the random state is put back.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.files import LineAppender
from engine.spec import SamplesSection
from engine.status import Phase
from engine.train import samples
from engine.train.flow import Flow
from engine.train.model import Loaded
from engine.train.recorder import Recorder
from engine.train.reporter import Reporter


class Asking(TrainerCallback):
    """Keeps what the model answers to the same prompts, step by step."""

    def __init__(
        self,
        section: SamplesSection,
        base: Loaded,
        *,
        path: Path,
        attempt: int,
        recorder: Recorder,
        flow: Flow,
        reporter: Reporter,
    ) -> None:
        self._section = section
        self._base = base
        self._questions = samples.prompted(section.prompts, base)
        self._path = path
        self._attempt = attempt
        self._recorder = recorder
        self._flow = flow
        self._reporter = reporter
        self._training = False
        self._asked_at: int | None = None

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        self._training = True
        if state.global_step == 0:
            self._ask(model, state, None)
        else:
            self._append({"when": "resume", "step": state.global_step})

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        metrics: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if self._training:
            self._ask(model, state, (metrics or {}).get("eval_loss"))

    def on_train_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        self._training = False
        if not self._flow.paused and self._asked_at != state.global_step:
            self._ask(model, state, None)

    def _ask(self, model: Any, state: TrainerState, eval_loss: float | None) -> None:
        self._reporter.phase(Phase.ANSWERING, 0.0)
        try:
            answers = samples.answer(
                self._questions,
                model,
                self._base,
                max_new_tokens=self._section.max_new_tokens,
                progress=lambda share: self._reporter.phase(Phase.ANSWERING, share),
            )
        except torch.OutOfMemoryError:
            self._reporter.warn(
                "the prompts of samples could not be answered at every evaluation: the GPU's memory is "
                "full. Lower samples.max_new_tokens, or ask fewer prompts"
            )
            torch.cuda.empty_cache()
            return
        finally:
            self._recorder.restart_clock()
        self._asked_at = state.global_step
        pairs = zip(self._questions, answers, strict=True)
        self._append(
            {
                "when": "asked",
                "step": state.global_step,
                "eval_loss": eval_loss,
                "prompts": [{"prompt": one.prompt, "answer": answer} for one, answer in pairs],
            }
        )

    def _append(self, facts: dict[str, Any]) -> None:
        lines = LineAppender(self._path)
        lines.append({**facts, "attempt": self._attempt, "time": round(time.time(), 3)})
        lines.close()
