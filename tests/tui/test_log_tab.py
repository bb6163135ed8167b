from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from engine.job import Job
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import (
    note,
    opened,
    row_with,
    rows_of,
    screen,
    until,
    until_said,
    until_shown,
)
from tui.widgets.log_view import LogView, lines_gone, pattern_of, wrapped

S = JobState


def view(pilot: Pilot[int]) -> LogView:
    """The lines."""
    return pilot.app.screen.query_one(LogView)


def append(job: Job, *lines: str) -> None:
    """More log."""
    with job.log_file.open("a") as log:
        log.write("".join(f"{line}\n" for line in lines))


async def test_it_follows_the_end_until_the_reader_moves_and_again_on_f(bench: Bench) -> None:
    job = bench.job("some", S.RUNNING, step=5, log="".join(f"entry {n}\n" for n in range(100)))
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "entry 99")
        assert "follows the end" in screen(pilot)
        append(job, "entry 100")
        await until_shown(pilot, "entry 100")
        await pilot.press("k")
        await until_shown(pilot, "does not follow")
        append(job, "entry 101")
        await until_shown(pilot, "of 102")
        assert view(pilot).line == "entry 99"
        await pilot.press("f")
        await until_shown(pilot, "entry 101")
        assert "follows the end" in screen(pilot)
        await pilot.press("f", "g")
        assert view(pilot).line == "entry 0"
        await pilot.press("pagedown")
        assert view(pilot).position > 10
        await pilot.press("G")
        assert view(pilot).follows


async def test_search_is_incremental_counts_and_goes_around(bench: Bench) -> None:
    lines = [f"line {n}" + (" Loss nan" if n in (10, 40, 70) else "") for n in range(100)]
    bench.job("some", S.RUNNING, step=5, log="\n".join(lines) + "\n")
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "line 99")
        await pilot.press("slash", *"loss")
        await until_shown(pilot, "3/3 lines")
        assert view(pilot).line == "line 70 Loss nan"
        await pilot.press("q")
        await until_shown(pilot, "not found")
        await pilot.press("backspace", "enter")
        await until_shown(pilot, "/loss")
        await pilot.press("N")
        assert view(pilot).line == "line 40 Loss nan"
        assert "2/3 lines" in screen(pilot)
        await pilot.press("n", "n")
        assert view(pilot).line == "line 10 Loss nan"
        await until_said(pilot, "went on from the first one")
        await pilot.press("escape")
        await until(pilot, lambda: "/loss" not in screen(pilot))
        assert view(pilot).found == (0, 0)
        await pilot.press("n")
        await until_said(pilot, "nothing is searched for")


async def test_escape_while_typing_forgets_and_stays_on_the_screen(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=5, log="".join(f"line {n}\n" for n in range(100)))
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "line 99")
        await pilot.press("slash", *"line 5")
        await until_shown(pilot, "lines")
        assert "Search" not in rows_of(pilot)[-1]
        await pilot.press("escape")
        assert view(pilot).follows
        assert view(pilot).found == (0, 0)
        assert pilot.app.screen.tab.table_name == "log"  # type: ignore[attr-defined]
        await pilot.press("slash", "x", "enter")
        await until_said(pilot, "'x' is not in these lines")


async def test_letters_that_come_in_one_burst_are_searched_for_and_act_on_nothing(
    bench: Bench,
) -> None:
    job = bench.job("some", S.RUNNING, step=5, checkpoint=5, log="an expired entry\nend\n")
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "an expired entry")
        for letter in "/exp":
            key = "slash" if letter == "/" else letter
            pilot.app.post_message(events.Key(key, letter))
        await until_shown(pilot, "1/1 lines")
        assert pilot.app.screen.query_one(Input).value == "exp"
        assert not job.control().request_id


async def test_a_question_takes_the_keys_that_come_right_after_the_one_that_asked(
    bench: Bench,
) -> None:
    job = bench.job("some", S.RUNNING, step=5, checkpoint=5)
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        for letter in "xp":
            pilot.app.post_message(events.Key(letter, letter))
        await until_said(pilot, "Cancel some")
        await pilot.press("n")
        await until_said(pilot, "goes on as it was")
        assert not job.control().request_id


async def test_what_is_found_is_marked_where_it_stands(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=5, log="alpha needle omega\nplain\nend\n")
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "alpha needle")
        await pilot.press("slash", *"needle", "enter")
        await until_shown(pilot, "/needle")
        drawn = view(pilot).render_line(0)
        underlined = "".join(s.text for s in drawn if s.style is not None and s.style.underline)
        assert underlined == "needle"


async def test_long_lines_are_cut_or_wrapped_and_the_whole_line_is_copied(bench: Bench) -> None:
    long = "begin " + "x" * 300 + " end"
    bench.job("some", S.RUNNING, step=5, log=f"first\n{long}\nlast\n")
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "begin")
        assert "…" in row_with(pilot, "begin")
        assert " end" not in screen(pilot).replace("the end", "")
        await pilot.press("w")
        await until_shown(pilot, "x end")
        assert "long lines wrapped" in screen(pilot)
        await pilot.press("k", "y")
        assert pilot.app.clipboard == long
        await until_said(pilot, "copied line 2")


async def test_a_megabyte_without_a_newline_and_codes_of_a_terminal_are_harmless(
    bench: Bench,
) -> None:
    codes = "\x1b[31mred\x1b[0m \x1b]0;title\x07[b]no[/markup] \u202eright\u202c"
    job = bench.job("some", S.RUNNING, step=5, log=f"{codes}\n")
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "[b]no[/markup] right")
        with job.log_file.open("a") as log:
            log.write("y" * 1024 * 1024)
        await until_shown(pilot, "yyyyyyyyyy")
        await pilot.press("w", "k", "j", "g", "G", "slash", "y", "y", "enter")
        await until_shown(pilot, "/yy")
        assert not {"\x1b", "\u202e"} & set(screen(pilot))


async def test_an_empty_log_says_so_and_its_keys_do_no_harm(bench: Bench) -> None:
    job = bench.job("some", S.QUEUED)
    job.log_file.unlink()
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "queued")
        await pilot.press("l")
        await until_shown(pilot, "nothing logged yet")
        await pilot.press("j", "k", "g", "G", "f", "w", "pagedown", "slash", "x", "enter", "n")
        await pilot.press("escape", "y")
        await until(pilot, lambda: "no line to copy" in note(pilot))


async def test_a_click_selects_a_line(bench: Bench) -> None:
    bench.job("some", S.RUNNING, step=5, log="".join(f"line {n}\n" for n in range(100)))
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("l")
        await until_shown(pilot, "line 99")
        wanted = rows_of(pilot)[8].split("line ")[1].split()[0]
        await pilot.click(offset=(10, 8))
        assert view(pilot).line == f"line {wanted}"
        assert not view(pilot).follows


# --- rules -------------------------------------------------------------------------------------


def test_small_letters_find_all_and_a_capital_only_itself() -> None:
    assert pattern_of("") is None
    small, capital, signs = pattern_of("loss"), pattern_of("Loss"), pattern_of("[a.b]")
    assert small is not None
    assert capital is not None
    assert signs is not None
    assert small.search("the LOSS")
    assert capital.search("a Loss")
    assert not capital.search("a loss")
    assert not signs.search("aab")


def test_wide_letters_are_wrapped_by_columns() -> None:
    assert wrapped("abcdef", 4) == [(0, "abcd"), (4, "ef")]
    assert wrapped("漢字ab", 4) == [(0, "漢字"), (2, "ab")]
    assert wrapped("a漢字", 2) == [(0, "a"), (1, "漢"), (2, "字")]
    assert wrapped("", 4) == [(0, "")]


def test_the_selected_line_stays_when_first_lines_go() -> None:
    before = [f"{n}" for n in range(100)]
    assert lines_gone(before, [*before, "100"], 50) == 0
    assert lines_gone(before, [*before[30:], "100"], 50) == 30
    assert lines_gone(before, ["other"], 50) == 0
    assert lines_gone((), ["a"], 0) == 0
    progress = [*before[:-1], "half"]
    assert lines_gone(progress, [*before[:-1], "whole", "next"], 50) == 0
