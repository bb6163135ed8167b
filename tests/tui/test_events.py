from pathlib import Path

import pytest

from engine.files import LineAppender
from engine.history import MOST_EVENTS, Event, History, words
from engine.status import JobState
from engine.watch import Details, ExportView
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, row_with, screen, until_shown
from tui.tabs.events import timeline

S = JobState


def event(kind: str, **facts: object) -> Event:
    """Something that happened."""
    return Event("2026-11-21T05:00:00.000Z", kind, facts)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (event("state", state="queued", attempt=0, by="cli"), "queued by cli"),
        (event("state", state="queued", attempt=2, by="deck"), "queued again by deck"),
        (event("state", state="starting", attempt=1), "starting"),
        (event("state", state="starting", attempt=3), "starting, attempt 3"),
        (
            event("state", state="paused", step=40, by="deck", reason="user"),
            "paused at step 40 by deck",
        ),
        (
            event("state", state="paused", step=40, reason="disk"),
            "paused at step 40: the disk was nearly full",
        ),
        (
            event("state", state="failed", step=9, error="out of memory"),
            "failed at step 9: out of memory",
        ),
        (event("checkpoint", step=50, size_bytes=2 * 1024**2), "checkpoint 50 saved, 2.0 MiB"),
        (
            event("edit", by="cli", changes={"training.seed": {"before": None, "after": 7}}),
            "edited by cli: training.seed default → 7",
        ),
        (
            event("rewind", step=5, kept=[6], by="cli"),
            "went back to checkpoint 5 by cli; set aside: 6",
        ),
        (event("resume", from_step=50), "went on from step 50"),
        (event("resume", from_step=0), "began again at the first step"),
        (event("warning", message="so [red]it[/x]\x1b[31m is"), "so [red]it[/x] is"),
        (event("state", state="melted", step=3), "state: state melted, step 3"),
        (event("comet", tail=3, seen=None), "comet: tail 3"),
        (event("comet"), "comet"),
        (event("state", state="paused", step="\x1b[31m4\n", by="\u202ex"), "paused at step 4 by x"),
    ],
)
def test_every_event_is_said_in_words_and_an_unknown_one_as_it_is(told: Event, said: str) -> None:
    assert words(told) == said


def test_history_reads_on_and_begins_anew_with_another_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    history = History(path)
    assert not history.update()
    path.write_bytes(b'{"time": "t1", "kind": "a"}\n[1]\nbroken\n{"time": "t2", "ki')
    assert history.update()
    assert [one.kind for one in history.events] == ["a"]
    with path.open("ab") as file:
        file.write(b'nd": "b", "x": 1}\n')
    assert history.update()
    assert [(one.time, one.kind, dict(one.facts)) for one in history.events] == [
        ("t1", "a", {}),
        ("t2", "b", {"x": 1}),
    ]
    assert not history.update()
    path.write_bytes(b'{"kind": "c"}\n')
    assert history.update()
    assert [one.kind for one in history.events] == ["c"]


def test_a_very_long_history_keeps_its_newest(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(f'{{"kind": "k{n}"}}\n' for n in range(MOST_EVENTS + 10)))
    history = History(path)
    history.update()
    assert len(history.events) == MOST_EVENTS
    assert history.events[-1].kind == f"k{MOST_EVENTS + 9}"


def test_who_asked_is_stored_with_the_state_that_it_led_to(bench: Bench) -> None:
    from engine import actions

    job = bench.job("some", S.QUEUED)
    actions.pause(job, by="deck")
    history = History(job.events_file)
    history.update()
    assert words(history.events[-1]) == "paused by deck"


def test_exports_stand_in_the_line_of_time(tmp_path: Path) -> None:
    facts = {
        "state": "failed",
        "checkpoint_step": 7,
        "started_at": "2026-11-21T05:00:01.000Z",
        "updated_at": "2026-11-21T05:00:03.000Z",
        "error": {"message": "no room"},
    }
    details = Details(
        events=(Event("2026-11-21T05:00:02.000Z", "a"), Event("2026-11-21T05:00:04.000Z", "b")),
        exports=(ExportView("merged", tmp_path, facts),),
    )
    said = [one.facts.get("said", one.kind) for one in timeline(details)]
    assert said == [
        "export to merged of checkpoint 7 began",
        "a",
        "export to merged failed: no room",
        "b",
    ]


async def test_the_timeline_shows_when_how_long_ago_and_by_whom(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=400)
    lines = LineAppender(job.events_file)
    for ago, kind, facts in (
        (200_000, "state", {"state": "queued", "by": "cli", "attempt": 0}),
        (7300, "state", {"state": "paused", "by": "deck", "step": 400, "reason": "user"}),
        (100, "comet", {"tail": 3}),
    ):
        lines.append({"time": builder.stamp(ago), "kind": kind, **facts})
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "6")
        await until_shown(pilot, "paused at step 400 by deck")
        assert "2h ago  ‖ paused" in row_with(pilot, "paused at step 400")
        assert "2d ago" in row_with(pilot, "queued by cli")
        assert "comet: tail 3" in screen(pilot)
        lines.append({"time": builder.stamp(0), "kind": "warning", "message": "look here"})
        await until_shown(pilot, "! look here")
        for n in range(60):
            lines.append({"time": builder.stamp(0), "kind": f"comet{n}"})
        await until_shown(pilot, "comet59")
        await pilot.press("g")
        await until_shown(pilot, "queued by cli")
        lines.append({"time": builder.stamp(0), "kind": "latest"})
        await pilot.press("G")
        await until_shown(pilot, "latest")
    lines.close()
