"""The rules of the job table: order, filter, trend, columns, and what is news. None needs a screen."""

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from engine.job import Job
from engine.status import Failure, JobState, JobStatus
from engine.watch import JobView
from tui.filter import parse
from tui.memory import Memory
from tui.order import SORTS, Order, in_order, ordered
from tui.trend import READINGS, LossTrends, Trend, trend_of
from tui.visit import Visit, news
from tui.widgets.columns import COLUMNS, GUTTER, column_at, plan_columns
from tui.widgets.job_row import Shown, parts

S = JobState
NOW = "2026-11-20T12:00:00.000Z"
HOUR_AGO = "2026-11-20T11:00:00.000Z"
WEEK_AGO = "2026-11-13T12:00:00.000Z"
YEAR_AGO = "2025-11-20T12:00:00.000Z"


def view(
    name: str, state: JobState = S.RUNNING, *, order: float = 0.0, **status: object
) -> JobView:
    facts = {"created_at": YEAR_AGO, **status}
    return JobView(
        job=Job(Path(f"/jobs/2026-11-20-{name}-1234")),
        name=name,
        method="sft",
        model="Qwen/Qwen3-0.6B",
        status=JobStatus(state=state, **facts),  # type: ignore[arg-type]
        order=order,
    )


def names(jobs: list[JobView]) -> list[str]:
    return [job.name for job in jobs]


# --- order ----------------------------------------------------------------------------------------


def test_what_needs_the_user_comes_first_and_old_failures_do_not() -> None:
    disk = Failure(message="the disk is full", hint="make room")
    jobs = [
        view("done", S.COMPLETED, ended_at=HOUR_AGO),
        view("old-failure", S.FAILED, ended_at=YEAR_AGO),
        view("paused", S.PAUSED, ended_at=HOUR_AGO, reason="user"),
        view("runs"),
        view("second", S.QUEUED, order=2.0),
        view("first", S.QUEUED, order=1.0),
        view("full", S.PAUSED, ended_at=HOUR_AGO, reason="disk", error=disk),
        view("fell", S.INTERRUPTED, updated_at=NOW),
    ]
    assert names(in_order(jobs, now=NOW)) == [
        *("fell", "full", "runs", "first", "second", "paused", "done", "old-failure"),
    ]


def test_a_failure_that_nobody_saw_yet_is_never_too_old() -> None:
    jobs = [view("runs"), view("failed", S.FAILED, ended_at=WEEK_AGO)]
    assert names(in_order(jobs, now=NOW)) == ["runs", "failed"]
    assert names(in_order(jobs, now=NOW, since=HOUR_AGO)) == ["runs", "failed"]
    assert names(in_order(jobs, now=NOW, since=YEAR_AGO)) == ["failed", "runs"]


@pytest.mark.parametrize("turned", [False, True])
def test_an_unknown_value_comes_last_whichever_way(turned: bool) -> None:
    loss = next(sort for sort in SORTS if sort.column == "loss")
    jobs = [view("a", loss=0.5), view("b"), view("c", loss=0.1), view("d", loss=0.9)]
    shown = names(ordered(jobs, Order(loss, turned), now=NOW))
    assert shown == (["d", "a", "c", "b"] if turned else ["c", "a", "d", "b"])


def test_every_sort_sorts_every_state() -> None:
    jobs = [view(f"{state}", state, step=5, total_steps=9, eta_seconds=3.0) for state in S]
    jobs += [view("bare"), view("Cased"), replace(view("x"), name="")]
    for sort in SORTS:
        for turned in (False, True):
            shown = ordered(jobs, Order(sort, turned), now=NOW)
            assert sorted(shown, key=lambda job: job.id) == sorted(jobs, key=lambda job: job.id)


def test_progress_and_creation_begin_with_the_largest() -> None:
    jobs = [
        view("less", step=1, total_steps=9, created_at=WEEK_AGO),
        view("more", step=8, total_steps=9, created_at=NOW),
    ]
    for column in ("progress", "created"):
        sort = next(sort for sort in SORTS if sort.column == column)
        assert names(ordered(jobs, Order(sort), now=NOW)) == ["more", "less"]


# --- filter ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "passes"),
    [
        ("", True),
        ("  ", True),
        ("GSM", True),
        ("qwen3 running", True),
        ("qwen3 failed", False),
        ("!failed", True),
        ("!running", False),
        ("!", True),
        ("state:run", True),
        ("state:", True),
        ("name:running", False),
        ("!name:running", True),
        ("id:2026-11-20-gsm8k", True),
        ("colour:red", False),
        ("[/x]", False),
    ],
)
def test_a_filter_is_words_that_occur(typed: str, passes: bool) -> None:
    assert parse(typed).passes(view("gsm8k")) is passes


# --- trend ----------------------------------------------------------------------------------------


def test_few_losses_have_no_trend() -> None:
    assert trend_of([3.0, 2.0, 1.0, 0.5, 0.2]) is None


def test_noise_is_no_trend_and_a_slope_under_noise_is_one() -> None:
    noise = [0.05 * math.sin(7 * n) for n in range(READINGS)]
    assert trend_of([1 + jump for jump in noise]) is Trend.STAYS
    assert trend_of([1 + jump - 0.02 * n for n, jump in enumerate(noise)]) is Trend.FALLS
    assert trend_of([1 + jump + 0.02 * n for n, jump in enumerate(noise)]) is Trend.RISES
    assert trend_of([0.0] * READINGS) is Trend.STAYS


def test_trends_are_remembered_a_job_and_begin_anew_when_it_goes_back() -> None:
    trends = LossTrends()
    for step in range(10):
        falls = view("falls", step=step, total_steps=100, loss=3 - 0.2 * step)
        trends.see([falls, view("nan", step=step, loss=math.nan), view("none")])
    assert trends.of(falls.id) is Trend.FALLS
    assert trends.of(view("nan").id) is None
    trends.see([view("falls", step=2, total_steps=100, loss=2.6)])
    assert trends.of(falls.id) is None
    trends.see([view("falls", S.PAUSED, step=2, total_steps=100, loss=2.6)])
    assert not trends._readings


def test_readings_of_a_long_run_lie_apart() -> None:
    trends = LossTrends()
    for step in range(40):
        trends.see([view("long", step=step, total_steps=40_000, loss=3.0 - 0.01 * step)])
    assert trends.of(view("long").id) is None


# --- news -----------------------------------------------------------------------------------------


def at(minutes: float) -> str:
    return f"2026-11-20T{12 + int(minutes) // 60:02}:{int(minutes) % 60:02}:00.000Z"


def test_news_is_what_ended_since_and_trouble_comes_first() -> None:
    jobs = [
        view("done", S.COMPLETED, ended_at=at(50)),
        view("failed", S.FAILED, ended_at=at(20)),
        view("done-too", S.COMPLETED, ended_at=at(10)),
        view("seen", S.FAILED, ended_at=HOUR_AGO),
        view("mine", S.CANCELLED, ended_at=at(30)),
        view("held", S.PAUSED, ended_at=at(30), reason="user"),
        view("runs"),
    ]
    new = news(jobs, NOW)
    assert names(list(new.jobs)) == ["failed", "done", "done-too"]
    assert new.said() == "2 finished, 1 failed"
    assert new.bad
    assert not news(jobs, at(55)).jobs
    assert not news(jobs, None).jobs


def test_a_visit_ends_with_the_last_key_and_not_with_the_process(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "deck.json")
    first = Visit(memory)
    first.begin(at(0))
    assert first.since is None
    first.touch(at(5))
    # The link drops here: nothing is told to the deck. The next one begins an hour later.
    second = Visit(memory)
    second.begin(at(65))
    assert second.since == at(5)
    second.end()
    third = Visit(memory)
    third.begin(at(70))
    assert third.since == at(5), "nobody pressed a key in the second"
    third.touch(at(71))
    third.end()
    assert memory.recall()["last_seen_at"] == at(71)


def test_coming_back_after_a_while_is_another_visit(tmp_path: Path) -> None:
    visit = Visit(Memory(tmp_path / "deck.json"))
    visit.begin(at(0))
    assert not visit.touch(at(10))
    assert visit.touch(at(100))
    assert visit.since == at(10)
    assert not visit.touch(at(101))


def test_a_visit_with_readonly_and_a_damaged_memory_disturb_nobody(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "deck.json")
    watched = Visit(memory, readonly=True)
    watched.begin(at(0))
    watched.touch(at(5))
    watched.end()
    assert not memory.path.exists()
    for damaged in ('{"last_seen_at": 7}', '{"last_seen_at": "soon"}', "[]", "{"):
        memory.path.write_text(damaged)
        visit = Visit(memory)
        visit.begin(at(0))
        assert visit.since is None


def test_what_else_the_deck_remembers_stays(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "deck.json")
    memory.remember(theme="nord")
    visit = Visit(memory)
    visit.begin(at(0))
    visit.end()
    assert memory.recall()["theme"] == "nord"


# --- columns and rows -----------------------------------------------------------------------------


def test_columns_fit_every_width_and_the_needed_ones_stay() -> None:
    before: set[str] = set()
    for width in range(59, 260):
        plan = plan_columns(width)
        keys = {column.key for column, _ in plan}
        assert GUTTER + sum(cells + column.gap for column, cells in plan) <= width
        assert {"state", "name", "progress", "step", "loss"} <= keys
        assert before <= keys, f"a wider table never shows less: {width}"
        before = keys
    assert before == {column.key for column in COLUMNS}


def test_each_width_has_the_columns_that_matter_there() -> None:
    left_out = {59: 7, 79: 5, 97: 4, 117: 2, 197: 0}
    for width, missing in left_out.items():
        assert len(COLUMNS) - len(plan_columns(width)) == missing, width


def test_every_cell_of_the_header_belongs_to_its_column() -> None:
    plan = plan_columns(117)
    found = [column_at(plan, x) for x in range(117)]
    shown = [column for column in found if column is not None]
    assert list(dict.fromkeys(shown)) == [column for column, _ in plan]
    assert all(COLUMNS.index(a) <= COLUMNS.index(b) for a, b in pairwise(shown))


HOSTILE = [
    "[/x] [lr=1e-4]",
    "日本語の長い名前のジョブです",
    "e\u0301" * 30,
    "עברית ערבית",
    "👩‍👩‍👧‍👦 family",
    "a\u200bb\u200d",
    "❤\ufe0f hearts",
    "",
    "ＦＵＬＬ　ＷＩＤＴＨ",
]


@pytest.mark.parametrize("width", [59, 79, 97, 117, 197])
@pytest.mark.parametrize("state", list(S))
def test_every_row_is_as_wide_as_its_columns_whatever_its_name(state: S, width: int) -> None:
    from rich.cells import cell_len

    plan = plan_columns(width)
    whole = GUTTER + sum(cells + column.gap for column, cells in plan)
    for name in HOSTILE:
        for step in (0, 5, 123_456_789):
            job = view("x", state, step=step, total_steps=10 * step or None, loss=0.5)
            shown = Shown(replace(job, name=name, model=name, method=name), waits=name)
            row = "".join(said for said, _ in parts(shown, plan, NOW, ascii_only=False))
            assert cell_len(row) == whole, (name, row)


@pytest.mark.parametrize("width", [59, 79, 117])
def test_words_use_the_room_of_columns_that_are_silent(width: int) -> None:
    waits = "2nd in the queue: after first-8e86"
    queued = Shown(view("waits", S.QUEUED), waits=waits)
    row = "".join(said for said, _ in parts(queued, plan_columns(width), NOW, ascii_only=False))
    assert (waits if width > 59 else "2nd, after first-8e86") in row
    error = Failure(message="out of memory at 70", hint="")
    failed = Shown(view("bad", S.FAILED, step=70, total_steps=90, loss=1.0, error=error))
    row = "".join(said for said, _ in parts(failed, plan_columns(width), NOW, ascii_only=False))
    assert "out of memory at 70" in row


def test_a_running_row_shows_where_its_loss_goes_with_and_without_arrows() -> None:
    job = view("runs", step=50, total_steps=100, loss=0.4321, eta_seconds=60.0, gpus=(0,))
    for ascii_only, arrow in ((False, "0.432 ↘"), (True, "0.432 \\")):
        shown = Shown(job, trend=Trend.FALLS, marked=True)
        plan = plan_columns(117)
        row = "".join(said for said, _ in parts(shown, plan, NOW, ascii_only=ascii_only))
        assert arrow in row
        assert row.startswith("* ")
        assert " 50%" in row
        assert "1m00s" in row
        assert not ascii_only or row.isascii()
