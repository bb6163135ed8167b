"""Colours that can be read, and drawing without any, or without other characters than ASCII."""

import os
from pathlib import Path

import pytest
from textual.color import Color
from textual.pilot import Pilot

from engine.status import JobState
from tests.tui import builder
from tests.tui.builder import Bench
from tests.tui.looking import opened, rows_of, until, until_shown
from tui import themes
from tui.keys import JOB, keys_of
from tui.palette import Palette

S = JobState
TEXTS = ("dim", "strong", "title", "key", "good", "busy", "wait", "rest", "bad", "curve", "axis")
READABLE = 4.5
"""The contrast that WCAG 2 asks of text (AA)."""


def luminance(color: Color) -> float:
    parts = [channel / 255 for channel in (color.r, color.g, color.b)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, two: Color) -> float:
    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def tones(pilot: Pilot[int]) -> dict[str, Color]:
    """The colour of each meaning, as it is painted."""
    found = {}
    for tone in TEXTS:
        style = pilot.app.screen.get_component_rich_style(f"tone--{tone}")
        assert style.color is not None
        found[tone] = Color.from_rich_color(style.color)
    return found


@pytest.mark.parametrize("theme", [theme.name for theme in themes.OWN])
async def test_every_text_of_our_themes_can_be_read(bench: Bench, theme: str) -> None:
    async with opened(bench, 80, 24, theme=theme) as pilot:
        background = pilot.app.screen.styles.background
        variables = pilot.app.theme_variables
        assert contrast(Color.parse(variables["foreground"]), background) >= 7
        for tone, color in tones(pilot).items():
            assert contrast(color, background) >= READABLE, tone
            highlighted = Color.parse(variables["primary-muted"])
            panel = Color.parse(variables["panel"])
            if tone in ("dim", "key"):  # the footer's
                assert contrast(color, panel) >= READABLE, tone
            if tone in ("dim", "strong", "good", "busy", "wait", "rest", "bad"):  # the table's
                assert contrast(color, highlighted) >= 3, tone


@pytest.mark.parametrize("theme", ["dark", "light", *(theme.name for theme in themes.OWN)])
async def test_the_palette_can_be_read_on_light_and_on_dark(bench: Bench, theme: str) -> None:
    bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 100, 40, theme=theme) as pilot:
        await until_shown(pilot, "▶ running")
        await pilot.press("colon")
        await until_shown(pilot, "job: pause")
        strips = pilot.app.screen._compositor.render_strips()
        row = next(strip for strip in strips if "not now: is running" in strip.text)
        said = [segment for segment in row if "not now" in segment.text or "job:" in segment.text]
        assert said
        for segment in said:
            style = segment.style
            assert style is not None
            assert style.color is not None
            assert style.bgcolor is not None
            colours = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
            assert contrast(*colours) >= READABLE, segment.text


DEUTERANOPIA = ((0.367, 0.861, -0.228), (0.280, 0.673, 0.047), (-0.012, 0.043, 0.969))
PROTANOPIA = ((0.152, 1.053, -0.205), (0.115, 0.786, 0.099), (-0.004, -0.048, 1.052))
"""How the eye without green, or without red, sees linear RGB (Machado, Oliveira, Fernandes 2009)."""


@pytest.mark.parametrize("eye", [DEUTERANOPIA, PROTANOPIA])
async def test_good_and_bad_differ_for_eyes_without_red_or_green(
    bench: Bench, eye: tuple[tuple[float, ...], ...]
) -> None:
    async with opened(bench, 80, 24, theme="colour-blind") as pilot:
        colors = tones(pilot)

    def as_seen(color: Color) -> list[float]:
        linear = [(channel / 255) ** 2.2 for channel in (color.r, color.g, color.b)]
        mixed = [sum(a * b for a, b in zip(row, linear, strict=True)) for row in eye]
        return [min(1.0, max(0.0, part)) ** (1 / 2.2) * 255 for part in mixed]

    good, bad = as_seen(colors["good"]), as_seen(colors["bad"])
    assert sum((a - b) ** 2 for a, b in zip(good, bad, strict=True)) ** 0.5 > 100


def test_which_theme_a_visit_begins_with() -> None:
    there = ("tokyo-night", "catppuccin-latte", "nord", "dracula", "ansi-dark")
    chosen = themes.remembered("dracula", None)
    assert themes.first(None, None, {}, there) == themes.DEFAULT
    assert themes.first(None, "nord", {}, there) == "nord"
    assert themes.first(None, None, chosen, there) == "dracula"
    assert themes.first("nord", None, chosen, there) == "nord"
    assert themes.first(None, "nord", chosen, there) == "nord"
    assert themes.first(None, "nord", themes.remembered("dracula", "nord"), there) == "dracula"
    assert themes.first(None, "gone", {"theme": "gone too"}, there) == themes.DEFAULT
    assert themes.first("light", None, {}, there) == "catppuccin-latte"


async def test_the_short_names_name_themes(bench: Bench) -> None:
    async with opened(bench, 80, 24) as pilot:
        there = pilot.app.available_themes
        assert all(themes.known(name, there) for name in themes.SHORT)
        assert all(themes.known(theme.name, there) for theme in themes.OWN)


# --- ASCII ------------------------------------------------------------------------------------------


def foreign(pilot: Pilot[int]) -> set[str]:
    return {character for row in rows_of(pilot) for character in row if not character.isascii()}


def filled(bench: Bench) -> None:
    """Jobs in every state."""
    for state in S:
        bench.job(str(state), state, step=0 if state is S.QUEUED else 40, log="plain\n" * 30)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
async def test_ascii_means_every_character_in_the_lists_in_help_and_in_the_palette(
    bench: Bench, width: int, height: int
) -> None:
    filled(bench)
    async with opened(bench, width, height, ascii_only=True) as pilot:
        await until_shown(pilot, "> running")
        assert foreign(pilot) == set()
        marking = ("g", "space", "j", "space")
        for key in ("p", "x", "n", "e", *marking, "c", "escape", "question_mark", "G"):
            await pilot.press(key)
            assert foreign(pilot) == set(), key
        await pilot.press("escape", "colon")
        await until(pilot, lambda: isinstance(pilot.app.screen, Palette), "the palette is open")
        await until_shown(pilot, "job: new")
        assert foreign(pilot) == set()


async def test_ascii_means_every_character_of_a_job_and_of_a_new_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = bench.job("whole", S.COMPLETED, step=1000, checkpoint=1000, log="plain\n" * 30)
    builder.answer(job)
    builder.export(job, "adapter")
    monkeypatch.chdir(tmp_path)
    async with opened(bench, 100, 30, ascii_only=True) as pilot:
        await until_shown(pilot, "+ completed")
        await pilot.press("enter")
        for key in (key.keys[0] for key in keys_of(JOB) if key.keys[0].isdigit()):
            await pilot.press(key)
            assert foreign(pilot) == set(), key
        await pilot.press("escape", "n")
        assert foreign(pilot) == set()


async def test_ascii_leaves_what_users_wrote(bench: Bench) -> None:
    bench.job("größe", S.RUNNING, step=5, model="naïve/模型")
    async with opened(bench, 120, 40, ascii_only=True) as pilot:
        await until_shown(pilot, "> running")
        assert "größe" in "\n".join(rows_of(pilot))


async def test_ascii_can_be_set_for_every_visit(bench: Bench) -> None:
    bench.store.config_file.write_text("[deck]\nascii = true\n")
    bench.job("some", S.RUNNING, step=5, log="plain")
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "> running")
        assert foreign(pilot) == set()


# --- no colours -------------------------------------------------------------------------------------


async def test_no_color_paints_in_grey(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    bench.job("some", S.FAILED, step=5)
    async with opened(bench, 80, 24) as pilot:
        await until_shown(pilot, "✗ failed")
        for strip in pilot.app.screen._compositor.render_strips():
            for segment in strip:
                if segment.style is not None and segment.style.color is not None:
                    red, green, blue = segment.style.color.get_truecolor()
                    assert red == green == blue
