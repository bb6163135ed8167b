"""The command line: `tunedeck VERB ...`; imports nothing of a verb before it is used.

Exit codes: 0 done or detached, 1 the job failed or the plan cannot work, 2 wrong usage or invalid spec,
3 no such job, 4 not possible in this state, 5 this machine refuses, 6 the followed job was paused or
cancelled, 124 `--timeout` passed; 70 is a fault of tunedeck itself, 130 Ctrl-C, 141 a closed pipe.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from engine.errors import TunedeckError

__all__ = ["main"]

INTERNAL_FAULT = 70
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; the entry point of `tunedeck`."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    from engine.cli import output

    output.prepare()
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except TunedeckError as error:
        output.report(error, as_json="--json" in arguments)
        return error.exit_code
    except SystemExit as leaving:  # argparse, after --help, --version and --print-completion
        return leaving.code if isinstance(leaving.code, int) else 0
    except BrokenPipeError:
        return _pipe_closed()
    except KeyboardInterrupt:
        output.narrate("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the process's top level; the traceback is in a file
        from engine.cli import crash

        output.report(crash.explained(error), as_json="--json" in arguments)
        return INTERNAL_FAULT


def _run(arguments: list[str]) -> int:
    from engine.cli.parser import parse

    args = parse(arguments)
    verb = import_module(f"engine.cli.{args.module}")
    code: int = verb.run(args)
    return code


def _pipe_closed() -> int:
    """Whoever read our output is gone: say nothing, and let the interpreter flush into nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return BROKEN_PIPE
