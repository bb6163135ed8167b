"""`tunedeck` without a command: the deck on a terminal, the help elsewhere."""

import argparse
import os
import sys
from pathlib import Path

from engine.cli import deck
from engine.cli.output import narrate, on_terminal

NO_TERMINAL = 2


def run(args: argparse.Namespace) -> int:
    """Replace this process by the deck; without a terminal print the help and fail."""
    if args.shell:
        from engine.cli import completion

        return completion.run(args)
    if not (on_terminal(sys.stdout) and on_terminal(sys.stdin)):
        from engine.cli.parser import build

        narrate(build().format_help())
        return NO_TERMINAL
    sys.stdout.flush()
    sys.stderr.flush()
    command = [sys.executable, "-m", "tui", *deck.given(args)]
    os.execve(sys.executable, command, child_environment())


def child_environment() -> dict[str, str]:
    """This environment, but so that no folder named `engine` or `tui` at hand is imported."""
    result = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result["PYTHONSAFEPATH"] = "1"
    if Path(__file__).parents[2].name not in ("site-packages", "dist-packages"):
        from engine.launch import checkout_folder

        if (checkout := checkout_folder()) is not None:
            result["PYTHONPATH"] = str(checkout)
    return result
