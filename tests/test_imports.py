"""No typed command and no key waits for torch: fresh interpreters import everything and look."""

import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import engine
import tui

TRAINING_LIBRARIES = ["torch", "transformers", "trl", "peft", "accelerate", "datasets", "unsloth"]
SLOW_FOR_A_COMMAND = ["pydantic", "textual", "torch", "datasets", "numpy", "pandas"]

IMPORT_AND_REPORT = """
import importlib, json, sys
modules, unwanted = json.loads(sys.argv[1])
brought = {}
for name in modules:
    importlib.import_module(name)
    for library in unwanted:
        if library in sys.modules:
            brought.setdefault(library, name)
print(json.dumps(brought))
"""


def modules_of(package: str, folder: Path) -> Iterator[str]:
    """Every importable module, found without importing any, `__main__` and `engine.train` apart."""
    yield package
    for found in pkgutil.iter_modules([str(folder)]):
        name = f"{package}.{found.name}"
        if found.name == "__main__" or name == "engine.train":
            continue
        if found.ispkg:
            yield from modules_of(name, folder / found.name)
        else:
            yield name


def brought_in(modules: list[str], unwanted: list[str]) -> dict[str, str]:
    """Which of the unwanted libraries a fresh interpreter then holds, and the module to blame."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    environment["PYTHONPATH"] = str(Path(engine.__path__[0]).parent)
    found = subprocess.run(
        [sys.executable, "-P", "-c", IMPORT_AND_REPORT, json.dumps([modules, unwanted])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stderr
    reported: dict[str, str] = json.loads(found.stdout.splitlines()[-1])
    return reported


def test_the_engine_outside_train_imports_no_training_library_and_no_textual() -> None:
    modules = list(modules_of("engine", Path(engine.__path__[0])))
    assert brought_in(modules, [*TRAINING_LIBRARIES, "textual", "tui"]) == {}


def test_the_deck_imports_no_training_library() -> None:
    modules = list(modules_of("tui", Path(tui.__path__[0])))
    assert brought_in(modules, TRAINING_LIBRARIES) == {}


def test_the_command_line_starts_without_slow_libraries() -> None:
    assert brought_in(["engine.cli"], SLOW_FOR_A_COMMAND) == {}


def test_a_library_that_is_imported_is_seen() -> None:
    assert brought_in(["textual.geometry"], ["textual"]) == {"textual": "textual.geometry"}
