"""`tunedeck plan SPEC`: what would happen, and what stands in the way; nothing is started."""

import argparse
import re
import shlex
from typing import Any

from engine.cli.output import json_text, narrate, say, say_json
from engine.cli.source import chosen_spec
from engine.data import Inspection
from engine.errors import TunedeckError
from engine.plan.preflight import Facts, Plan, preflight
from engine.series import format_bytes
from engine.spec import JobSpec
from engine.text import clean_text, one_line, shortened

TITLE_WIDTH = 13
ROW_WIDTH = 400


def run(args: argparse.Namespace) -> int:
    """Print the plan; it fails as `run` would."""
    spec = chosen_spec(args)
    plan = preflight(spec)
    failure = as_flags(plan.error) if args.model is not None else plan.error
    if args.json:
        say_json(as_json(spec, plan))
    else:
        for title, value in lines(spec, plan.facts):
            say(f"{title:<{TITLE_WIDTH}}{value}")
        for warning in plan.warnings:
            say(f"{'warning':<{TITLE_WIDTH}}{one_line(warning)}")
        for offer in plan.offers:
            say(f"{'offer':<{TITLE_WIDTH}}{one_line(offer)}")
    if failure is not None:
        raise failure
    if not args.json:
        narrate(f"this can work: tunedeck run {args.source}" + _repeated(args))
    return 0


def checked(spec: JobSpec, *, quiet: bool = False, flags: bool = False) -> Plan:
    """The plan of a job that is about to be submitted, its warnings printed.

    With `flags` there is no spec file to edit: advice is given as `--set`.

    Raises:
        TunedeckError: it cannot work.
    """
    plan = preflight(spec)
    failure = as_flags(plan.error) if flags else plan.error
    if failure is not None:
        raise failure
    if not quiet:
        for warning in plan.warnings:
            narrate(f"warning: {one_line(warning)}")
        for offer in plan.offers:
            narrate(f"note: {one_line(offer)}")
    return plan


def as_flags(error: TunedeckError | None) -> TunedeckError | None:
    """The same error, a line to write in a spec turned into `--set`."""
    if error is None:
        return None
    as_set = r"--set 'data.columns=\1'"
    return type(error)(_LINE.sub(as_set, error.message), _LINE.sub(as_set, error.hint))


_LINE = re.compile(r"data\.columns: (\{[^{}]*\})")


def _repeated(args: argparse.Namespace) -> str:
    given = [("--model", args.model), ("--method", args.method), ("--name", args.name)]
    given += [("--set", override) for override in args.overrides]
    return "".join(f" {flag} {shlex.quote(value)}" for flag, value in given if value is not None)


def lines(spec: JobSpec, facts: Facts) -> list[tuple[str, str]]:
    """Title and value of every line."""
    return [
        ("name", one_line(spec.name)),
        ("method", _method(spec)),
        ("model", one_line(f"{spec.model.name} ({_model(facts)})")),
        ("data", one_line(", ".join(source.path for source in spec.data.sources))),
        *_data_lines(facts),
        ("steps", _steps(facts)),
        ("runs on", facts.device),
        ("disk", f"{format_bytes(facts.disk_free_bytes)} free"),
    ]


def _method(spec: JobSpec) -> str:
    if spec.adapter.type == "none":
        return f"{spec.method}, full fine-tuning"
    adapter = spec.adapter
    if adapter.path is not None:
        return f"{spec.method}, going on with the adapter {one_line(adapter.path)}"
    rank = f" (r {adapter.r})" if adapter.r is not None else ""
    quantized = "" if spec.model.quantization == "none" else f", {spec.model.quantization} weights"
    return f"{spec.method} with {adapter.type}{rank}{quantized}"


def _model(facts: Facts) -> str:
    model = facts.model
    parts = [model.architecture, model.where]
    if model.weights_bytes is not None:
        parts.append(f"{format_bytes(model.weights_bytes)} of weights")
    if model.chat is not None:
        parts.append("chat template" if model.chat else "no chat template")
    return ", ".join(part for part in parts if part)


def _data_lines(facts: Facts) -> list[tuple[str, str]]:
    found = facts.inspection
    if found is None:
        return []
    more = "" if found.complete else " or more"
    rows = "not counted" if found.rows is None else f"{found.rows:,}{more}"
    if facts.train_rows is not None and facts.train_rows != found.rows:
        rows = f"{facts.train_rows:,} to train on"
    result = [
        ("format", _format(found)),
        ("columns", ", ".join(map(one_line, found.columns))),
        ("rows", rows + (f", {facts.eval_rows:,} to evaluate" if facts.eval_rows else "")),
    ]
    if found.unused_columns:
        result.append(("not used", ", ".join(map(one_line, found.unused_columns))))
    if found.roles:
        result.append(("roles", ", ".join(f"{one_line(r)} {n:,}" for r, n in found.roles.items())))
    if found.bad.count:
        result.append(("bad rows", f"{found.bad.count:,}"))
    if found.characters is not None:
        lengths = found.characters
        text = f"median {lengths.p50:,}, 95% up to {lengths.p95:,}, longest {lengths.max:,}"
        result.append(("characters", text))
    if found.first:
        result.append(("first row", shortened(clean_text(json_text(found.first[0])), ROW_WIDTH)))
    return [(title, value) for title, value in result if value]


def _format(found: Inspection) -> str:
    """Each source's format, and the kind that its rows become."""
    if found.format is None:
        return "known when the job starts"
    return f"{found.format}, read as {found.kind}"


def _steps(facts: Facts) -> str:
    if facts.steps_per_epoch is None:
        known = f"{facts.total_steps:,} in all" if facts.total_steps else "known when it starts"
        return known if facts.batch_rows is None else f"{known} ({facts.batch_rows} rows a step)"
    total = f"{facts.total_steps:,} in all: " if facts.total_steps else ""
    epochs = f" for {facts.epochs:g} epochs" if facts.epochs is not None else ""
    return f"{total}{facts.steps_per_epoch:,} an epoch{epochs} ({facts.batch_rows} rows a step)"


def as_json(spec: JobSpec, plan: Plan) -> dict[str, Any]:
    """The plan as one object."""
    facts, found = plan.facts, plan.facts.inspection
    return {
        "name": spec.name,
        "method": spec.method,
        "works": not plan.problems,
        "problems": [problem.to_json() for problem in plan.problems],
        "warnings": list(plan.warnings),
        "offers": list(plan.offers),
        "model": {
            "name": facts.model.name,
            "where": facts.model.where,
            "architecture": facts.model.architecture,
            "chat_template": facts.model.chat,
            "context_length": facts.model.context_length,
            "weights_bytes": facts.model.weights_bytes,
        },
        "data": None
        if found is None
        else {
            "format": found.format,
            "kind": found.kind,
            "bad_rows": {"count": found.bad.count, "first": found.bad.named},
            "columns": list(found.columns),
            "unused_columns": list(found.unused_columns),
            "complete": found.complete,
            "first": list(found.first),
            "files": [str(path) for path in found.files],
            "fingerprint": found.fingerprint,
        },
        "train_rows": facts.train_rows,
        "eval_rows": facts.eval_rows,
        "batch_rows": facts.batch_rows,
        "steps_per_epoch": facts.steps_per_epoch,
        "epochs": facts.epochs,
        "total_steps": facts.total_steps,
        "device": facts.device,
        "disk_free_bytes": facts.disk_free_bytes,
        "spec": spec.model_dump(mode="json", exclude_none=True),
    }
