"""`tunedeck status ID`: everything that is known of one job."""

import argparse

from engine import edits
from engine.cli import words
from engine.cli.brief import brief
from engine.cli.ls import Entry, as_json, waits_for
from engine.cli.output import say, say_json
from engine.job import Job
from engine.series import format_duration
from engine.status import JobState, JobStatus, seconds_between, utc_now
from engine.store import Store
from engine.text import one_line

TITLE_WIDTH = 13


def run(args: argparse.Namespace) -> int:
    """Print the job."""
    store = Store()
    job = store.find(args.job)
    status = job.observed()
    if args.json:
        say_json(as_json(job, status))
        return 0
    waits = waits_for(store, [Entry(job, status, 0.0)]).get(job.id, "")
    say(f"{job.id}  {words.state_words(status.state)}")
    for title, value in facts(job, status, waits, utc_now()):
        say(f"  {title:<{TITLE_WIDTH}}{one_line(value)}")
    return 0


def facts(job: Job, status: JobStatus, waits: str, now: str) -> list[tuple[str, str]]:
    """Title and value of every line; what is unknown is left out."""
    about = brief(job)
    found = [
        ("model", about.model),
        ("method", about.method),
        ("waits for", waits),
        ("doing", words.phase(status, now) if status.state.living else ""),
        ("step", _step(status)),
        ("loss", words.number(status.loss) if status.loss is not None else ""),
        ("eval loss", words.number(status.eval_loss) if status.eval_loss is not None else ""),
        ("speed", words.speed(status) if status.tokens_per_second is not None else ""),
        ("eta", words.eta(status) if status.eta_seconds is not None else ""),
        ("checkpoint", _optional("step", status.checkpoint_step)),
        ("resume", _exactness(status)),
        *(("edited", text) for text in _edited(job)),
        ("runs on", _device(status)),
        ("process", _optional("pid", status.pid if status.state.living else None)),
        ("took", _took(status)),
        ("because", status.reason if status.reason not in (None, "user") else ""),
        *(("warning", warning) for warning in status.warnings),
    ]
    if status.error is not None and not status.state.living:
        found += [("error", status.error.message), ("hint", status.error.hint)]
    found += [("folder", str(job.folder)), ("next", next_command(job.id, status))]
    return [(title, value) for title, value in found if value]


def next_command(name: str, status: JobStatus) -> str:
    """The command that most likely comes next."""
    if status.state.living:
        return f"tunedeck watch {name}"
    if status.state in (JobState.PAUSED, JobState.INTERRUPTED, JobState.CANCELLED):
        return f"tunedeck resume {name}"
    if status.state is JobState.FAILED:
        return f"tunedeck logs {name}"
    return f"tunedeck export {name}" if status.state is JobState.COMPLETED else ""


def _step(status: JobStatus) -> str:
    if not status.step and status.total_steps is None:
        return ""
    epoch = f" (epoch {status.epoch:.2f})" if status.epoch is not None else ""
    return words.steps(status) + epoch


def _edited(job: Job) -> list[str]:
    """What the edits at its pauses changed of the spec, a field a line."""
    return [
        f"{field} {'the default' if before is None else before} -> "
        f"{'the default' if after is None else after}"
        for field, (before, after) in edits.changed(edits.read(job)).items()
    ]


def _optional(unit: str, value: int | None) -> str:
    return "" if value is None else f"{unit} {value}"


def _exactness(status: JobStatus) -> str:
    if status.exact is None:
        return ""
    if status.exact:
        return "exact: bit for bit"
    return f"not exact: {status.exact_reason or 'the reason is not known'}"


def _device(status: JobStatus) -> str:
    if status.gpus is None:
        return ""
    host = f" of {status.host}" if status.host else ""
    return (f"GPU {', '.join(map(str, status.gpus))}" if status.gpus else "the CPU") + host


def _took(status: JobStatus) -> str:
    duration = seconds_between(status.started_at, status.ended_at)
    return "" if duration is None or status.state.living else format_duration(duration)
