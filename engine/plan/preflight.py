"""Checks a validated spec against data, model folder, devices and disk; starts and raises nothing."""

import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import data, methods, schema
from engine.data import Inspection, remarks
from engine.errors import DataError, MachineError, TunedeckError
from engine.gpu import Snapshot, Telemetry
from engine.plan import checks
from engine.plan.model_folder import BaseModel, look_at
from engine.series import format_bytes
from engine.spec import DataSection, JobSpec, config_of
from engine.store import default_home

READ_WHOLE_BELOW_BYTES = 256 * 1024**2
"""Larger data is checked by its first rows here; the worker reads all of it."""
SAMPLED_ROWS = 20_000
LEAST_DISK_BYTES = 256 * 1024**2
CHECKPOINTS_KEPT = 4
"""The last three and the end."""
BYTES_OF_FULL_CHECKPOINT = 3
"""Times the weights: weights and two moments of the optimizer."""


@dataclass(frozen=True)
class Facts:
    """What was found; None is unknown."""

    model: BaseModel
    inspection: Inspection | None
    train_rows: int | None
    eval_rows: int | None
    batch_rows: int | None
    """Rows of one optimizer step."""
    steps_per_epoch: int | None
    epochs: float | None
    total_steps: int | None
    device: str
    disk_free_bytes: int | None


@dataclass(frozen=True)
class Plan:
    """What came of the checks."""

    problems: tuple[TunedeckError, ...]
    """What keeps the job from working; each carries its exit code."""
    warnings: tuple[str, ...]
    offers: tuple[str, ...]
    """What the spec could ask for and does not."""
    facts: Facts

    @property
    def error(self) -> TunedeckError | None:
        """All problems as one error: what the user wrote counts before what the machine lacks."""
        if len(self.problems) < 2:
            return next(iter(self.problems), None)
        first = min(self.problems, key=lambda problem: _PRECEDENCE.get(problem.exit_code, 9))
        parts = [
            f"{one.message} ({one.hint})" if one.hint else one.message for one in self.problems
        ]
        lines = "\n  ".join([f"{len(parts)} problems", *parts])
        return type(first)(lines, "correct these; `tunedeck plan SPEC` checks again")


_PRECEDENCE = {2: 0, 5: 1, 1: 2}


Look = Callable[[JobSpec, BaseModel], Inspection | None]
"""Looks at the data of a job; None where it could not. Raises DataError or OSError."""


def preflight(
    spec: JobSpec, *, environ: Mapping[str, str] = os.environ, look: Look | None = None
) -> Plan:
    """Everything that can be said of a job without starting it.

    `look` is for who asks again and again: the deck's form reads less, and remembers what it read.
    """
    model = look_at(spec.model, environ)
    problems: list[TunedeckError] = list(model.problems)
    inspection = _inspected(spec, model, look or inspected, problems)
    if spec.samples is not None:
        _check_samples(spec, model, problems)
    if spec.data.eval is None and spec.training.get("eval_strategy", "no") != "no":
        problems.append(
            DataError(
                "training.eval_strategy asks for evaluations, and there is no data.eval",
                "set data.eval: a fraction such as 0.05, or a file",
            )
        )
    with Telemetry() as telemetry:
        snapshot = telemetry.read()
    device = _device(spec, snapshot, problems)
    problems += checks.problems(spec, snapshot)
    disk = _free_bytes(default_home())
    chat = chat_of(spec, model)
    warnings, offers = [], []
    if inspection is not None:
        warnings += remarks.warnings(inspection, spec.data, method=spec.method, chat=chat)
        offers += remarks.offers(inspection, spec.data)
    warnings += _warnings(spec, model, snapshot, device)
    _check_disk(spec, model, disk, problems, warnings)
    facts = _facts(spec, model, inspection, device, disk)
    return Plan(tuple(problems), tuple(warnings), tuple(offers), facts)


# --- data -----------------------------------------------------------------------------------------


def inspected(
    spec: JobSpec,
    model: BaseModel,
    *,
    small_bytes: int = READ_WHOLE_BELOW_BYTES,
    rows: int = SAMPLED_ROWS,
) -> Inspection:
    """The data of a job: all of it up to so many bytes, else the first rows."""
    return data.inspect(
        spec.data,
        method=spec.method,
        base_folder=Path.cwd(),
        sample=None if _is_small(spec, small_bytes) else rows,
        chat=chat_of(spec, model),
    )


def _inspected(
    spec: JobSpec, model: BaseModel, look: Look, problems: list[TunedeckError]
) -> Inspection | None:
    try:
        found = look(spec, model)
        bad = found.bad.error if found is not None and spec.data.on_bad_row == "fail" else None
        problems += [bad] if bad is not None else []
        return found
    except DataError as error:
        problems.append(error)
    except OSError as error:
        problems.append(
            DataError(f"the data cannot be read: {error}", "check that you may read it")
        )
    return None


def _check_samples(spec: JobSpec, model: BaseModel, problems: list[TunedeckError]) -> None:
    if spec.samples is None or spec.samples.rows is None:
        return
    asked = DataSection(train=spec.samples.rows, format=spec.data.format, columns=spec.data.columns)
    try:
        found = data.inspect(
            asked,
            method=spec.method,
            base_folder=Path.cwd(),
            sample=spec.samples.limit,
            chat=chat_of(spec, model),
        )
        if (bad := found.bad.error) is not None:
            raise bad
    except DataError as error:
        problems.append(DataError(f"samples.rows: {error.message}", error.hint))


def chat_of(spec: JobSpec, model: BaseModel) -> bool:
    """Whether rows are rendered with a chat template; where that is unknown, most likely."""
    if not methods.method(spec.method).renders_chat or spec.model.chat_template == "none":
        return False
    return spec.model.chat_template != "auto" or model.chat is not False


def _is_small(spec: JobSpec, small_bytes: int) -> bool:
    total = 0
    for name in spec.data.named:
        try:
            found = data.resolve(name, Path.cwd())
            total += sum(path.stat().st_size for path in found) if isinstance(found, list) else 0
        except (DataError, OSError):
            continue
    return total <= small_bytes


# --- machine --------------------------------------------------------------------------------------


def _device(spec: JobSpec, snapshot: Snapshot, problems: list[TunedeckError]) -> str:
    """Where the job will train, in words."""
    asked = spec.compute.gpus
    if isinstance(asked, int) and asked > 1:
        problems.append(
            MachineError(
                f"compute.gpus: {asked}: several GPUs for one job are not built yet", "use 1"
            )
        )
    if asked == 0:
        return "the CPU"
    if snapshot.gpus:
        names = ", ".join(dict.fromkeys(gpu.name for gpu in snapshot.gpus))
        return f"one GPU ({names})"
    why = snapshot.note or "no GPU was found"
    if asked == 1:
        problems.append(
            MachineError(
                f"compute.gpus: 1, and {why}",
                "use `gpus: auto` or `gpus: 0` to train on the CPU",
            )
        )
    return f"the CPU ({why})"


def _free_bytes(home: Path) -> int | None:
    """Free space where the job's folder will be."""
    for folder in (home, *home.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None


def _check_disk(
    spec: JobSpec,
    model: BaseModel,
    free: int | None,
    problems: list[TunedeckError],
    warnings: list[str],
) -> None:
    if free is None:
        return
    if free < LEAST_DISK_BYTES:
        problems.append(
            MachineError(
                f"only {format_bytes(free)} are free at {default_home()}",
                "make room, or set TUNEDECK_HOME to a folder on another disk",
            )
        )
    elif spec.adapter.type == "none" and model.weights_bytes is not None:
        needed = model.weights_bytes * BYTES_OF_FULL_CHECKPOINT * CHECKPOINTS_KEPT
        if needed > free:
            warnings.append(
                f"full fine-tuning keeps about {format_bytes(needed)} of checkpoints, and "
                f"{format_bytes(free)} are free at {default_home()}"
            )


def _warnings(spec: JobSpec, model: BaseModel, snapshot: Snapshot, device: str) -> list[str]:
    found = []
    if snapshot.gpus and all(gpu.trouble for gpu in snapshot.gpus):
        found.append(f"the GPU is in trouble: {snapshot.gpus[0].trouble}")
    if device.startswith("the CPU") and spec.model.dtype in ("bfloat16", "float16"):
        found.append(f"{spec.model.dtype} is many times slower than float32 on a CPU")
    length = spec.training.get("max_length")
    if model.context_length and isinstance(length, int) and length > model.context_length:
        found.append(
            f"training.max_length {length} is more than the model can attend to "
            f"({model.context_length} tokens)"
        )
    return found


# --- steps ----------------------------------------------------------------------------------------


def _facts(
    spec: JobSpec, model: BaseModel, inspection: Inspection | None, device: str, disk: int | None
) -> Facts:
    settings = _settings(spec)
    rows = inspection.rows if inspection is not None and inspection.complete else None
    eval_rows = inspection.eval_rows if inspection is not None else None
    if rows is not None and isinstance(spec.data.eval, float):
        rows -= eval_rows or 0
    packed = bool(spec.training.get("packing", spec.method == "pretrain"))
    batch = _batch(spec, settings)
    per_epoch = None
    if rows is not None and batch is not None and not packed:
        device_rows, accumulation = batch
        batches = rows / device_rows
        whole = math.floor(batches) if settings["dataloader_drop_last"] else math.ceil(batches)
        per_epoch = max(1, math.ceil(whole / accumulation))
    max_steps = int(settings["max_steps"])
    epochs = None if max_steps > 0 else float(settings["num_train_epochs"])
    total = max_steps if max_steps > 0 else None
    if epochs is not None and per_epoch is not None:
        total = math.ceil(epochs * per_epoch)
    return Facts(
        model=model,
        inspection=inspection,
        train_rows=rows,
        eval_rows=eval_rows,
        batch_rows=math.prod(batch) if batch is not None else spec.compute.effective_batch_size,
        steps_per_epoch=per_epoch,
        epochs=epochs,
        total_steps=total,
        device=device,
        disk_free_bytes=disk,
    )


def _batch(spec: JobSpec, settings: Mapping[str, Any]) -> tuple[int, int] | None:
    """Rows of a micro-batch, and how many of those make a step; None where the worker finds out."""
    wanted = spec.compute.effective_batch_size
    if spec.compute.max_tokens_per_device is not None or methods.method(spec.method).generates:
        return None
    device_rows = int(settings["per_device_train_batch_size"])
    if wanted is None:
        return device_rows, int(settings["gradient_accumulation_steps"])
    device_rows = next(
        size for size in range(min(wanted, device_rows), 0, -1) if wanted % size == 0
    )
    return device_rows, wanted // device_rows


_NEEDED = (
    "gradient_accumulation_steps",
    "per_device_train_batch_size",
    "dataloader_drop_last",
    "max_steps",
    "num_train_epochs",
)


def _settings(spec: JobSpec) -> dict[str, Any]:
    """The training fields that decide the number of steps: as asked, or the library's defaults."""
    known = schema.fields(config_of(spec.method))
    return {name: spec.training.get(name, known[name].default) for name in _NEEDED}
