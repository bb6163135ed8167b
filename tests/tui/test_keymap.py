"""Keys of the user's choice, and the deck's settings."""

import pytest

from engine.config import DeckSettings, read_deck_settings, read_settings
from engine.control import Desired
from engine.errors import UsageError
from engine.status import JobState
from tests.tui.builder import Bench
from tests.tui.looking import note, opened, screen, until_said, until_shown
from tui.keymap import Keymap, keymap, named, written
from tui.keys import CHECKPOINTS, HOME, KEYS, TITLES, YES, keys_of
from tui.screens.home import HomeScreen

S = JobState


def shown(keys: Keymap, screen_name: str, action: str) -> str:
    return next(key.shown for key in keys.of(screen_name) if key.action == action)


def test_an_action_gets_other_keys_everywhere_it_stands() -> None:
    changed = keymap({"pause": ["P", "f5"]})
    assert changed.problems == ()
    assert shown(changed, HOME, "pause") == "P/f5"
    assert changed.sign("pause") == "P"
    assert changed.bindings["home.pause"] == changed.bindings["job.pause"] == "P,f5"
    assert shown(changed, HOME, "resume") == "r"


def test_two_actions_can_swap_their_keys() -> None:
    changed = keymap({"pause": ["r"], "resume": ["p"]})
    assert changed.problems == ()
    assert (changed.sign("pause"), changed.sign("resume")) == ("r", "p")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"paus": ["P"]}, "did you mean pause?"),
        ({"frobnicate": ["P"]}, "there are: "),
        ({"pause": ["hyper"]}, 'there is no key "hyper"'),
        ({"pause": ["r"]}, 'on Home r is "resume" already'),
        ({"pause": ["ctrl+c"]}, "always closes the deck"),
        ({"cancel": [YES]}, "answers its question"),
        ({"wrap": ["p"]}, 'on Log p is "pause" already'),
    ],
)
def test_a_wish_that_cannot_be_is_left_out_and_said(
    wanted: dict[str, list[str]], words: str
) -> None:
    changed = keymap(wanted)
    assert changed.chosen == {}
    assert len(changed.problems) == 1
    assert words in changed.problems[0]
    assert next(iter(wanted)) in changed.problems[0]


def test_one_bad_wish_costs_no_other() -> None:
    changed = keymap({"pause": ["P"], "export": ["P"], "log": ["O"]})
    assert set(changed.chosen) == {"pause", "log"}
    assert len(changed.problems) == 1


def test_a_tab_keeps_the_keys_that_it_takes_from_its_screen() -> None:
    taken = {key for entry in keys_of(CHECKPOINTS) for key in entry.keys}
    assert taken & {key for entry in keys_of("job") for key in entry.keys}
    assert keymap({"resume": ["R"]}).problems == ()


def test_keys_are_named_as_people_write_them_and_written_as_people_read_them() -> None:
    assert [named(said) for said in ("?", "esc", "PgDn", "P", "+", "shift+left")] == [
        *("question_mark", "escape", "pagedown", "P", "plus", "shift+left")
    ]
    assert written(("question_mark", "escape", "down")) == "?/esc/↓"
    assert written(("down", "plus"), ascii_only=True) == "down/+"


def test_ascii_keys_are_words_where_they_are_arrows() -> None:
    plain = keymap({}, ascii_only=True)
    assert all(key.shown.isascii() for name in TITLES for key in plain.of(name))
    assert shown(plain, HOME, "down") == "j/down"


def test_every_action_can_be_named_in_a_toml_file() -> None:
    assert all(key.action.replace("_", "").isalnum() for key in KEYS)


# --- the file ---------------------------------------------------------------------------------------


def settings(bench: Bench, content: str) -> DeckSettings:
    bench.store.config_file.write_text(content)
    return read_deck_settings(bench.store.config_file)


def test_the_tables_of_the_deck_are_no_business_of_the_queue(bench: Bench) -> None:
    read = settings(bench, 'cpu_jobs = 2\n[deck]\ntheme = "nord"\n[keys]\npause = "P"\n')
    assert (read.theme, read.keys, read.problems) == ("nord", {"pause": ("P",)}, ())
    assert read_settings(bench.store.config_file).cpu_jobs == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[deck]\nnotify = "shout"', "[deck] notify: must be one of: bell, desktop, both, off"),
        ('[deck]\nascii = "yes"', "[deck] ascii: must be true or false"),
        ("[deck]\ncolour = 1", "[deck] colour: no such setting"),
        ("keys = 3", "keys: must be a table"),
        ("[keys]\npause = 3", "[keys] pause: must be a key or a list of keys"),
        ("[deck", "cannot be read"),
    ],
)
def test_what_means_nothing_is_said_and_the_defaults_hold(
    bench: Bench, content: str, words: str
) -> None:
    read = settings(bench, content)
    assert words in read.problems[0]
    assert (read.notify, read.ascii, read.keys) == ("bell", False, {})


def test_a_table_of_another_name_is_refused_by_the_queue(bench: Bench) -> None:
    bench.store.config_file.write_text("[desk]\n")
    with pytest.raises(UsageError, match="desk: no such setting") as refused:
        read_settings(bench.store.config_file)
    assert "[deck] and [keys]" in refused.value.hint


# --- on the screen ----------------------------------------------------------------------------------


async def test_the_footer_shows_the_new_key_and_only_it_acts(bench: Bench) -> None:
    bench.store.config_file.write_text('[keys]\npause = "P"\n')
    job = bench.job("some", S.RUNNING, step=5)
    async with opened(bench, 100, 24) as pilot:
        await until_shown(pilot, "▶ running")
        footer = screen(pilot).splitlines()[-1]
        assert "P Pause" in footer
        assert "p Pause" not in footer
        await pilot.press("p")
        assert job.control().desired is Desired.RUN
        await pilot.press("P")
        await until_said(pilot, "pausing some")
        assert job.control().desired is Desired.PAUSE


async def test_what_is_wrong_in_the_settings_is_said_at_the_start_and_in_help(bench: Bench) -> None:
    bench.store.config_file.write_text('[deck]\ntheme = "nrod"\n[keys]\nquit_deck = "hyper"\n')
    bench.job("some", S.COMPLETED, step=5)
    async with opened(bench, 160, 120) as pilot:
        await until_said(pilot, "config.toml: [deck] theme: there is no theme 'nrod'")
        assert "and 1 more: ? shows them" in note(pilot)
        await pilot.press("question_mark", "G")
        await until_shown(pilot, 'there is no key "hyper"')


async def test_a_settings_file_that_is_no_toml_does_not_keep_the_deck_closed(bench: Bench) -> None:
    bench.store.config_file.write_text("[keys\n")
    async with opened(bench, 160, 24) as pilot:
        await until_said(pilot, "cannot be read")
        assert isinstance(pilot.app.screen, HomeScreen)
