"""Fixtures of the deck's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.builder import Bench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """An empty home folder that fills with jobs; no process is started by it."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    made = Bench(tmp_path / "home")
    yield made
    made.close()
