"""The data tab: what the worker found, and the first rows as tokens, read when somebody asks for them."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from engine import preview
from engine.data.lengths import Bar, Spread
from engine.data.preview import Preview, Stretch, View
from engine.errors import DataError
from engine.files import write_json
from engine.job import Job
from engine.spec import JobSpec
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import opened, row_with, screen, until, until_said, until_shown

S = JobState
FOUND = {
    "format": "messages",
    "kind": "conversation",
    "train_rows": 1900,
    "eval_rows": 100,
    "bad_rows": 3,
    "tokens": 123456,
    "trained_share": 0.4321,
    "fingerprint": "abcdef0123456789" * 4,
    "files": ["/data/one.jsonl"],
}
SHOWN = Preview(
    rows=(
        (
            View(
                "",
                (Stretch("<|user|>two and two?<|end|>", False), Stretch("four<|end|>", True)),
                12,
                3,
                5,
                0,
            ),
        ),
    ),
    read_rows=2000,
    complete=False,
    bad_rows=0,
    lengths=Spread(30, 80, 400, 60_000),
    bars=(Bar(0, 31, 900), Bar(32, 63, 1100)),
    max_length=64,
    cut_rows=250,
    tokens=60_000,
    trained_tokens=20_000,
    untrained_rows=0,
    template="the tokenizer's own template",
    note="",
)


class Asked:
    """In place of the process: answers when it may."""

    def __init__(self, answer: Preview | Exception) -> None:
        self.answer = answer
        self.may = threading.Event()
        self.specs: list[JobSpec] = []
        self.stopped = False

    def __call__(self, spec: JobSpec, *, stop: Any, **options: Any) -> Preview:
        self.specs.append(spec)
        while not self.may.wait(0.02):
            if stop():
                self.stopped = True
                raise preview.Stopped
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    made = Asked(SHOWN)
    monkeypatch.setattr(preview, "ask", made)
    return made


@pytest.fixture
def job(bench: Bench) -> Job:
    made = bench.job("some", S.PAUSED, step=50)
    write_json(made.manifest_file, {"data": FOUND})
    return made


async def test_what_the_worker_found_stands_there_and_rows_come_when_asked_for(
    bench: Bench, job: Job, asked: Asked
) -> None:
    async with opened(bench, 80, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "7")
        await until_shown(pilot, "messages, read as conversation")
        assert "1,900 to train on, 100 to evaluate on" in row_with(pilot, "rows  ")
        assert "3 left out" in row_with(pilot, "bad rows")
        assert "123,456 an epoch, 43.2% of them learned" in row_with(pilot, "tokens  ")
        assert "abcdef01" in row_with(pilot, "fingerprint")
        assert asked.specs == []  # no library is loaded before somebody asks
        await pilot.press("t")
        await until_shown(pilot, "reading the first rows")
        await pilot.press("1", "7")  # nothing waits for it
        await until_shown(pilot, "reading the first rows")
        await pilot.press("t")
        await until_said(pilot, "reading the first rows")
        asked.may.set()
        await until_shown(pilot, "two and two?")
        assert "⟦four<|end|>⟧" in screen(pilot)
        assert "12 tokens, 3 learned, 5 cut" in row_with(pilot, "row 1")
        assert "64 tokens: 12.5% of the rows are cut" in row_with(pilot, "max_length")
        assert "of the first 2,000 rows" in row_with(pilot, "lengths")
        await pilot.press("t")
        await until_said(pilot, "they are read already")
    assert len(asked.specs) == 1


async def test_rows_that_were_read_once_are_there_at_once_until_the_data_changes(
    bench: Bench, job: Job, asked: Asked, tmp_path: Path
) -> None:
    asked.may.set()
    for _ in range(2):
        async with opened(bench, 80, 30) as pilot:
            await until_shown(pilot, "‖ paused")
            await pilot.press("enter", "7")
            await until_shown(pilot, "read as conversation")
            if not asked.specs:
                await pilot.press("t")
            await until_shown(pilot, "two and two?")
    assert len(asked.specs) == 1
    stored = json.loads(job.preview_file.read_text())
    write_json(job.preview_file, {**stored, "key": "of other data"})
    assert preview.known(job) is None
    job.preview_file.write_text("{")
    assert preview.known(job) is None


async def test_a_readonly_deck_leaves_nothing_in_the_folder(
    bench: Bench, job: Job, asked: Asked
) -> None:
    asked.may.set()
    async with opened(bench, 80, 30, readonly=True) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "7", "t")
        await until_shown(pilot, "two and two?")
    assert not job.preview_file.exists()


async def test_what_cannot_be_read_says_why_and_may_be_tried_again(
    bench: Bench, job: Job, asked: Asked
) -> None:
    asked.answer = DataError("/data/one.jsonl: no such file", "put [it] back")
    asked.may.set()
    async with opened(bench, 80, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "7", "t")
        await until_shown(pilot, "no such file: put [it] back")
        asked.answer = SHOWN
        await pilot.press("t")
        await until_shown(pilot, "two and two?")


async def test_leaving_the_deck_ends_the_reading(bench: Bench, job: Job, asked: Asked) -> None:
    async with opened(bench, 80, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "7", "t")
        await until(pilot, lambda: bool(asked.specs))
    assert asked.stopped


async def test_a_queued_job_says_that_nothing_was_counted_yet(bench: Bench) -> None:
    bench.job("waits", S.QUEUED)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "○ queued")
        await pilot.press("enter", "7")
        await until_shown(pilot, "the worker counts the data when it begins")


async def test_foreign_words_in_a_manifest_and_in_rows_are_no_markup(
    bench: Bench, job: Job, asked: Asked
) -> None:
    write_json(job.manifest_file, {"data": {"format": "[red]x", "files": [3], "train_rows": "?"}})
    asked.answer = Preview.from_json(
        SHOWN.to_json()
        | {
            "rows": [
                [
                    vars(View("", (), 2, 1, 0, 0))
                    | {"stretches": [{"text": "[b]\x1b[2J\u202e!", "trained": True}]}
                ]
            ]
        }
    )
    asked.may.set()
    async with opened(bench, 80, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "7", "t")
        await until_shown(pilot, "⟦[b]!⟧")
        assert "[red]x" in screen(pilot)
