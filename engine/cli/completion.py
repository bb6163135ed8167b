"""Completion scripts for bash, zsh and tcsh, made by shtab; job ids are asked of `tunedeck ls`."""

import argparse
from collections.abc import Mapping

from engine.cli.output import say
from engine.cli.parser import build

_JOBS = {
    "bash": "_tunedeck_jobs",
    "zsh": "_tunedeck_jobs",
    "tcsh": "`tunedeck ls --all --quiet`",
}
_FILES = {"bash": "_shtab_compgen_files", "zsh": "_files", "tcsh": "f"}
_PREAMBLE = {
    "bash": """\
_tunedeck_jobs() {
  compgen -W "$(tunedeck ls --all --quiet 2>/dev/null)" -- "$1"
}
""",
    "zsh": """\
_tunedeck_jobs() {
  local -a ids
  ids=(${(f)"$(tunedeck ls --all --quiet 2>/dev/null)"})
  compadd -a ids
}
""",
    "tcsh": "",
}
_COMPLETED_BY: Mapping[str, Mapping[str, str]] = {
    "job": _JOBS,
    "jobs": _JOBS,
    "source": _FILES,
    "data": _FILES,
    "output": _FILES,
    "model": _FILES,
}
"""Argument -> how each shell completes it."""


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    parser = build()
    for one in _with_verbs(parser):
        for action in one._actions:
            if action.dest in _COMPLETED_BY:
                action.complete = _COMPLETED_BY[action.dest]  # type: ignore[attr-defined]
    say(shtab.complete(parser, args.shell, preamble=_PREAMBLE))
    return 0


def _with_verbs(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return [parser, *(one for action in verbs for one in action.choices.values())]
