import shutil

import pytest
from textual.pilot import Pilot

from engine import actions
from engine.files import LineAppender, write_json
from engine.metrics import MetricsWriter
from engine.status import JobState
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, row_with, rows_of, screen, until, until_said, until_shown
from tui.keys import TABS, TITLES
from tui.screens.home import HomeScreen
from tui.screens.job import JobScreen
from tui.tabs.charts import ChartsTab
from tui.tabs.log import LogTab
from tui.widgets.tab_bar import TabBar

S = JobState


def tab_of(pilot: Pilot[int]) -> str:
    """The name of the tab that is seen."""
    return pilot.app.screen.tab.table_name  # type: ignore[attr-defined]


async def test_numbers_and_brackets_switch_tabs_and_one_is_in_brackets(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=50, checkpoint=50)
    builder.answer(job)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter")
        await until_shown(pilot, "8 Samples")
        for number, name in enumerate(TABS, start=1):
            await pilot.press(str(number))
            assert tab_of(pilot) == name
            assert f"[{number} {TITLES[name]}]" in screen(pilot)
            assert pilot.app.focused is not None
        await pilot.press("right_square_bracket")
        assert tab_of(pilot) == TABS[0]
        await pilot.press("left_square_bracket")
        assert tab_of(pilot) == TABS[-1]


async def test_tabs_are_clicked_and_their_names_shrink_with_the_width(bench: Bench) -> None:
    bench.job("some", S.PAUSED, step=50)
    async with opened(bench, 60, 20) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter")
        await until_shown(pilot, "[1 Charts]")
        row = row_with(pilot, "[1 Charts]")
        assert "2" in row
        assert "Checkpoints" not in row
        await pilot.click(TabBar, offset=(row.index("4"), 0))
        assert tab_of(pilot) == "checkpoints"
        assert "[4 Checkpoints]" in screen(pilot)


async def test_without_answers_there_is_no_tab_for_them_and_8_says_so(bench: Bench) -> None:
    bench.job("some", S.PAUSED, step=50)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter")
        await until_shown(pilot, "7 Data")
        assert "Samples" not in screen(pilot)
        await pilot.press("8")
        await until_said(pilot, "no questions were answered")
        assert tab_of(pilot) == "charts"


async def test_l_on_home_opens_the_log_and_escape_comes_back(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=5, log="\n".join(f"line {n}" for n in range(300)))
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        assert isinstance(pilot.app.screen, JobScreen)
        assert tab_of(pilot) == "log"
        await until_shown(pilot, "line 299")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_only_the_tab_that_is_seen_is_fed_and_switching_shows_the_newest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = bench.job("some", S.RUNNING, step=100, log="first\n")
    fed: list[str] = []
    for kind in (ChartsTab, LogTab):
        take = kind.take

        def noted(self, message, kind=kind, take=take):
            fed.append(kind.__name__)
            take(self, message)

        monkeypatch.setattr(kind, "take", noted)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("enter")
        await until(pilot, lambda: "ChartsTab" in fed)
        with job.log_file.open("a") as log:
            log.write("second\n")
        writer = MetricsWriter(job.metrics_file, 1)
        writer.append("train", 101, {"loss": 9.0})
        writer.close()
        app = pilot.app
        await until(
            pilot,
            lambda: any("second" in getattr(one, "lines", ()) for one in app.latest.values()),  # type: ignore[attr-defined]
        )
        assert "LogTab" not in fed
        await pilot.press("2")
        assert "second" in screen(pilot)
        fed.clear()
        with job.log_file.open("a") as log:
            log.write("third\n")
        await until_shown(pilot, "third")
        assert set(fed) == {"LogTab"}


async def test_a_job_that_is_not_highlighted_is_read_and_home_goes_on_with_its_own(
    bench: Bench,
) -> None:
    first = bench.job("first", S.PAUSED, step=5, log="of the first\n", ago=10)
    second = bench.job("second", S.PAUSED, step=5, log="of the second\n", ago=100)
    async with opened(bench, 100, 30, job=first.id) as pilot:
        await until_shown(pilot, "of the first")
        jobs = pilot.app.screen._jobs  # type: ignore[attr-defined]
        pilot.app.open_job(next(job for job in jobs if job.id == second.id))  # type: ignore[attr-defined]
        await until_shown(pilot, "[1 Charts]")
        await pilot.press("2")
        await until_shown(pilot, "of the second")
        await pilot.press("escape")
        await until_shown(pilot, "of the first")


async def test_the_footer_has_the_tab_s_keys_and_what_is_possible(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=50, checkpoint=50)
    async with opened(bench, 120, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "/ Search")
        footer = rows_of(pilot)[-1]
        assert "p Pause" in footer
        assert "r Resume" not in footer
        assert "n Next" not in footer
        await pilot.press("4")
        await until_shown(pilot, "e Export this")
        footer = rows_of(pilot)[-1]
        assert "Search" not in footer
        assert "r Resume" not in footer
        assert footer.count("e Export") == 1


async def test_a_job_that_is_removed_while_open_says_so_and_keeps_the_screen(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=50, checkpoint=50)
    other = bench.job("other", S.PAUSED, step=5)
    async with opened(bench, 100, 24, job=job.id) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter")
        await until_shown(pilot, "[1 Charts]")
        shutil.rmtree(job.folder)
        await until_said(pilot, "this job was removed")
        assert "its folder is gone" in screen(pilot)
        for number in "123456":
            await pilot.press(number)
        for key in ("p", "r", "e", "x"):
            pilot.app.screen.query_one("#note").clear()  # type: ignore[attr-defined]
            await pilot.press(key)
            await until_said(pilot, "removed")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        await until(pilot, lambda: pilot.app.screen.current.id == other.id)  # type: ignore[attr-defined]


async def test_it_survives_a_tiny_terminal_and_its_keys_work_again(bench: Bench) -> None:
    bench.job("some", S.PAUSED, step=50, log="\n".join(f"line {n}" for n in range(99)))
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("l")
        await until_shown(pilot, "line 98")
        for width, height in ((20, 5), (80, 24), (1, 1), (200, 50), (80, 24)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        await until_shown(pilot, "line 98")
        await until(pilot, lambda: pilot.app.focused is not None, "the tab has the keys again")
        await pilot.press("g")
        await until_shown(pilot, "line 0")


async def test_half_written_and_foreign_files_are_shown_as_what_they_are(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=50, checkpoint=50)
    async with opened(bench, 100, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter")
        await until_shown(pilot, "[1 Charts]")
        job.status_file.write_text('{"state": "pau')
        job.spec_file.write_text("[broken")
        (job.checkpoints / "checkpoint-50" / "commit.json").write_text("{}")
        odd = {"step": 60, "files": {"a\0b": {"size": 1}, "c": {"size": 2}}, "created_at": 5}
        (job.checkpoints / "checkpoint-60").mkdir()
        write_json(job.checkpoints / "checkpoint-60" / "commit.json", odd)
        (job.checkpoints / "checkpoint-x").mkdir()
        (job.checkpoints / "stray").write_text("")
        (job.exports / "odd").mkdir(parents=True)
        (job.exports / "odd" / "export.json").write_text("[1, 2")
        job.events_file.write_text('{"kind": 7}\nnot json\n[1]\n{"time": 5, "kind": "state", "sta')
        job.samples_file.write_text('{"when": "after", "answers": "none", "rows": null}\n{}\n')
        await until_shown(pilot, "status.json cannot be read")
        await until_shown(pilot, "8 Samples")
        for number in "12345678":
            await pilot.press(number)
            await pilot.pause()
        await pilot.press("3")
        await until_shown(pilot, "spec.yaml cannot be read")
        await pilot.press("v", "v")
        await pilot.press("4")
        await until_shown(pilot, "damaged")
        await pilot.press("5")
        assert "unknown" in row_with(pilot, "odd")
        assert isinstance(pilot.app.screen, JobScreen)


async def test_help_shows_the_tab_s_keys_first(bench: Bench) -> None:
    bench.job("some", S.PAUSED, step=50)
    async with opened(bench, 100, 60) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("l", "question_mark")
        await until_shown(pilot, "Keys on Job, Log")
        titles = [row.strip() for row in rows_of(pilot) if "Keys on Job" in row]
        assert titles == ["Keys on Job, Log", "Keys on Job"]


# --- spec ----------------------------------------------------------------------------------------


async def test_the_spec_has_three_views_and_says_what_each_is(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=50, checkpoint=50)
    async with opened(bench, 110, 40) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "3")
        await until_shown(pilot, "[as resolved]")
        assert "learning_rate: 0.0002" in screen(pilot)
        assert "backend: trl" in screen(pilot)
        assert str(job.id) in screen(pilot)
        await pilot.press("v")
        await until_shown(pilot, "[as edited]")
        assert "no edits" in screen(pilot)
        await pilot.press("v")
        await until_shown(pilot, "[as given]")
        assert "the file that was submitted is not kept" in screen(pilot)
        assert "learning_rate: 0.0002" in screen(pilot)
        assert "backend" not in screen(pilot)


async def test_an_edit_is_marked_with_what_it_was_and_who_did_it(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=50, checkpoint=50)
    line = LineAppender(job.edits_file)
    changes = {"training.learning_rate": {"before": 2e-4, "after": 1e-5}}
    line.append({"at": builder.stamp(90), "by": "deck", "at_step": 50, "changes": changes})
    line.close()
    async with opened(bench, 110, 40) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "3", "v")
        await until_shown(pilot, "edited by deck at step 50")
        assert "0.0002 → 1e-05" in row_with(pilot, "training.learning_rate:")
        assert "1.0e-05  ← edited, was 0.0002" in row_with(pilot, "  learning_rate:")
        assert "edited" not in row_with(pilot, "num_train_epochs:")


async def test_a_name_in_a_spec_is_neither_markup_nor_a_terminal_code(bench: Bench) -> None:
    spec = {
        "name": "odd [red]x[/foo] \x1b]0;title\x07\u202e",
        "method": "sft",
        "model": {"name": "m"},
        "data": {"train": "x.jsonl"},
    }
    bench.job("odd", S.PAUSED, step=5, spec=spec)
    async with opened(bench, 110, 40) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "3")
        await until_shown(pilot, "[red]x[/foo]")
        assert not {"\x1b", "\u202e", "\x07"} & set(screen(pilot))


# --- checkpoints -----------------------------------------------------------------------------------


async def test_checkpoints_are_told_apart_by_what_they_are_worth(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=400, checkpoint=400)
    for step in (100, 200, 300):
        builder.commit(job, step)
    (job.checkpoints / "checkpoint-200" / "adapter_model.safetensors").write_bytes(b"short")
    (job.checkpoints / "rejected-150-it-is-missing").mkdir()
    (job.checkpoints / "checkpoint-500").mkdir()
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "4")
        await until(pilot, lambda: screen(pilot).count("verified") >= 3, "all were looked at")
        assert "last, best" in row_with(pilot, "     400 ")
        assert "2.0 KiB" in row_with(pilot, "     400 ")
        assert "damaged" in row_with(pilot, " 200 ")
        assert "it is missing" in row_with(pilot, " 150 ")
        assert "never finished" in row_with(pilot, " 500 ")
        steps = [row.strip("▸ ").split()[0] for row in rows_of(pilot)[4:10]]
        assert steps == ["500", "400", "300", "200", "150", "100"]


async def test_r_on_the_newest_resumes_and_on_an_older_one_asks_and_goes_back(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=300, checkpoint=300)
    builder.commit(job, 100)
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "4")
        await until(pilot, lambda: screen(pilot).count("verified") >= 2, "both were looked at")
        await pilot.press("j", "r")
        await until_said(pilot, "Go on from checkpoint 100? 300 will be set aside.")
        await pilot.press("n")
        await until_said(pilot, "stays as it is")
        assert job.observed().state is S.PAUSED
        await pilot.press("r", "y")
        await until_said(pilot, "it goes on from checkpoint 100")
        assert job.observed().state is S.QUEUED
        assert job.stored().checkpoint_step == 100
        await until_shown(pilot, "set aside: went back to 100")


async def test_e_exports_the_selected_checkpoint(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(actions, "export", lambda *args, **more: asked.append(more["checkpoint"]))
    job = bench.job("some", S.PAUSED, step=300, checkpoint=300)
    builder.commit(job, 100)
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "4")
        await until_shown(pilot, " 100 ")
        await pilot.press("G", "e")
        await until_said(pilot, "at step 100")
        assert asked == ["100"]


async def test_a_damaged_checkpoint_is_neither_resumed_nor_exported(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=300, checkpoint=300)
    (job.checkpoints / "checkpoint-300" / "adapter_model.safetensors").unlink()
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "4")
        await until_shown(pilot, "damaged")
        for key in ("r", "e"):
            pilot.app.screen.query_one("#note").clear()  # type: ignore[attr-defined]
            await pilot.press(key)
            await until_said(
                pilot, "checkpoint 300 is damaged: adapter_model.safetensors is missing"
            )
        assert job.observed().state is S.PAUSED


async def test_y_copies_the_path_of_a_checkpoint_and_elsewhere_the_job_s_id(bench: Bench) -> None:
    job = bench.job("some", S.PAUSED, step=300, checkpoint=300)
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "4")
        await until_shown(pilot, " 300 ")
        await pilot.press("y")
        assert pilot.app.clipboard == str(job.checkpoints / "checkpoint-300")
        await pilot.press("3", "y")
        await until_said(pilot, f"copied {job.id}")
        assert pilot.app.clipboard == job.id


# --- exports ---------------------------------------------------------------------------------------


async def test_exports_show_state_verification_and_what_went_wrong(bench: Bench) -> None:
    job = bench.job("some", S.COMPLETED, step=1000, checkpoint=1000)
    builder.export(job, "adapter")
    facts = {"state": "completed", "checkpoint_step": 1000, "verified": True, "progress": 1.0}
    write_json(
        job.export_folder("adapter") / "export.json", facts | {"updated_at": builder.stamp(9)}
    )
    builder.export(job, "merged", state="failed", progress=0.4)
    error = {"message": "no room", "hint": "make some"}
    facts = {"state": "failed", "checkpoint_step": 1000, "error": error}
    write_json(job.export_folder("merged") / "export.json", facts)
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "✓ completed")
        await pilot.press("enter", "5")
        await until_shown(pilot, "loaded again")
        assert "yes" in row_with(pilot, "adapter ")
        assert "1000" in row_with(pilot, "adapter ")
        await until_shown(pilot, " in 1 file")
        await pilot.press("j")
        await until_shown(pilot, "no room")
        assert "make some" in screen(pilot)
        await pilot.press("y")
        assert pilot.app.clipboard == str(job.export_folder("merged"))


async def test_without_exports_y_says_so(bench: Bench) -> None:
    bench.job("some", S.PAUSED, step=300)
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "‖ paused")
        await pilot.press("enter", "5", "y")
        await until_said(pilot, "no exports yet")
        assert "y Copy path" not in rows_of(pilot)[-1]


async def test_the_answers_stand_before_and_after(bench: Bench) -> None:
    job = bench.job("some", S.COMPLETED, step=1000, checkpoint=1000)
    builder.answer(job)
    async with opened(bench, 110, 30) as pilot:
        await until_shown(pilot, "✓ completed")
        await pilot.press("enter")
        await until_shown(pilot, "8 Samples")
        await pilot.press("8")
        await until_shown(pilot, "on 200 held-out rows")
        assert "93.5%" in row_with(pilot, "exact match")
        assert "before        ✗" in row_with(pilot, "She She walks")
        assert "after         ✓" in row_with(pilot, "✓ She walked")


def test_no_view_of_the_log_is_imported_before_home() -> None:
    """Home comes first: the job screen is imported when it is opened."""
    import subprocess
    import sys

    code = "import sys, tui.app; print('tui.screens.job' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
