"""Examines the model on held-out questions before and after training: exact match, and some of its answers."""

import time

from transformers import Trainer

from engine.files import LineAppender
from engine.job import Job
from engine.spec import JobSpec, SamplesSection
from engine.status import Phase
from engine.train import samples
from engine.train.intake import sample_rows
from engine.train.model import Loaded
from engine.train.recorder import Recorder
from engine.train.reporter import Reporter


class Examination:
    """The questions of `samples.rows`, asked of one attempt's model."""

    def __init__(
        self, job: Job, spec: JobSpec, base: Loaded, recorder: Recorder, reporter: Reporter
    ) -> None:
        self._job = job
        self._spec = spec
        self._base = base
        self._recorder = recorder
        self._reporter = reporter

    def hold(self, when: str, trainer: Trainer) -> None:
        """Measure exact match, and the loss on the evaluation rows where it is not known yet."""
        section = self._spec.samples
        if section is None or section.rows is None:
            return
        self._reporter.phase(Phase.ANSWERING, 0.0)
        rows = sample_rows(section.rows, self._spec, self._base, self._job, section.limit)
        asked = samples.questions(rows, self._base)
        answers = samples.answer(
            asked,
            trainer.model,
            self._base,
            max_new_tokens=section.max_new_tokens,
            progress=lambda share: self._reporter.phase(Phase.ANSWERING, share),
        )
        self._keep(when, section, asked, answers, trainer)

    def _keep(
        self,
        when: str,
        section: SamplesSection,
        asked: list[samples.Question],
        answers: list[str],
        trainer: Trainer,
    ) -> None:
        step = trainer.state.global_step
        share = samples.exact_match(asked, answers)
        self._recorder.record_sample(step, {"exact_match": share})
        eval_loss = self._recorder.eval_losses.get(step)
        if eval_loss is None and trainer.eval_dataset is not None:
            with samples.untouched_randomness():
                eval_loss = trainer.evaluate().get("eval_loss")
        shown = zip(asked[: section.shown], answers, strict=False)
        lines = LineAppender(self._job.samples_file)
        lines.append(
            {
                "when": when,
                "attempt": self._reporter.status.attempt,
                "step": step,
                "time": round(time.time(), 3),
                "eval_loss": eval_loss,
                "exact_match": share,
                "rows": len(asked),
                "answers": [
                    {"prompt": q.prompt, "expected": q.expected, "answer": a} for q, a in shown
                ],
            }
        )
        lines.close()
