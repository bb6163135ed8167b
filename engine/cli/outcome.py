"""The table at the end of the demo: the model before and after, on rows that it never saw."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cli.output import on_terminal
from engine.files import LineReader
from engine.job import Job
from engine.series import format_duration, format_value
from engine.spec import JobSpec
from engine.status import JobStatus, seconds_between
from engine.text import one_line

QUESTIONS = 3
PIPE_WIDTH = 80
WIDEST = 100
ANSWER_LENGTH = 200


@dataclass(frozen=True)
class Measured:
    """One measurement of the model on the held-out rows."""

    eval_loss: float | None
    exact_match: float | None
    """Share of answers that are right letter by letter, 0 to 1."""
    answers: tuple[tuple[str, str, str], ...] = ()
    """Question, expected answer, answer."""


@dataclass(frozen=True)
class Question:
    """One held-out row and what the model said."""

    prompt: str
    expected: str
    before: str
    after: str


@dataclass(frozen=True)
class Outcome:
    """What a run with `samples` achieved; None is unknown."""

    before: Measured
    after: Measured
    best_constant: float | None
    """Exact match of the best answer that is always the same."""
    rows: int | None
    seconds: float | None
    steps: int
    device: str
    questions: tuple[Question, ...]


def read_outcome(job: Job, spec: JobSpec, status: JobStatus) -> Outcome:
    """What `samples.jsonl` and the status say."""
    lines = read_samples(job)
    before, after = (_measured(_last(lines, when)) for when in ("before", "after"))
    rows = _last(lines, "after").get("rows")
    return Outcome(
        before=before,
        after=after,
        best_constant=_best_constant(spec),
        rows=rows if isinstance(rows, int) else None,
        seconds=seconds_between(status.started_at, status.ended_at),
        steps=status.step,
        device="the GPU" if status.gpus else "the CPU",
        questions=_questions(before, after),
    )


def read_samples(job: Job) -> list[dict[str, Any]]:
    """Every line of `samples.jsonl`."""
    reader, lines = LineReader(job.samples_file), []
    while new := reader.objects():
        lines += new
    return lines


def _last(lines: Sequence[dict[str, Any]], when: str) -> dict[str, Any]:
    return next((line for line in reversed(lines) if line.get("when") == when), {})


def _measured(line: dict[str, Any]) -> Measured:
    answers = line.get("answers")
    return Measured(
        eval_loss=_number(line.get("eval_loss")),
        exact_match=_number(line.get("exact_match")),
        answers=tuple(
            (str(one.get("prompt")), str(one.get("expected")), str(one.get("answer")))
            for one in (answers if isinstance(answers, list) else ())
            if isinstance(one, dict)
        ),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _questions(before: Measured, after: Measured) -> tuple[Question, ...]:
    """The first questions that both measurements kept."""
    earlier = {prompt: answer for prompt, _, answer in before.answers}
    both = [
        Question(prompt, expected, earlier[prompt], answer)
        for prompt, expected, answer in after.answers
        if prompt in earlier
    ]
    return tuple(both[:QUESTIONS])


def _best_constant(spec: JobSpec) -> float | None:
    if spec.samples is None or spec.samples.rows is None:
        return None
    from engine.demo import task

    train, test = (_rows(Path(name)) for name in (spec.data.named[0], spec.samples.rows))
    return task.best_constant(train, test[: spec.samples.limit]) if train and test else None


def _rows(path: Path) -> list[Any]:
    reader, rows = LineReader(path), []
    while new := reader.objects():
        rows += new
    return rows


def print_outcome(outcome: Outcome) -> None:
    """The tables, on stdout, readable at 80 columns and in a pipe."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    width = min(console.width, WIDEST) if on_terminal(sys.stdout) else PIPE_WIDTH
    console = Console(file=sys.stdout, highlight=False, width=width)
    scores = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    scores.add_column(_rows_text(outcome))
    for title in ("before", "after", "best constant answer"):
        scores.add_column(title, justify="right")
    scores.add_row("eval loss", *_losses(outcome))
    scores.add_row("exact match", *_matches(outcome))
    answers = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=False)
    answers.add_column(no_wrap=True)
    answers.add_column(overflow="fold")
    for number, question in enumerate(outcome.questions):
        last = number == len(outcome.questions) - 1
        answers.add_row("question", Text(one_line(question.prompt, ANSWER_LENGTH)))
        answers.add_row("expected", Text(one_line(question.expected, ANSWER_LENGTH)))
        answers.add_row("before", Text(one_line(question.before, ANSWER_LENGTH) or "(nothing)"))
        answer = Text(one_line(question.after, ANSWER_LENGTH) or "(nothing)", style="bold")
        answers.add_row("after", answer, end_section=not last)
    console.print()
    console.print(Text(_headline(outcome)))
    console.print()
    console.print(scores)
    if outcome.questions:
        console.print()
        console.print(answers)


def _headline(outcome: Outcome) -> str:
    steps = f"{outcome.steps} steps in {format_duration(outcome.seconds)}, start to end"
    return f"Fine-tuned on {outcome.device}: {steps}."


def _rows_text(outcome: Outcome) -> str:
    return "held-out rows" if outcome.rows is None else f"{outcome.rows} held-out rows"


def _losses(outcome: Outcome) -> tuple[str, str, str]:
    return format_value(outcome.before.eval_loss), format_value(outcome.after.eval_loss), ""


def _matches(outcome: Outcome) -> tuple[str, ...]:
    shares = (outcome.before.exact_match, outcome.after.exact_match, outcome.best_constant)
    return tuple("?" if share is None else f"{share:.1%}" for share in shares)
