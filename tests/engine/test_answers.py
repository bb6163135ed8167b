from typing import Any

from engine import answers
from engine.answers import Asked


def line(step: int, attempt: int = 1, when: str = "asked", said: str = "a") -> dict[str, Any]:
    prompts = [{"prompt": "p", "answer": f"{said}{attempt}"}]
    return {"when": when, "step": step, "attempt": attempt, "eval_loss": 1.5, "prompts": prompts}


def test_answers_come_by_step_with_the_loss_of_their_evaluation() -> None:
    assert answers.asked([line(0), line(10), {"when": "before", "step": 0, "answers": []}]) == (
        Asked(0, 1.5, (("p", "a1"),)),
        Asked(10, 1.5, (("p", "a1"),)),
    )


def test_a_resume_takes_back_what_was_answered_beyond_it() -> None:
    lines = [
        line(0, when="before"),
        *(line(step) for step in (0, 10, 20, 30)),
        {"when": "resume", "step": 20, "attempt": 2},
    ]
    assert [(one["when"], one["step"]) for one in answers.in_force(lines)] == [
        ("before", 0),
        ("asked", 0),
        ("asked", 10),
        ("asked", 20),
    ]
    again = [*lines, line(30, attempt=2)]
    assert [one.answers[0][1] for one in answers.asked(answers.in_force(again))] == [
        *("a1", "a1", "a1"),
        "a2",
    ]


def test_a_later_attempt_replaces_its_own_kind_at_the_same_step_and_all_beyond() -> None:
    done = [line(0), line(30), line(30, when="after")]
    kept = answers.in_force([*done, line(30, attempt=2, when="after")])
    assert [(one["when"], one["step"], one["attempt"]) for one in kept] == [
        ("asked", 0, 1),
        ("asked", 30, 1),
        ("after", 30, 2),
    ]
    anew = answers.in_force([*done, line(0, attempt=2)])
    assert [(one["step"], one["attempt"]) for one in anew] == [(0, 2)]


def test_foreign_lines_are_no_answers() -> None:
    odd: list[dict[str, Any]] = [
        {"when": "asked", "step": "x", "prompts": "none"},
        {"when": "asked", "prompts": [7]},
        {"prompts": [{}]},
        {},
    ]
    assert answers.asked(answers.in_force(odd)) == ()
    assert answers.asked([{"when": "asked", "prompts": [{"prompt": None}]}]) == (
        Asked(0, None, (("", ""),)),
    )


def test_many_steps_are_spread_with_the_first_and_the_last() -> None:
    many = [Asked(step, None, ()) for step in range(100)]
    shown = [one.step for one in answers.spread(many, 4)]
    assert shown == [0, 33, 66, 99]
    assert answers.spread(many[:3], 4) == many[:3]
