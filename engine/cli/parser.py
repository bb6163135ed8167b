"""Every verb, and the module that carries it out; imports none of them. `arguments` has what each takes."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from engine import __version__
from engine.cli import arguments, deck
from engine.errors import UsageError

DECK_MODULE = "bare"
"""Carries out `tunedeck` without a command."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are ours: message, hint, and JSON when asked for."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see `{self.prog} --help`")


@dataclass(frozen=True)
class Verb:
    """One command."""

    name: str
    module: str
    """The module below `engine.cli` whose `run(args)` carries it out."""
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    example: str = ""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The arguments of one call; `module` names who carries it out.

    Raises:
        UsageError: they make no sense.
    """
    first = words[0] if words else "-"
    if first in BY_NAME:
        return build_verb(BY_NAME[first]).parse_args(words[1:])
    if not first.startswith("-"):
        raise _unknown_verb(first)
    args = build().parse_args(words)
    if args.module != DECK_MODULE and (stray := deck.given(args)):
        raise UsageError(
            f"{stray[0]} is an option of the deck", f"see `tunedeck {args.verb} --help`"
        )
    return args


def build() -> Parser:
    """The whole parser, with every verb."""
    parser = Parser(
        prog="tunedeck",
        description="A terminal control center for fine-tuning language models.",
        epilog="Without a command it opens the deck. Begin with `tunedeck demo`, or with\n"
        "`tunedeck run my-data.jsonl --model Qwen/Qwen3-0.6B`.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tunedeck {__version__}")
    parser.add_argument(
        "--print-completion",
        dest="shell",
        choices=arguments.SHELLS,
        help="print the completion script of a shell",
    )
    deck.add_options(parser)
    parser.set_defaults(module=DECK_MODULE, shell=None)
    verbs = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    for verb in VERBS:
        _fill(verbs.add_parser(verb.name, help=verb.help), verb)
    return parser


def build_verb(verb: Verb) -> Parser:
    """The parser of one verb alone, which is what a command needs."""
    parser = Parser(prog=f"tunedeck {verb.name}")
    _fill(parser, verb)
    return parser


def _fill(parser: argparse.ArgumentParser, verb: Verb) -> None:
    parser.description = verb.help[0].upper() + verb.help[1:] + "."
    parser.epilog = f"example: {verb.example}" if verb.example else None
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    verb.add_arguments(parser)
    parser.set_defaults(module=verb.module, verb=verb.name)


def _unknown_verb(word: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(word, BY_NAME, n=1)
    if near:
        return UsageError(f"no command {word!r}", f"did you mean `tunedeck {near[0]}`?")
    return UsageError(f"no command {word!r}", "`tunedeck --help` lists the commands")


VERBS = (
    Verb("demo", "demo", "fine-tune the bundled model here and now", arguments.demo),
    Verb(
        "run",
        "run",
        "submit a job and follow it; Ctrl-C detaches, the job goes on",
        arguments.run,
        "tunedeck run my-data.jsonl --model Qwen/Qwen3-0.6B",
    ),
    Verb(
        "data",
        "data",
        "look at training data before anything starts, or write it in another format",
        arguments.data,
        "tunedeck data inspect my-data.jsonl --model Qwen/Qwen3-0.6B",
    ),
    Verb(
        "init",
        "init",
        "write a commented spec for some data",
        arguments.init,
        "tunedeck init my-data.jsonl",
    ),
    Verb(
        "recipes",
        "recipes",
        "ready specs for a method and a machine; with a name, print one",
        arguments.recipes,
        "tunedeck recipes qlora-8gb",
    ),
    Verb(
        "submit",
        "submit",
        "queue a job and print its id",
        arguments.submit,
        "tunedeck submit my-data.yaml",
    ),
    Verb("plan", "plan", "check spec, data and model; nothing is started", arguments.plan),
    Verb("ls", "ls", "list the jobs", arguments.ls),
    Verb("status", "status", "show one job", arguments.status, "tunedeck status -"),
    Verb("logs", "logs", "print a job's log", arguments.logs, "tunedeck logs -f 7f3a"),
    Verb(
        "watch",
        "watch",
        "follow a job with a live chart; Ctrl-C leaves",
        arguments.watch,
        "tunedeck watch - --metric loss --metric learning_rate",
    ),
    Verb(
        "compare",
        "compare",
        "show jobs side by side: curves, what differs, what came of it",
        arguments.compare,
        "tunedeck compare 7f3a 91c0 --by tokens",
    ),
    Verb(
        "plot",
        "plot",
        "draw curves, in the terminal or into a picture file",
        arguments.plot,
        "tunedeck plot 7f3a --out loss.png",
    ),
    Verb("history", "history", "what happened to a job, and when", arguments.look),
    Verb("checkpoints", "checkpoints", "list a job's checkpoints", arguments.look),
    Verb("exports", "exports", "list a job's exports", arguments.look),
    Verb("spec", "show_spec", "print a job's spec, its edits put in", arguments.look),
    Verb(
        "samples",
        "samples",
        "what the model answered, before, after and in between",
        arguments.samples,
    ),
    Verb(
        "pause",
        "act",
        "save a checkpoint and give the GPU back",
        arguments.pause,
        "tunedeck pause - --wait",
    ),
    Verb("resume", "act", "go on from the newest good checkpoint", arguments.resume),
    Verb("cancel", "act", "stop without saving; checkpoints stay", arguments.cancel),
    Verb(
        "edit",
        "edit",
        "change settings of a paused job; without --set list what can be changed",
        arguments.edit,
        "tunedeck edit - --set training.learning_rate=1e-4",
    ),
    Verb("rm", "remove", "delete jobs with their checkpoints and exports", arguments.rm),
    Verb(
        "export",
        "export",
        "write the adapter or the merged model, and wait for it",
        arguments.export,
        "tunedeck export - --to adapter,merged",
    ),
    Verb("worker", "worker", "run the queue in the foreground, without a deck", arguments.nothing),
    Verb("doctor", "doctor", "what this machine can do, and what is missing", arguments.json_only),
    Verb(
        "completion",
        "completion",
        "print the completion script of a shell",
        arguments.completion,
        'eval "$(tunedeck completion bash)"',
    ),
)
BY_NAME = {verb.name: verb for verb in VERBS}
