"""One training job from its folder to its last state, read top to bottom.

Runs in a process of its own (`python -m engine.train FOLDER`), after the reporter thread has started.
"""

from typing import Any

import datasets
import torch
from transformers import Trainer, TrainerCallback, set_seed
from transformers.trainer_callback import PrinterCallback
from transformers.utils import logging as transformers_logging

from engine import checkpoints, data, defaults, edits, schema, spec, yardstick
from engine.edits import writing
from engine.edits.course import Batch, Course, stored_batches
from engine.errors import StateError
from engine.job import Job
from engine.metrics import MetricsWriter
from engine.status import JobState, Phase
from engine.train import adapters, fault, manifest, model, prepared, speed, trackers
from engine.train.account import Account
from engine.train.arguments import checkpointing_field
from engine.train.asking import Asking
from engine.train.backends import Backend
from engine.train.continuation import Continuation
from engine.train.device import assigned
from engine.train.exactness import inexact
from engine.train.examination import Examination
from engine.train.flow import Flow
from engine.train.intake import Intake, Taker
from engine.train.material import Material
from engine.train.methods import builder
from engine.train.recorder import Recorder
from engine.train.rendering import SFT_KINDS
from engine.train.reporter import Reporter
from engine.train.sampler import EpochSampler
from engine.train.stopping import Stopping

datasets.disable_progress_bars()
transformers_logging.disable_progress_bar()


class DataChangedError(StateError):
    """The data is not what the first attempt trained on."""


class Worker:
    """One attempt at a job."""

    def __init__(self, job: Job, reporter: Reporter, backend: Backend) -> None:
        self.job = job
        self.backend = backend
        self.device = assigned(reporter.status.gpus)
        self.reporter = reporter
        self.edits = edits.read(job)
        self.spec = edits.effective(job)
        self.seed = int(self.spec.training.get("seed", defaults.SEED))
        self.attempt = reporter.status.attempt
        self.metrics = MetricsWriter(job.metrics_file, self.attempt)
        self.recorder = Recorder(
            self.metrics, reporter, int(self.spec.training.get("logging_steps") or 1)
        )
        self.flow = self._flow()
        self.manifest = manifest.read(job)
        self.course: Course | None = None
        self._data_fingerprint: str | None = None
        self._spec_hash = spec.fingerprint(self.spec)

    def run(self) -> int:
        """Train to the end or to a pause; returns the exit code."""
        reporter = self.reporter
        self._set_threads()
        reporter.move(JobState.RUNNING)
        reporter.phase(Phase.LOADING_MODEL)
        set_seed(self.seed)
        base = self.backend.load(self.spec, gpu=self.device.gpu)
        reporter.phase(Phase.TOKENIZING)
        self._refuse_other_data()
        taker = Taker(self.job, self.spec, base, reporter, self.seed)
        intake = taker.take()
        self._refuse_untrainable(intake, intake.train, intake.eval)
        trainer = self._build_trainer(base, intake)
        account = self._look_at_prepared(trainer, intake, base)
        self._keep_manifest(account)
        start = self._choose_start()
        self._continue_from(start, trainer, account.epoch_rows)
        examination = Examination(self.job, self.spec, base, self.recorder, reporter)
        if start is None:
            examination.hold("before", trainer)
        if start is not None and self._ends_at(start, trainer):
            self.flow.stopped_early = start.facts.get("stopped_early")
            trainer.state.global_step = start.step
            trainer._load_from_checkpoint(str(start.folder))
        else:
            reporter.phase(Phase.TRAINING)
            with reporter.uninterruptible():
                trainer.train(resume_from_checkpoint=str(start.folder) if start else None)
        fault.point("train-end", trainer.state.global_step, self.attempt)
        if self.flow.paused:
            return reporter.end(JobState.PAUSED, reason=reporter.wish.reason)
        examination.hold("after", trainer)
        taker.close()
        return reporter.end(JobState.COMPLETED, reason=self.flow.stopped_early)

    def _set_threads(self) -> None:
        """The recorded thread count again, since sums depend on it."""
        threads = self.manifest.get("threads") or self.spec.compute.threads
        if threads:
            torch.set_num_threads(int(threads))
        reason = inexact(self.spec, self.device)
        self.reporter.update(exact=reason is None, exact_reason=reason)

    def _refuse_other_data(self) -> None:
        """Files are compared before anything is read; rows of the Hub after they are prepared."""
        now = data.data_fingerprint(self.spec.data, base_folder=self.job.folder)
        known = self.manifest.get("data", {}).get("fingerprint")
        if None not in (now, known) and known != now:
            raise DataChangedError(
                "the training data changed since this job started",
                "put the old data back, or submit a new job for the new data",
            )
        self._data_fingerprint = now

    def _build_trainer(self, base: model.Loaded, intake: Intake) -> Trainer:
        """The method's trainer; the adapter's weights are drawn here, after the seed was set again."""
        choices = self._choose_speed(base, intake)
        for reason in choices.reasons:
            print(reason)
        set_seed(self.seed)
        wanted = adapters.peft_config(self.spec, base.model)
        trained, peft_config = self.backend.wrap(base.model, self.spec, wanted)
        trainer = builder(self.spec.method)(
            Material(
                spec=self.spec,
                base=base,
                model=trained,
                peft_config=peft_config,
                kind=intake.kind,
                train_dataset=intake.train,
                eval_dataset=intake.eval,
                output_dir=self.job.checkpoints,
                job_folder=self.job.folder,
                device=self.device,
                callbacks=(*self._callbacks(base), *adapters.callbacks(self.spec)),
                chosen=choices.training,
            )
        )
        trainer.remove_callback(PrinterCallback)
        return trainer

    def _callbacks(self, base: model.Loaded) -> tuple[TrainerCallback, ...]:
        """Who looks on while it trains: measurements, saves and stops, prompts, trackers."""
        asked, found = self.spec.samples, [self.recorder, self.flow]
        if self.spec.early_stopping is not None:
            measure = yardstick.of(self.spec)
            found.append(Stopping(self.spec.early_stopping, measure, self.flow, self.reporter))
        if asked is not None and asked.prompts:
            found.append(
                Asking(
                    asked,
                    base,
                    path=self.job.samples_file,
                    attempt=self.attempt,
                    recorder=self.recorder,
                    flow=self.flow,
                    reporter=self.reporter,
                )
            )
        told = trackers.asked(self.spec.training.get("report_to"), self.reporter.warn)
        return (*found, *([told] if told is not None else []))

    def _choose_speed(self, base: model.Loaded, intake: Intake) -> speed.Choices:
        config, compute = base.model.config.get_text_config(), self.spec.compute
        library = schema.fields(spec.config_of(self.spec.method))
        facts = speed.Facts(
            gpu=self.device.gpu,
            flash_attention=config._attn_implementation == "flash_attention_2",
            liger=self.device.liger and self.spec.backend == "trl",
            memory_bytes=self.device.memory_bytes,
            weights_bytes=sum(p.numel() * p.element_size() for p in base.model.parameters()),
            hidden_size=int(getattr(config, "hidden_size", 0) or 0),
            layers=int(getattr(config, "num_hidden_layers", 0) or 0),
            longest_tokens=intake.longest_tokens,
            default_batch_size=int(library["per_device_train_batch_size"].default),
            default_accumulation=int(library["gradient_accumulation_steps"].default),
            effective_batch_size=compute.effective_batch_size,
            max_tokens_per_device=compute.max_tokens_per_device,
            packs=self.spec.method == "pretrain" or intake.kind not in SFT_KINDS,
        )
        return speed.choose(facts, self.spec.training, checkpointing=checkpointing_field())

    @staticmethod
    def _refuse_untrainable(intake: Intake, train: Any, held_out: Any) -> None:
        """Before the trainer is built, and after it: some methods leave rows out by themselves."""
        length = intake.max_length
        prepared.refuse_untrainable(len(train), intake.given_rows, length, "train")
        if held_out is not None:
            prepared.refuse_untrainable(len(held_out), intake.eval_given_rows, length, "eval")

    def _look_at_prepared(self, trainer: Trainer, intake: Intake, base: model.Loaded) -> Account:
        """What is known before the first step, said in the status and the log."""
        figures = prepared.look(trainer.train_dataset)
        self._refuse_untrainable(intake, trainer.train_dataset, trainer.eval_dataset)
        sampler = trainer._get_train_sampler()
        if isinstance(sampler, EpochSampler):
            self.flow.sampler = sampler
        account = Account(self.spec, base, intake, figures, trainer)
        for sentence in account.warnings:
            self.reporter.warn(sentence)
        print("\n".join(account.lines), flush=True)
        return account

    def _keep_manifest(self, account: Account) -> None:
        """Write the first attempt's manifest; compare later ones with it."""
        versions = manifest.versions()
        if not self.manifest:
            sources = data.resolve_all(self.spec.data, self.job.folder)
            files = [path for source in sources if isinstance(source, list) for path in source]
            self.manifest = {
                "schema": 1,
                "versions": versions,
                "hardware": manifest.hardware(self.device.gpu),
                "threads": torch.get_num_threads(),
                "git_commit": manifest.git_commit(files[0].parent) if files else None,
                "spec": self._spec_hash,
                "data": {
                    "fingerprint": self._data_fingerprint,
                    "files": [str(path) for path in files],
                    **account.of_data,
                },
                "model": account.of_model,
                "seed": self.seed,
            }
            manifest.write(self.job, self.manifest)
            return
        if self.manifest["data"]["prepared"] != account.figures.fingerprint:
            raise DataChangedError(
                "the tokenized data differs from the first attempt's",
                "the tokenizer, its chat template or a library changed: submit a new job",
            )
        if self.manifest["versions"] != versions:
            self.reporter.update(
                exact=False, exact_reason="library versions changed since the first attempt"
            )

    def _choose_start(self) -> checkpoints.Checkpoint | None:
        """The newest good checkpoint, telling what had to be passed over; None starts from the beginning."""
        selection = checkpoints.select(self.job.checkpoints)
        chosen = selection.checkpoint
        step = chosen.step if chosen else 0
        for damaged, why in selection.rejected:
            self.reporter.warn(
                f"checkpoint-{damaged} is damaged ({why}): went back to "
                f"{step if chosen else 'the start'}, {damaged - step} steps lost"
            )
        if chosen is not None:
            self.recorder.restore(chosen.folder)
        if self.attempt > 1:
            self.metrics.resumed(step)
            self.reporter.event("resume", from_step=step)
        self.reporter.update(step=step, checkpoint_step=chosen.step if chosen else None)
        return chosen

    def _continue_from(
        self, start: checkpoints.Checkpoint | None, trainer: Trainer, rows: int
    ) -> None:
        """Find the place in the data, and put in force what was edited since the checkpoint.

        Raises:
            StateError: the batch was edited to one that this checkpoint cannot go on with.
        """
        arguments = trainer.args
        batch = (arguments.train_batch_size, arguments.gradient_accumulation_steps)
        first = writing.first_batch(self.job) if self.edits else Batch(0, *batch)
        stored = stored_batches(start.facts, first) if start else (Batch(0, *batch),)
        course = Course(rows, arguments.dataloader_drop_last, stored)
        self.course = course.continued(start.step if start else 0, *batch)
        if self.course.changed:
            trainer.course = self.flow.course = self.course
        if self.edits and start is not None:
            trainer.add_callback(Continuation(trainer))
        for edit in self.edits:
            for field, change in edit.changes.items():
                before, after = (
                    "default" if value is None else value
                    for value in (change.get("before"), change.get("after"))
                )
                print(f"edited after step {edit.at_step}: {field} {before} -> {after}", flush=True)

    def _ends_at(self, start: checkpoints.Checkpoint, trainer: Trainer) -> bool:
        """Whether nothing is left to train; an edit may have moved the end."""
        if not self.edits or self.course is None:
            return start.is_last
        arguments = trainer.args
        total = self.course.total_steps(arguments.max_steps, arguments.num_train_epochs)
        self.reporter.update(total_steps=total)
        return start.step >= total

    def _flow(self) -> Flow:
        training = self.spec.training
        save_steps = training.get("save_steps")
        return Flow(
            reporter=self.reporter,
            recorder=self.recorder,
            save_strategy=str(training.get("save_strategy") or "steps"),
            save_steps=int(save_steps) if save_steps else None,
            save_total_limit=int(training.get("save_total_limit") or defaults.SAVES_KEPT),
            facts=self._commit_facts,
            yardstick=yardstick.of(self.spec),
        )

    def _commit_facts(self) -> dict[str, Any]:
        return {
            "attempt": self.attempt,
            "world_size": 1,
            "versions": self.manifest["versions"],
            "data": self.manifest["data"]["fingerprint"],
            "prepared": self.manifest["data"]["prepared"],
            "spec": self._spec_hash,
            "edits": len(self.edits),
            "batches": self.course.to_json() if self.course else None,
            "model": self.manifest["model"]["name"],
        }
