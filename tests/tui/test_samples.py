"""The samples tab: answers to the prompts, step by step."""

import json
from typing import Any

from engine.job import Job
from engine.status import JobState as S
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, row_with, rows_of, screen, until_said, until_shown


def ask(job: Job, step: int, *answers: str, when: str = "asked", attempt: int = 1) -> None:
    """A line as the worker writes it."""
    prompts = [
        {"prompt": f"prompt {number} [b]bold[/b]", "answer": answer}
        for number, answer in enumerate(answers)
    ]
    line: dict[str, Any] = {"when": when, "step": step, "attempt": attempt, "prompts": prompts}
    if step:
        line["eval_loss"] = 2.5 - step / 100
    with job.samples_file.open("a") as file:
        file.write(json.dumps(line) + "\n")


async def test_answers_are_walked_through_step_by_step(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=100, checkpoint=100)
    for step in (0, 50, 100):
        ask(job, step, f"said at {step}\nand\x1b[31m more", "")
    async with opened(bench, 100, 40) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter")
        await until_shown(pilot, "8 Samples")
        await pilot.press("8")
        await until_shown(pilot, "prompts at step 100, eval loss 1.5")
        shown = screen(pilot)
        assert "3 of 3 steps" in shown
        assert "asked         prompt 0 [b]bold[/b]" in shown
        assert "step 0        said at 0 and more" in shown
        assert "step 100      said at 100" in shown
        assert "(nothing)" in shown
        assert "← Earlier" in rows_of(pilot)[-1]
        assert "→ Later" not in rows_of(pilot)[-1]
        await pilot.press("right")
        await until_said(pilot, "no answers of another step")
        await pilot.press("left")
        await until_shown(pilot, "prompts at step 50, eval loss 2")
        await pilot.press("left")
        await until_shown(pilot, "prompts at step 0   1 of 3 steps")
        assert "eval loss" not in row_with(pilot, "prompts at step 0")


async def test_new_answers_come_by_themselves_unless_a_step_was_chosen(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=100)
    ask(job, 0, "a")
    ask(job, 50, "b")
    async with opened(bench, 100, 40) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("enter")
        await until_shown(pilot, "8 Samples")
        await pilot.press("8")
        await until_shown(pilot, "prompts at step 50")
        ask(job, 100, "c")
        await until_shown(pilot, "prompts at step 100")
        await pilot.press("left", "left")
        await until_shown(pilot, "prompts at step 0")
        ask(job, 150, "d")
        await until_shown(pilot, "1 of 4 steps")
        await pilot.press("right")
        await until_shown(pilot, "prompts at step 50")
        ask(job, 20, "", when="resume", attempt=2)  # step 50 is taken back
        await until_shown(pilot, "prompts at step 0   1 of 1 steps")


async def test_the_figures_stand_below_the_prompts(bench: Bench) -> None:
    job = bench.job("some", S.COMPLETED, step=1000, checkpoint=1000)
    builder.answer(job)
    ask(job, 1000, "said")
    async with opened(bench, 110, 40) as pilot:
        await until_shown(pilot, "✓ completed")
        await pilot.press("enter")
        await until_shown(pilot, "8 Samples")
        await pilot.press("8")
        await until_shown(pilot, "on 200 held-out rows")
        rows = rows_of(pilot)
        prompts, figures = (
            next(number for number, row in enumerate(rows) if words in row)
            for words in ("prompts at step 1000", "exact match")
        )
        assert prompts < figures
