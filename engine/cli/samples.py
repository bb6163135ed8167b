"""`tunedeck samples ID`: what the model answered before and after the training, and step by step."""

import argparse

from engine import answers, edits
from engine.answers import Asked
from engine.cli.outcome import print_outcome, read_outcome
from engine.cli.output import narrate, say, say_json
from engine.errors import StateError
from engine.job import Job
from engine.series import format_value
from engine.store import Store
from engine.text import clean_text, one_line

STEPS_SHOWN = 8
"""How many steps are shown of each prompt; `--step` shows any in full."""


def run(args: argparse.Namespace) -> int:
    """Print the figures and the answers; with `--json` every sample.

    Raises:
        SpecError: `spec.yaml` cannot be read.
        StateError: nothing was asked at that step.
    """
    job = Store().find(args.job)
    lines = answers.read(job.samples_file)
    if args.json:
        say_json([line for line in lines if args.step in (None, line.get("step"))])
        return 0
    asked = answers.asked(lines)
    if args.step is not None:
        _print_step(_at(asked, args.step, job))
        return 0
    measured = any(line.get("when") == "after" for line in lines)
    if measured:
        print_outcome(read_outcome(job, edits.effective(job), job.observed()))
    if asked:
        _print_prompts(asked)
    if not measured and not asked:
        when = "not yet" if lines else "no: its spec has no `samples` section"
        narrate(f"{job.id} has no answers after the training, {when}")
    return 0


def _at(asked: tuple[Asked, ...], step: int, job: Job) -> Asked:
    found = next((one for one in asked if one.step == step), None)
    if found is None:
        steps = ", ".join(str(one.step) for one in asked) or "nowhere"
        raise StateError(f"{job.id} was not asked its prompts at step {step}", f"asked at: {steps}")
    return found


def _print_step(one: Asked) -> None:
    """Every prompt with its whole answer."""
    for prompt, answer in one.answers:
        say(f"# {one_line(prompt)}")
        say(clean_text(answer) or "(nothing)")
        say("")


def _print_prompts(asked: tuple[Asked, ...]) -> None:
    """How the answer to each prompt changed, a line a step."""
    shown = answers.spread(asked, STEPS_SHOWN)
    width = len(str(asked[-1].step))
    for number, (prompt, _) in enumerate(asked[-1].answers):
        say("")
        say(f"prompt: {one_line(prompt)}")
        for one in shown:
            if number < len(one.answers):
                said = one_line(one.answers[number][1]) or "(nothing)"
                loss = format_value(one.eval_loss) if one.eval_loss is not None else ""
                say(f"  step {one.step:>{width}}  {loss:>6}  {said}")
    if len(shown) < len(asked):
        narrate(f"{len(asked) - len(shown)} more steps: `tunedeck samples ID --step N`")
