"""What an edit may change, what it leads to, and why the rest is fixed; pure, no job is touched.

After an edit the learning rate at every step from there on is that of a fresh run with the edited settings at
the same step: a warmup counts from step 0, a decay is stretched over the new number of steps. A smaller or
larger batch keeps the rows of a step by adapting the accumulation, unless both are set.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine import defaults, schema, spec
from engine.edits.course import Course
from engine.edits.editable import (
    ACCUMULATION,
    BATCH,
    EVALUATION,
    FIXED_ELSE,
    FIXED_FIELDS,
    FIXED_SECTIONS,
    HELP,
    IN_BACKWARD,
    LENGTH,
    METRIC_SCHEDULES,
    OPTIMIZER,
    SCHEDULE,
    Editable,
)
from engine.edits.words import Outcome, rows_of_a_step, shown
from engine.errors import Problem, SpecError, StateError

CANNOT = "cannot be edited"


@dataclass(frozen=True)
class Standing:
    """What the rules need to know of a job."""

    method: str
    training: Mapping[str, Any]
    """The `training` section in force."""
    has_eval: bool
    step: int
    """Step of the checkpoint that it goes on from; 0 begins anew."""
    course: Course | None
    """Its batches until there; None where the rows of an epoch are not known yet."""
    total_steps: int | None = None
    """Steps of the run without the edit, where they are known."""

    def resolved(self, training: Mapping[str, Any]) -> dict[str, Any]:
        """These fields with the defaults of all others."""
        return defaults.resolved(spec.config_of(self.method), training, has_eval=self.has_eval)


@dataclass(frozen=True)
class Change:
    """One field of an edit."""

    field: str
    before: Any
    """What the spec in force says; None leaves it to the default."""
    after: Any
    shown_before: str
    """With the default's value, where it is one."""
    shown_after: str
    derived: str = ""
    """Why it changes although nobody asked; empty for what was asked."""


@dataclass(frozen=True)
class Preview:
    """What an edit would change and lead to; nothing is written."""

    changes: tuple[Change, ...]
    """Empty when everything is as asked already."""
    consequences: tuple[str, ...]
    at_step: int
    """The step that it takes effect after."""
    total_steps_before: int | None
    total_steps: int | None
    """Steps of the run with the edit; None where they are not known before it goes on."""

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "at_step": self.at_step,
            "changes": {
                change.field: {
                    "before": change.before,
                    "after": change.after,
                    **({"derived": change.derived} if change.derived else {}),
                }
                for change in self.changes
            },
            "total_steps": {"before": self.total_steps_before, "after": self.total_steps},
            "consequences": list(self.consequences),
        }


def editable(standing: Standing) -> list[Editable]:
    """Every field that can be edited, in the order of a form."""
    known = schema.fields(spec.config_of(standing.method))
    values = standing.resolved(standing.training)
    return [
        Editable(
            field=f"training.{name}",
            group=group,
            help=words,
            type=known[name].type,
            choices=spec.STRATEGIES.get(name, known[name].choices),
            value=values[name],
            is_default=name not in standing.training,
            fixed=_fixed_here(standing, values, name) or "",
        )
        for name, (group, words) in HELP.items()
        if name in known
    ]


def preview(standing: Standing, asked: Mapping[str, Any], job_id: str) -> Preview:
    """What an edit would do; `asked` is dotted field -> value, None puts the default back.

    Raises:
        SpecError: with everything that cannot be changed or makes no sense, each with its reason.
    """
    wanted, problems = _checked(standing, asked)
    before = standing.resolved(standing.training)
    wanted = {name: value for name, value in wanted.items() if _differs(standing, name, value)}
    training = _with(standing.training, wanted)
    after = standing.resolved(training)
    derived: dict[str, str] = {}
    both = f"training.{ACCUMULATION}" in asked
    if BATCH in wanted and not both and not problems:
        problems += _keep_rows_of_a_step(before, after, training, derived)
        after = standing.resolved(training)
    problems += [
        Problem(f"training.{name}", why)
        for name in wanted
        if (why := _fixed_here(standing, before, name))
    ]
    problems += _without_effect(standing, wanted, after)
    if problems:
        raise _refusal(job_id, problems)
    names = [*wanted, *derived]
    changes = tuple(
        Change(
            field=f"training.{name}",
            before=standing.training.get(name),
            after=training.get(name),
            shown_before=shown(name, before[name], is_default=name not in standing.training),
            shown_after=shown(name, after[name], is_default=name not in training),
            derived=derived.get(name, ""),
        )
        for name in names
    )
    if not changes:
        return Preview((), (), standing.step, standing.total_steps, standing.total_steps)
    course, total = _continued(standing, names, before, after, job_id)
    step, was = standing.step, standing.total_steps
    outcome = Outcome(
        names=frozenset(names),
        before=before,
        after=after,
        step=step,
        place=None if course is None else course.place(step),
        was=was,
        total=total,
    )
    return Preview(changes, tuple(outcome.consequences()), step, was, total)


# --- what may be changed --------------------------------------------------------------------------


def _checked(standing: Standing, asked: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The asked-for values in their types, and what is wrong with each."""
    wanted: dict[str, Any] = {}
    problems: list[Problem] = []
    known = schema.fields(spec.config_of(standing.method))
    for dotted, value in asked.items():
        section, dot, name = dotted.partition(".")
        if section in FIXED_SECTIONS:
            problems.append(Problem(dotted, f"{CANNOT}: {FIXED_SECTIONS[section]}"))
        elif section != "training" or not dot:
            hint = f"write training.{dotted}" if dotted in known else "edits are of `training`"
            problems.append(Problem(dotted, "is no field of `training`", hint))
        elif name in HELP and value is None:
            wanted[name] = None
        else:
            checked, found = spec.check_training(standing.method, {name: value})
            problems += found
            if name in checked and name not in HELP:
                why = FIXED_FIELDS.get(name, FIXED_ELSE)
                problems.append(Problem(dotted, f"{CANNOT}: {why}"))
            elif name == "max_steps" and checked.get(name) == 0:
                problems.append(Problem(dotted, "0 steps", "above 0, or -1 to go by epochs"))
            else:
                wanted |= checked
    return wanted, problems


def _fixed_here(standing: Standing, values: Mapping[str, Any], name: str) -> str | None:
    """Why an editable field cannot be edited in this very job; None when it can."""
    if name in EVALUATION and not standing.has_eval:
        return "the job has no evaluation data: start another one with data.eval"
    if standing.step == 0:
        return None
    schedule, optimizer = str(values["lr_scheduler_type"]), str(values["optim"])
    if name in SCHEDULE and schedule in METRIC_SCHEDULES:
        return f"{schedule} follows what was measured, which nothing else can continue"
    if name in (*SCHEDULE, *OPTIMIZER) and optimizer in IN_BACKWARD:
        return f"{optimizer} steps inside the backward pass, where nothing can be changed"
    if name in (BATCH, ACCUMULATION) and standing.method == "grpo":
        return "the answers to a prompt are divided into these batches"
    if name in (BATCH, ACCUMULATION) and values["train_sampling_strategy"] == "batch_rebalance":
        return "batch_rebalance sorted the rows for this very batch"
    return None


def _without_effect(
    standing: Standing, wanted: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Problem]:
    """Changes that would be stored and change nothing, or cannot be continued."""
    schedule = after["lr_scheduler_type"]
    if standing.step and "lr_scheduler_type" in wanted and schedule in METRIC_SCHEDULES:
        why = f"{schedule} follows what was measured from the start"
        yield Problem("training.lr_scheduler_type", why, "choose a schedule that follows the step")
    if "num_train_epochs" in wanted and after["max_steps"] > 0:
        why = f"has no effect while training.max_steps is {after['max_steps']}"
        yield Problem("training.num_train_epochs", why, "set training.max_steps=-1 as well")
    if "warmup_steps" in wanted and schedule == "constant":
        why = "has no effect with the schedule `constant`"
        hint = "set training.lr_scheduler_type=constant_with_warmup as well"
        yield Problem("training.warmup_steps", why, hint)
    for name, strategy in (("eval_steps", "eval_strategy"), ("save_steps", "save_strategy")):
        possible = standing.has_eval or name != "eval_steps"
        if possible and wanted.get(name) is not None and after[strategy] != "steps":
            why = f"has no effect while training.{strategy} is {after[strategy]}"
            yield Problem(f"training.{name}", why, f"set training.{strategy}=steps as well")
    adam = ("adam", "ademamix", "lion", "default_optim")
    for name in OPTIMIZER[1:]:
        if name in wanted and not any(word in str(after["optim"]).lower() for word in adam):
            yield Problem(f"training.{name}", f"has no effect with the optimizer {after['optim']}")


def _keep_rows_of_a_step(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    training: dict[str, Any],
    derived: dict[str, str],
) -> Iterator[Problem]:
    """Adapt the accumulation to a new batch, so that a step takes the rows that it took."""
    rows, batch = before[BATCH] * before[ACCUMULATION], after[BATCH]
    if rows % batch:
        sizes = [str(size) for size in range(1, rows + 1) if rows % size == 0]
        yield Problem(
            f"training.{BATCH}",
            f"a step takes {rows} rows, which is no whole number of batches of {batch}",
            f"choose from {', '.join(sizes)}, or set training.{ACCUMULATION} as well",
        )
    elif rows // batch != before[ACCUMULATION]:
        training[ACCUMULATION] = rows // batch
        derived[ACCUMULATION] = f"keeps {rows} rows a step"


# --- what it leads to -----------------------------------------------------------------------------


def _continued(
    standing: Standing,
    names: Sequence[str],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    job_id: str,
) -> tuple[Course | None, int | None]:
    """The course with the edit and its steps, where they are known; refuses what cannot be continued."""
    resized = set(names) & {*LENGTH, BATCH, ACCUMULATION}
    which = next((name for name in (*LENGTH, BATCH, ACCUMULATION) if name in resized), "max_steps")
    field = f"training.{which}"
    course, total = None, standing.total_steps
    if standing.course is not None:
        try:
            course = standing.course.continued(standing.step, after[BATCH], after[ACCUMULATION])
        except StateError as error:
            raise _refusal(job_id, [Problem(field, error.message, error.hint)]) from error
        total = course.total_steps(int(after["max_steps"]), float(after["num_train_epochs"]))
    elif resized:
        if standing.step and rows_of_a_step(after) != rows_of_a_step(before):
            why = "how many rows an epoch has was not recorded, so the place in it is not known"
            hint = "resume the job and pause it again, or keep the rows of a step"
            raise _refusal(job_id, [Problem(field, why, hint)])
        total = after["max_steps"] if after["max_steps"] > 0 else None
    if resized and total is not None and standing.step and total <= standing.step:
        why = f"the run would end at step {total}, and {standing.step} are done"
        hint = f"choose more than {standing.step} steps, or export what there is"
        raise _refusal(job_id, [Problem(field, why, hint)])
    return course, total


# --- one field ------------------------------------------------------------------------------------


def _differs(standing: Standing, name: str, value: Any) -> bool:
    """Whether a value would change anything; what follows another field is set by being named."""
    if name in standing.training:
        return bool(standing.training[name] != value)
    if value is None:
        return False
    follows = name == "per_device_eval_batch_size"
    return follows or bool(standing.resolved(standing.training)[name] != value)


def _with(training: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**training, **wanted}
    return {name: value for name, value in merged.items() if value is not None}


def _refusal(job_id: str, problems: Sequence[Problem]) -> SpecError:
    fixed = any(problem.message.startswith(CANNOT) for problem in problems)
    hint = f"correct these; `tunedeck edit {job_id}` lists what can be edited"
    if fixed:
        hint = (
            "what is fixed needs a job of its own: duplicate this one (`d` in the deck, or `tunedeck "
            "submit` of the spec.yaml in its folder with --set)"
        )
    return SpecError(f"edit of {job_id}", problems, hint)
