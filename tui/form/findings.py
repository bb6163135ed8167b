"""What is found out about a draft: problems by field, facts, and the one sentence of what it would do.

Everything is asked of the engine; nothing is started. Meant for a thread: it reads files.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.data.extent import files_of, rounded
from engine.data.row import printable
from engine.errors import DataError, Problem, SpecError, TunedeckError
from engine.plan.model_folder import BaseModel
from engine.plan.preflight import Facts, Plan, preflight
from engine.series import format_bytes
from engine.spec import JobSpec, build
from tui.form.data_look import DataLook
from tui.form.draft import SHOWN, Draft
from tui.form.fields import field_of


@dataclass(frozen=True)
class Findings:
    """What was found."""

    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """By field; of no field under an empty name."""
    warnings: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    """What the spec could ask for and does not."""
    facts: Facts | None = None
    spec: JobSpec | None = None
    """The valid spec; None while something is wrong with it."""
    estimated_rows: int | None = None
    """About how many rows there are, where not all were read."""
    model: str = ""
    """What the base model is, in words."""
    columns: str = ""
    """The mapping of columns that the data probably needs, as it would be typed."""

    @property
    def first(self) -> list[tuple[str, Problem]]:
        """The problems in the order of the form, each with its field."""
        order = list(dict.fromkeys((*SHOWN, *sorted(self.problems))))
        keys = sorted(self.problems, key=order.index)
        return [(key, problem) for key in keys for problem in self.problems[key]]


def check(draft: Draft, look: DataLook, environ: Mapping[str, str] = os.environ) -> Findings:
    """Check a draft as far as it stands: what is wrong in one field does not hide the others."""
    document: Mapping[str, Any] = {"model": {}, "data": {}} | draft.document()
    spec, problems = _built(document)
    standing, more = spec, problems
    while standing is None and more:  # what one problem hid comes to light without it
        document = _without(document, more)
        standing, more = _built(document)
        problems = [*problems, *more]
    if standing is None:
        return Findings(_by_field(problems, draft))
    wrong = {_field_of(problem.field, draft) for problem in problems}
    look.skip = "data.train" in wrong
    plan = preflight(standing, environ=environ, look=look)
    found = [] if "model.name" in wrong else list(plan.facts.model.problems)
    problems += [_problem("model.name", one) for one in found]
    rest = [one for one in plan.problems if one not in plan.facts.model.problems]
    told = [_problem(_blamed(one, standing), one) for one in rest]
    messages = {one.message for one in told if one.field != "samples.rows"}
    problems += [one for one in told if one.field != "samples.rows" or one.message not in messages]
    return Findings(
        _by_field(problems, draft),
        _warnings(plan, look),
        () if look.skip else plan.offers,
        plan.facts,
        spec if not problems else None,
        look.estimated_rows,
        "" if "model.name" in wrong or found else _model(plan.facts.model),
        next((columns for one in rest if (columns := _proposed_columns(one))), ""),
    )


def _built(document: Mapping[str, Any]) -> tuple[JobSpec | None, list[Problem]]:
    try:
        return build(document, source="", base_folder=Path.cwd()), []
    except SpecError as error:
        return None, [_with_help(problem) for problem in error.problems]


def _with_help(problem: Problem) -> Problem:
    """What is missing, with what it is."""
    known = field_of(problem.field)
    if known is None or problem.hint or not known.required:
        return problem
    return replace(problem, hint=known.help.rstrip("."))


STAND_INS = {"model": ("name", "org/name"), "data": ("train", "org/name")}
"""What a spec cannot be without; never looked at."""


def _without(document: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The document without the fields that are wrong."""
    made = {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in document.items()
    }
    for problem in problems:
        section, _, rest = problem.field.partition(".")
        inner = made.get(section)
        if rest and isinstance(inner, dict):
            for name in [name for name in inner if rest == name or rest.startswith(f"{name}.")]:
                del inner[name]
        else:
            made.pop(section, None)
    for section, (name, stand_in) in STAND_INS.items():
        inner = made.setdefault(section, {})
        if isinstance(inner, dict):
            inner.setdefault(name, stand_in)
    return made


# --- whose problem it is --------------------------------------------------------------------------


def _by_field(problems: list[Problem], draft: Draft) -> dict[str, tuple[Problem, ...]]:
    found: dict[str, tuple[Problem, ...]] = {}
    for problem in problems:
        key = _field_of(problem.field, draft)
        found[key] = (*found.get(key, ()), problem)
    return found


def _field_of(name: str, draft: Draft) -> str:
    """The field of the form in which a field of the spec was typed."""
    known = (*SHOWN, *draft.texts)
    parts = name.split(".")
    candidates = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next((one for one in candidates if one in known), "")


def _problem(key: str, error: TunedeckError) -> Problem:
    message = error.message.removeprefix(f"{key}: ")
    return Problem(key, message, error.hint)


_NAMED = re.compile(r"(data\.(?:format|columns|eval)|compute\.gpus|training\.\w+|samples\.rows)\b")


def _blamed(error: TunedeckError, spec: JobSpec) -> str:
    """The field that an error of the engine is about."""
    if named := _NAMED.match(error.message):
        return named[1]
    if not isinstance(error, DataError):
        return ""
    if "data.columns" in error.message or "data.columns" in error.hint:
        return "data.columns"
    names = [source.path for source in spec.data.sources]
    trained = [*names, *(str(path) for name in names for path in files_of(name))]
    if isinstance(spec.data.eval, str) and not any(
        printable(one) in error.message for one in trained
    ):
        return "data.eval"
    return "data.train"


_COLUMNS = re.compile(r"data\.columns: (\{[^{}]*\})")


def _proposed_columns(error: TunedeckError) -> str:
    found = _COLUMNS.search(error.hint)
    return found[1] if found and "COLUMN}" not in found[1] else ""


def _warnings(plan: Plan, look: DataLook) -> tuple[str, ...]:
    own = (look.note,) if look.note else ()
    return (*own, *(() if look.skip else plan.warnings))


def _model(model: BaseModel) -> str:
    parts = [model.architecture, None if model.where == "folder" else model.where]
    if model.weights_bytes is not None:
        parts.append(f"{format_bytes(model.weights_bytes)} of weights")
    if model.context_length is not None:
        parts.append(f"{model.context_length:,} tokens of context")
    if model.chat is not None:
        parts.append("a chat template" if model.chat else "no chat template")
    return ", ".join(part for part in parts if part)


# --- the sentence ---------------------------------------------------------------------------------

UNITS = {
    "conversation": "conversations",
    "exchange": "questions and answers",
    "text": "texts",
    "preference": "preferences",
    "unpaired": "judged answers",
    "question": "questions",
    "tokenised": "tokenised rows",
}
"""Kind of row -> what they are called."""


def sentence(spec: JobSpec, found: Findings) -> str:
    """What the job would do: `Fine-tunes base with LoRA r=16 on 1,200 conversations for 3 epochs: ...`."""
    facts = found.facts
    if facts is None:
        return ""
    amount, span = (say(facts, found.estimated_rows) for say in (_amount, _span))
    return f"{_verb(spec)} on {amount}{span}, on {facts.device}"


_VERBS = {"pretrain": "Goes on pretraining", "dpo": "Aligns", "grpo": "Trains by rewards"}


def _verb(spec: JobSpec) -> str:
    name = (
        "/".join(Path(spec.model.name).parts[-2:])
        if spec.model.name.startswith("/")
        else spec.model.name
    )
    if spec.model.initialize == "random":
        return f"Trains {name} from scratch"
    verb = _VERBS.get(spec.method, "Fine-tunes")
    if spec.adapter.type == "none":
        return f"{verb} {name if spec.method == 'pretrain' else f'all of {name}'}"
    return f"{verb} {name} with {adapter_words(spec)}"


def adapter_words(spec: JobSpec) -> str:
    """`LoRA r=16`, `OSF`: the adapter by its name, and its rank where it has one."""
    adapter = spec.adapter
    if adapter.path is not None:
        return f"the adapter {Path(adapter.path).name}"
    name = "LoRA" if adapter.type == "lora" else adapter.type.upper()
    return f"{name} r={adapter.r}" if adapter.r is not None else name


def _amount(facts: Facts, estimate: int | None) -> str:
    found = facts.inspection
    unit = UNITS.get(found.kind or "", "rows") if found is not None else "rows"
    if facts.train_rows is not None:
        return f"{facts.train_rows:,} {unit}"
    if estimate is not None:
        return f"about {estimate:,} {unit}"
    if found is None or found.rows is None:
        return "data that is read when it starts"
    return f"{found.rows:,} {unit} or more"


def _span(facts: Facts, estimate: int | None) -> str:
    if facts.epochs is None:
        return f" for {facts.total_steps:,} steps"
    epochs = f" for {facts.epochs:g} epoch{'s' if facts.epochs != 1 else ''}"
    total = facts.total_steps
    if total is None and estimate and facts.batch_rows and facts.train_rows is None:
        total = rounded(max(1.0, facts.epochs * estimate / facts.batch_rows))
    return f"{epochs}: about {total:,} step{'s' if total != 1 else ''}" if total else epochs
