"""The options of the deck: `tunedeck` itself takes them, and hands them to the process that shows it."""

import argparse
from pathlib import Path

OPTIONS = {"job": "--job", "home": "--home", "theme": "--theme"}
FLAGS = {"readonly": "--readonly", "ascii": "--ascii", "no_mouse": "--no-mouse"}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let that parser understand them."""
    deck = parser.add_argument_group("the deck (without a command)")
    deck.add_argument("--job", metavar="ID", help="highlight this job first")
    deck.add_argument(
        "--home", type=Path, metavar="DIR", help="the home folder, instead of $TUNEDECK_HOME"
    )
    deck.add_argument("--readonly", action="store_true", help="refuse every key that acts")
    deck.add_argument("--ascii", action="store_true", help="draw with ASCII characters alone")
    deck.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    deck.add_argument(
        "--theme",
        metavar="NAME",
        help="dark, light, ansi (the terminal's own colours), high-contrast, colour-blind, or one of"
        " Textual's, such as nord",
    )


def given(args: argparse.Namespace) -> list[str]:
    """Those that were given, as they stand on a command line."""
    said = []
    for name, flag in FLAGS.items():
        said += [flag] if getattr(args, name) else []
    for name, option in OPTIONS.items():
        value = getattr(args, name)
        said += [f"{option}={value}"] if value is not None else []
    return said
