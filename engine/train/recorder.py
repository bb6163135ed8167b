"""Turns what the trainer logs at every step into `metrics.jsonl`, averaged to the asked `logging_steps`.

The trainer restarts its token total and its averages with every session; the job's own are kept with each
checkpoint and continued, so that a paused run reads as one.
"""

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from engine.files import read_json, write_json
from engine.metrics import MetricsWriter
from engine.status import Phase
from engine.train.reporter import Reporter

STATE_FILE = "recorder.json"
"""Inside a checkpoint: token total and the unfinished averaging window."""

_LAST_VALUE = frozenset({"learning_rate", "epoch", "num_tokens"})
"""Measured at a point: the window keeps the last one instead of the mean."""
_SESSION_TOTALS = frozenset({"total_flos", "train_loss", "train_runtime"})
_TOKEN_KEYS = frozenset({"num_tokens", "eval_num_tokens"})


class Recorder(TrainerCallback):
    """Averages, continues and writes the measurements."""

    def __init__(self, writer: MetricsWriter, reporter: Reporter, logging_steps: int) -> None:
        self._writer = writer
        self._reporter = reporter
        self._logging_steps = max(1, logging_steps)
        self._window: list[dict[str, float]] = []
        self._tokens_before = 0.0
        self._tokens = 0.0
        self._clock = time.perf_counter()
        self._seconds = 0.0
        self._tokens_at_window = 0.0
        self._step_seconds: float | None = None
        self._predicted = 0
        self._said_not_finite = False
        self.eval_losses: dict[int, float] = {}
        """Loss of each evaluation of this session, by step."""

    def restore(self, checkpoint: Path) -> None:
        """Continue the totals and the window that were saved with a checkpoint."""
        saved = read_json(checkpoint / STATE_FILE) or {}
        self._tokens_before = self._tokens = float(saved.get("num_tokens", 0.0))
        self._window = list(saved.get("window", []))
        self._seconds = float(saved.get("seconds", 0.0))
        self._tokens_at_window = float(saved.get("num_tokens_at_window", self._tokens))

    def save(self, checkpoint: Path) -> None:
        """Store totals and window beside the trainer's state, before the commit."""
        write_json(
            checkpoint / STATE_FILE,
            {
                "num_tokens": self._tokens,
                "num_tokens_at_window": self._tokens_at_window,
                "seconds": self._seconds,
                "window": self._window,
            },
        )
        self._writer.sync()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._clock = time.perf_counter()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        values = {k: float(v) for k, v in (logs or {}).items() if isinstance(v, int | float)}
        for key in _TOKEN_KEYS & values.keys():
            values[key] += self._tokens_before
        if "loss" in values:
            self._on_step(state, values)
        elif any(key.startswith("eval_") for key in values):
            self.record_evaluation(state.global_step, values)

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        self._predicted += 1
        batches = len(eval_dataloader) if eval_dataloader is not None else 0
        self._reporter.phase(Phase.EVALUATING, self._predicted / batches if batches else None)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.restart_clock()

    def restart_clock(self) -> None:
        """What passed until now was no training: an evaluation or a save."""
        self._clock = time.perf_counter()
        self._predicted = 0
        self._reporter.phase(Phase.TRAINING)

    def record_evaluation(self, step: int, values: Mapping[str, float]) -> None:
        """Write one evaluation."""
        kept = {k: v for k, v in values.items() if k.startswith("eval_") or k == "epoch"}
        self._writer.append("eval", step, kept)
        loss = kept.get("eval_loss")
        if loss is None:
            return
        print(f"step {step}: eval_loss {loss:.4f}", flush=True)
        finite = math.isfinite(loss)
        if finite:
            self.eval_losses[step] = loss
        self._reporter.update(eval_loss=loss if finite else None)

    def record_sample(self, step: int, values: Mapping[str, float]) -> None:
        """Write how the held-out questions were answered."""
        self._writer.append("sample", step, values)

    def _on_step(self, state: TrainerState, values: dict[str, float]) -> None:
        now = time.perf_counter()
        elapsed, self._clock = now - self._clock, now
        self._seconds += elapsed
        self._tokens = values.get("num_tokens", self._tokens)
        known = self._step_seconds
        self._step_seconds = elapsed if known is None else 0.9 * known + 0.1 * elapsed
        self._window.append({k: v for k, v in values.items() if k not in _SESSION_TOTALS})
        step = state.global_step
        if step % self._logging_steps == 0 or step >= state.max_steps:
            self._write_window(step)
        self._reporter.update(
            step=step,
            total_steps=state.max_steps,
            epoch=state.epoch,
            learning_rate=values.get("learning_rate"),
            eta_seconds=(state.max_steps - step) * self._step_seconds,
        )

    def _write_window(self, step: int) -> None:
        measured: dict[str, list[float]] = {}
        for one in self._window:
            for key, value in one.items():
                measured.setdefault(key, []).append(value)
        row = {
            key: values[-1] if key in _LAST_VALUE else sum(values) / len(values)
            for key, values in measured.items()
        }
        speed = None
        if self._seconds > 0 and self._tokens > self._tokens_at_window:
            speed = (self._tokens - self._tokens_at_window) / self._seconds
            row["tokens_per_second"] = round(speed, 1)
        self._writer.append("train", step, row)
        loss = row["loss"]
        self._reporter.update(loss=loss if math.isfinite(loss) else None, tokens_per_second=speed)
        if not math.isfinite(loss) and not self._said_not_finite:
            self._said_not_finite = True
            self._reporter.warn(
                f"the loss is not a number at step {step}: lower training.learning_rate, or look "
                "for broken rows"
            )
        self._window.clear()
        self._seconds = 0.0
        self._tokens_at_window = self._tokens
