"""`tunedeck data inspect` and `tunedeck data convert`: what is in some data, and the same in another format."""

import argparse

from engine.cli import data_convert, data_inspect


def run(args: argparse.Namespace) -> int:
    """Carry out what was asked for."""
    return data_convert.run(args) if args.what == "convert" else data_inspect.run(args)
