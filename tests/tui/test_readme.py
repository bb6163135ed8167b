"""The README's key table is the deck's key table."""

from pathlib import Path

from tui.keys import KEYS, TITLES, Key

README = Path(__file__).parents[2] / "README.md"
BEGIN, END = "<!-- keys: tui/keys.py -->", "<!-- end of keys -->"


def row(key: Key) -> str:
    """One key as the README shows it."""
    screens = ", ".join(title for name, title in TITLES.items() if name in key.screens)
    shown = key.shown.replace("|", "\\|")
    return f"| `{shown}` | {key.says} | {screens} |"


def table() -> str:
    """The whole table."""
    head = ["| key | does | on |", "| --- | --- | --- |"]
    return "\n".join([BEGIN, *head, *map(row, KEYS), END])


def test_the_readme_shows_the_deck_s_own_key_table() -> None:
    content = README.read_text()
    shown = content[content.index(BEGIN) : content.index(END) + len(END)]
    assert shown == table(), f"README.md should read:\n{table()}"
