"""`python -m engine.train.export FOLDER --to adapter,merged [--checkpoint last]`: artifacts of a job.

Runs on the CPU, in a process of its own, while the job may go on training. An artifact is built beside its
final place, loaded again and compared, and only then put there; `export.json` in it says how far it is.
"""

import argparse
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import checkpoints, edits
from engine.checkpoints import Checkpoint
from engine.errors import StateError, TunedeckError
from engine.files import write_json
from engine.job import Job
from engine.lock import Lock
from engine.spec import JobSpec
from engine.status import utc_now

KINDS = ("adapter", "merged")

TRAINER_FILES = (
    "optimizer.pt",
    "scheduler.pt",
    "scaler.pt",
    "rng_state*.pth",
    "trainer_state.json",
    "training_args.bin",
    "recorder.json",
    "README.md",
    checkpoints.COMMIT,
    "ref",
)
"""What a checkpoint holds for resuming, and an artifact does not need; `ref` is the adapter that DPO began
with."""


class Export:
    """One artifact on its way, and its `export.json`."""

    def __init__(self, job: Job, kind: str, checkpoint: Checkpoint) -> None:
        self.job = job
        self.kind = kind
        self.checkpoint = checkpoint
        self.place = job.export_folder(kind)
        self.building = job.exports / f".new-{kind}-{os.getpid()}"
        self._facts: dict[str, Any] = {
            "schema": 1,
            "kind": kind,
            "checkpoint_step": checkpoint.step,
            "started_at": utc_now(),
            "verified": False,
            "error": None,
        }

    def report(self, state: str, phase: str, progress: float, **facts: Any) -> None:
        """Say how far it is, where the artifact will be."""
        self._facts |= {"state": state, "phase": phase, "progress": progress, **facts}
        self._facts["updated_at"] = utc_now()
        self.place.mkdir(parents=True, exist_ok=True)
        write_json(self.place / "export.json", self._facts)

    def publish(self, **facts: Any) -> None:
        """Put the finished artifact in its place."""
        self._facts |= {"state": "completed", "phase": "done", "progress": 1.0, **facts}
        self._facts |= {"verified": True, "updated_at": utc_now()}
        write_json(self.building / "export.json", self._facts)
        old = self.place.with_name(f".old-{self.kind}-{os.getpid()}")
        self.place.rename(old)
        self.building.rename(self.place)
        shutil.rmtree(old)

    def discard(self) -> None:
        """Remove what a failure left."""
        shutil.rmtree(self.building, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """Export every asked-for kind; 0 when all are there."""
    parser = argparse.ArgumentParser(prog="python -m engine.train.export", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--to", default="adapter")
    parser.add_argument("--checkpoint", default="last")
    options = parser.parse_args(arguments)
    os.umask(0o077)
    job = Job(options.folder.absolute())
    lock = Lock.take(job.export_lock)
    if lock is None:
        print(f"{job.id} is being exported already", file=sys.stderr)
        return StateError.exit_code
    try:
        return _export_all(job, options.to.split(","), options.checkpoint)
    except TunedeckError as error:
        print(f"error: {error.message}\n{error.hint}", file=sys.stderr)
        return error.exit_code


def _export_all(job: Job, kinds: list[str], wanted: str) -> int:
    job.exports.mkdir(exist_ok=True)
    for leftover in (*job.exports.glob(".new-*"), *job.exports.glob(".old-*")):
        shutil.rmtree(leftover, ignore_errors=True)
    checkpoint = checkpoints.choose(job.checkpoints, wanted)
    with checkpoints.reading(checkpoint):
        return max(_export(Export(job, kind, checkpoint)) for kind in kinds)


def _export(export: Export) -> int:
    try:
        export.report("running", "importing", 0.0)
        _BUILDERS[export.kind](export)
    except TunedeckError as error:
        return _failed(export, error.message, error.hint, error.exit_code)
    except Exception as error:  # noqa: BLE001 - this process's top level
        traceback.print_exc()
        hint = f"the traceback is in {export.job.exports / 'log.txt'}"
        return _failed(export, f"{type(error).__name__}: {error}", hint, 1)
    return 0


def _failed(export: Export, message: str, hint: str, code: int) -> int:
    export.discard()
    failure = {"message": message, "hint": hint}
    export.report("failed", "failed", 0.0, error=failure, ended_at=utc_now())
    print(f"error: {message}", file=sys.stderr)
    return code


def _export_adapter(export: Export) -> None:
    """The adapter as PEFT loads it, with the tokenizer."""
    job_spec = edits.effective(export.job)
    if job_spec.adapter.type == "none":
        raise StateError(
            "full fine-tuning has no adapter", "export the model: tunedeck export ID --to merged"
        )
    _copy_artifact(export)
    from engine.train import artifact

    export.report("running", "loading model", 0.3)
    facts = artifact.write_adapter(
        job_spec, export.checkpoint.folder, export.building, lambda: _base(job_spec)
    )
    export.publish(**facts)


def _export_merged(export: Export) -> None:
    """The whole model as transformers loads it, with the tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    job_spec = edits.effective(export.job)
    if job_spec.adapter.type == "none":
        _copy_artifact(export)
        export.report("running", "verifying", 0.7)
        AutoModelForCausalLM.from_pretrained(str(export.building))
        export.publish()
        return
    from engine.train import artifact

    export.report("running", "loading model", 0.1)
    base = _base(job_spec)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(export.checkpoint.folder))
    export.report("running", "merging", 0.4)
    merged, difference = artifact.merged(base, export.checkpoint.folder, len(tokenizer))
    export.report("running", "saving", 0.6)
    merged.save_pretrained(str(export.building))
    tokenizer.save_pretrained(str(export.building))
    export.report("running", "verifying", 0.8)
    AutoModelForCausalLM.from_pretrained(str(export.building))
    export.publish(logits_difference=difference, **artifact.remarks(job_spec))


def _base(job_spec: JobSpec) -> Any:
    """The base model in the precision in which it is stored."""
    from transformers import AutoConfig, AutoModelForCausalLM, set_seed

    section = job_spec.model
    if section.initialize == "random":
        set_seed(int(job_spec.training.get("seed", 42)))
        config = AutoConfig.from_pretrained(section.name, revision=section.revision)
        return AutoModelForCausalLM.from_config(config)
    return AutoModelForCausalLM.from_pretrained(
        section.name, revision=section.revision, dtype="auto"
    )


def _copy_artifact(export: Export) -> None:
    export.report("running", "copying", 0.2)
    ignore = shutil.ignore_patterns(*TRAINER_FILES)
    shutil.copytree(export.checkpoint.folder, export.building, ignore=ignore)


_BUILDERS: dict[str, Callable[[Export], None]] = {
    "adapter": _export_adapter,
    "merged": _export_merged,
}


if __name__ == "__main__":
    sys.exit(main())
