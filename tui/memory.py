"""What the deck remembers from one visit to the next, in `$TUNEDECK_HOME/deck.json`.

Never anything that would be missed: it may be deleted at any time, and it is not the hand-written
`config.toml`.
"""

from pathlib import Path
from typing import Any

from engine.files import read_json, write_json


class Memory:
    """A few named values in one file, which several decks may write: the last one wins, name by name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def recall(self) -> dict[str, Any]:
        """Everything that is remembered; nothing where the file is missing or damaged."""
        try:
            return read_json(self.path) or {}
        except (OSError, ValueError):
            return {}

    def remember(self, **values: Any) -> None:
        """Keep these; a value of None is forgotten.

        Raises:
            OSError: the file cannot be written.
        """
        kept = {**self.recall(), **values, "schema": 1}
        named = {name: value for name, value in kept.items() if value is not None}
        write_json(self.path, named, durable=False)
