"""Skips by name what needs unsloth, which `make test-unsloth` installs into an environment of its own."""

from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of this folder are skipped where there is no unsloth."""
    if find_spec("unsloth") is not None:
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="no unsloth here: make test-unsloth"))
