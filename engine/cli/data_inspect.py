"""`tunedeck data inspect FILE...`: what is in some data, and how a model will see it; writes nothing.

Large data is told of from its first rows at once, and counted as a whole after that: Ctrl-C keeps the first.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import methods, preview
from engine import spec as specs
from engine.cli import data_report, data_rows
from engine.cli.counting import counting
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.data import Inspection, inspect
from engine.data.extent import estimated_rows, few_rows, files_of, size_bytes
from engine.data.guess import method_of
from engine.data.preview import Preview
from engine.errors import SpecError, TunedeckError, UsageError
from engine.plan.model_folder import look_at
from engine.plan.preflight import chat_of
from engine.spec import DataSection, JobSpec

READ_WHOLE_BELOW_BYTES = 64 * 1024**2
"""Smaller data is read as a whole at once."""

NO_MODEL = (
    "for lengths in tokens, what is cut, and the rows as the model sees them: add --model NAME "
    "(a Hub id, or a folder with a tokenizer)"
)
HINT = " (Ctrl-C keeps what is above)"


@dataclass(frozen=True)
class Question:
    """What is looked at, and how."""

    section: DataSection
    method: str
    chat: bool
    spec: JobSpec | None
    """With a model, what a job with it would be."""
    rows: int

    @property
    def files(self) -> list[Path]:
        """Everything that is read."""
        return [path for name in self.section.named for path in files_of(name)]


def run(args: argparse.Namespace) -> int:
    """Print what is found; row by row problems are findings, and no failure."""
    question = _question(args)
    with ThreadPoolExecutor(1) as pool, _stop() as stopped:
        asked = _ask(question, pool, stopped) if question.spec is not None else None
        if args.json:
            return _as_json(question, asked, quick=args.quick)
        return _told(question, asked, args)


def _told(question: Question, asked: "Future[Preview] | None", args: argparse.Namespace) -> int:
    paper = data_report.Paper.of(sys.stdout, ascii_only=args.ascii)
    files, total = question.files, size_bytes(question.files)
    sample = None if total <= READ_WHOLE_BELOW_BYTES and not args.quick else few_rows(files)
    found = _look(question, sample)
    estimate = None if found.complete else estimated_rows(files)
    for line in data_report.facts(found, question.section, question.method, estimate, total, paper):
        say(line)
    if asked is not None and on_terminal(sys.stderr) and not asked.done():
        narrate(f"reading the tokenizer of {args.model}: the training libraries take their time")
    seen, failure = _answer(asked)
    for line in data_rows.shown(found, seen, paper):
        say(line)
    for line in data_report.remarked(found, question.section, question.method, question.chat):
        say(line)
    if failure is not None:
        raise failure
    if asked is None:
        narrate(NO_MODEL)
    if not found.complete and not args.quick:
        _count_all(question, estimate, paper)
    return 0


def _count_all(question: Question, estimate: int | None, paper: data_report.Paper) -> None:
    """The exact counts, after those of the first rows."""
    sys.stdout.flush()
    say("")
    try:
        with counting("counting everything", estimate, HINT) as progress:
            found = inspect(
                question.section,
                method=question.method,
                base_folder=Path.cwd(),
                sample=None,
                chat=question.chat,
                progress=progress,
            )
    except KeyboardInterrupt:
        narrate("stopped: the figures above are those of the first rows")
        return
    say("all of it:")
    total = size_bytes(question.files)
    for line in data_report.facts(found, question.section, question.method, None, total, paper):
        say(line)
    for line in data_report.remarked(found, question.section, question.method, question.chat):
        say(line)


# --- what is asked --------------------------------------------------------------------------------


def _question(args: argparse.Namespace) -> Question:
    section = _section(args)
    method = methods.method(args.method).name if args.method else method_of(section, Path.cwd())
    if args.model is None:
        if args.max_length is not None:
            raise UsageError(
                "--max-length counts tokens, and no model is named", "add --model NAME"
            )
        return Question(section, method, methods.method(method).renders_chat, None, args.rows)
    spec = _spec(args, section, method)
    model = look_at(spec.model)
    if model.problems and not _has_tokenizer(model.problems):
        raise model.problems[0]
    return Question(spec.data, method, chat_of(spec, model), spec, args.rows)


def _section(args: argparse.Namespace) -> DataSection:
    """The data as a spec would name it."""
    eval_ = args.eval
    with_fraction = eval_ is not None and _is_number(eval_)
    values: dict[str, Any] = {
        "train": args.files[0] if len(args.files) == 1 else [{"path": one} for one in args.files],
        "format": args.format,
        "columns": dict(args.columns),
    }
    if eval_ is not None:
        values["eval"] = float(eval_) if with_fraction else eval_
    try:
        return DataSection.model_validate(values)
    except ValueError:
        raise UsageError(f"--eval {eval_}: no fraction between 0 and 1", "or name a file") from None


def _spec(args: argparse.Namespace, section: DataSection, method: str) -> JobSpec:
    """A job with this data and model, as far as the preview needs it."""
    values: dict[str, Any] = {
        "method": method,
        "model": {"name": args.model},
        "data": section.model_dump(mode="json", exclude_none=True),
    }
    if args.max_length is not None:
        values["training"] = {"max_length": args.max_length}
    if methods.method(method).generates:
        values["rewards"] = [{"type": "exact"}]
    try:
        return specs.build(values, source="", base_folder=Path.cwd())
    except SpecError as error:
        raise UsageError("; ".join(map(str, error.problems)), "see --help") from None


def _has_tokenizer(problems: tuple[TunedeckError, ...]) -> bool:
    """Whether all that is missing are the weights, which nothing here needs."""
    return all("weights" in problem.message for problem in problems)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


# --- answers --------------------------------------------------------------------------------------


def _look(question: Question, sample: int | None) -> Inspection:
    return inspect(
        question.section,
        method=question.method,
        base_folder=Path.cwd(),
        sample=sample,
        chat=question.chat,
        shown=question.rows,
    )


@contextmanager
def _stop() -> Iterator[list[bool]]:
    """Whatever ends the command ends the preview's process too."""
    stopped = [False]
    try:
        yield stopped
    finally:
        stopped[0] = True


def _ask(question: Question, pool: ThreadPoolExecutor, stopped: list[bool]) -> "Future[Preview]":
    assert question.spec is not None
    return pool.submit(preview.ask, question.spec, rows=question.rows, stop=lambda: stopped[0])


def _answer(asked: "Future[Preview] | None") -> tuple[Preview | None, TunedeckError | None]:
    """What the preview's process said, and what is wrong where it could not."""
    if asked is None:
        return None, None
    try:
        return asked.result(), None
    except TunedeckError as error:
        return None, error


def _as_json(question: Question, asked: "Future[Preview] | None", *, quick: bool) -> int:
    files = question.files
    small = size_bytes(files) <= READ_WHOLE_BELOW_BYTES and not quick
    found = _look(question, None if small else few_rows(files))
    if not found.complete and not quick:
        try:
            found = _look(question, None)
        except KeyboardInterrupt:
            narrate("stopped: the figures are those of the first rows")
    seen, failure = _answer(asked)
    if failure is not None:
        raise failure
    say_json(data_report.as_json(found, seen, question))
    return 0
