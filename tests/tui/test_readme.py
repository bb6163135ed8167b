"""The README's key table is the deck's key table; `python -m tests.tui.test_readme` writes it."""

import tomllib
from pathlib import Path

from engine.config import NOTIFY, read_deck_settings
from tui.keymap import keymap
from tui.keys import KEYS, TITLES, Key
from tui.themes import OWN, SHORT

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- keys: tui/keys.py -->", "<!-- end of keys -->"


def row(key: Key) -> str:
    """One key as the README shows it."""
    screens = ", ".join(title for name, title in TITLES.items() if name in key.screens)
    shown = key.shown.replace("|", "\\|")
    return f"| `{shown}` | {key.says} | `{key.action}` | {screens} |"


def table() -> str:
    """The whole table."""
    head = ["| key | does | name | on |", "| --- | --- | --- | --- |"]
    return "\n".join([BEGIN, *head, *map(row, KEYS), END])


def with_table(content: str) -> str:
    """The README with the table as it should be."""
    before, _, rest = content.partition(BEGIN)
    return before + table() + rest.partition(END)[2]


def test_the_readme_shows_the_deck_s_own_key_table() -> None:
    content = README.read_text()
    assert content == with_table(content), "write it: python -m tests.tui.test_readme"


def test_the_settings_that_the_readme_shows_are_settings(tmp_path: Path) -> None:
    blocks = README.read_text().split("```toml\n")[1:]
    shown = [block.partition("```")[0] for block in blocks]
    assert any("[keys]" in block for block in shown)
    for block in shown:
        file = tmp_path / "config.toml"
        file.write_text(block)
        tomllib.loads(block)
        read = read_deck_settings(file)
        assert read.problems == ()
        assert keymap(read.keys).problems == ()


def test_the_readme_names_every_notice_and_every_theme_of_ours() -> None:
    content = README.read_text()
    names = (*NOTIFY, *SHORT, *(theme.name for theme in OWN))
    assert not [name for name in names if f"`{name}`" not in content and f'"{name}"' not in content]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text()))
