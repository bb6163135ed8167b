"""What each command takes: one function a verb, and the arguments that several of them share."""

import argparse

SHELLS = ("bash", "zsh", "tcsh")
AXES = ("step", "tokens", "time")
"""What a curve can be drawn against; `engine.curves` has the same, and is not imported for it."""


# --- arguments that several verbs share -----------------------------------------------------------


def _json(parser: argparse.ArgumentParser, what: str = "print JSON") -> None:
    parser.add_argument("--json", action="store_true", help=what)


def _overrides(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        dest="overrides",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        help="override a field of the spec: --set training.learning_rate=1e-4 (repeatable)",
    )


def _job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "job",
        metavar="ID",
        help="id, unique prefix, last four digits or unique name; - is the newest",
    )


def _jobs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "jobs",
        metavar="ID",
        nargs="+",
        help="ids, unique prefixes, last four digits or unique names; - is the newest",
    )


def _waiting(parser: argparse.ArgumentParser, until: str) -> None:
    parser.add_argument("--wait", action="store_true", help=f"return when {until}")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        help="with --wait: give up after this time (exit 124)",
    )


def _spec_or_data(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("source", metavar="SPEC", help=what)
    parser.add_argument(
        "--model", metavar="NAME", help="the base model of a data file: id or folder"
    )
    parser.add_argument("--method", metavar="NAME", help="sft (default) or pretrain")
    parser.add_argument("--name", metavar="NAME", help="the job's name (default: the file's)")
    _overrides(parser)


def _ascii(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII characters alone")


def _metrics(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--metric",
        metavar="NAME",
        action="append",
        help="what is drawn: loss (default), learning_rate, grad_norm, memory, ... (repeatable)",
    )


def _by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by", choices=AXES, help="the x axis (default: step); time leaves pauses out"
    )


def seconds(text: str) -> float:
    """A positive number of seconds."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not above zero")
    return value


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of lines")
    return int(text)


def _step(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no step")
    return int(text)


def _above_zero(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return int(text)


def _column(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not (ours and equals and theirs):
        raise argparse.ArgumentTypeError(f"{text!r} is no OURS=THEIRS, like prompt=question")
    return ours, theirs


def _points(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of points")
    return int(text)


def _size(text: str) -> tuple[int, int]:
    width, x, height = text.lower().partition("x")
    numbers = [int(part) for part in (width, height) if part.isascii() and part.isdigit()]
    if not x or len(numbers) != 2 or not all(200 <= number <= 10_000 for number in numbers):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no WIDTHxHEIGHT in pixels between 200 and 10000, like 1200x700"
        )
    return numbers[0], numbers[1]


def _kinds(text: str) -> tuple[str, ...]:
    kinds = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [kind for kind in kinds if kind not in ("adapter", "merged")]
    if unknown or not kinds:
        raise argparse.ArgumentTypeError(f"{text!r}: choose from adapter, merged")
    return kinds


def _checkpoint(text: str) -> str:
    if text not in ("last", "best") and not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is neither last, best nor a step")
    return text


# --- the verbs ------------------------------------------------------------------------------------


def demo(parser: argparse.ArgumentParser) -> None:
    _overrides(parser)
    parser.add_argument(
        "--plain", action="store_true", help="progress lines on a terminal too, without the deck"
    )


def run(parser: argparse.ArgumentParser) -> None:
    _spec_or_data(parser, "a spec (YAML, TOML, JSON), or with --model a data file")
    _json(parser, "print the final status as JSON")


def init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", metavar="DATA", help="data file or folder")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to write (- is stdout)")
    parser.add_argument("--model", metavar="NAME", help="the base model: Hub id or folder")
    parser.add_argument(
        "--recipe", metavar="NAME", help="begin with that recipe: `tunedeck recipes` lists them"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def data(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_subparsers(dest="what", metavar="WHAT", required=True)
    inspect = asked.add_parser(
        "inspect",
        help="format, rows, repeats, leaks, bad rows, lengths, and the first rows as a model sees them",
    )
    inspect.add_argument(
        "files", metavar="FILE", nargs="+", help="files, folders, globs or Hub ids"
    )
    inspect.add_argument(
        "--model", metavar="NAME", help="count tokens and show rows as this model sees them"
    )
    inspect.add_argument(
        "--method", metavar="NAME", help="what the data is for (default: found out by its rows)"
    )
    inspect.add_argument(
        "--eval", metavar="WHAT", help="evaluation data: a file, or a fraction to hold out"
    )
    inspect.add_argument(
        "--max-length", metavar="N", type=_above_zero, help="tokens at which rows are cut"
    )
    inspect.add_argument(
        "--rows", metavar="N", type=_count, default=3, help="how many rows are shown (default: 3)"
    )
    inspect.add_argument(
        "--quick", action="store_true", help="of large data read only the first rows"
    )
    _reading(inspect)
    _ascii(inspect)
    _json(inspect)
    convert = asked.add_parser("convert", help="write the same rows in another format")
    convert.add_argument("data", metavar="IN", help="file, folder or glob")
    convert.add_argument("out", metavar="OUT", help=".jsonl, .json or .jsonl.gz; - is stdout")
    convert.add_argument(
        "--to", metavar="FORMAT", required=True, help="messages, sharegpt, alpaca, ..."
    )
    convert.add_argument(
        "--conversational",
        action="store_true",
        help="keep prompts and answers as messages, where the format has text for them otherwise",
    )
    convert.add_argument(
        "--on-bad-row",
        choices=("fail", "skip", "quarantine"),
        default="fail",
        help="write nothing (default), leave it out, or keep it in OUT.bad.jsonl",
    )
    convert.add_argument("--force", action="store_true", help="replace an existing file")
    _reading(convert)


def _reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", metavar="NAME", default="auto", help="how the rows are written")
    parser.add_argument(
        "--columns",
        metavar="OURS=THEIRS",
        type=_column,
        action="append",
        default=[],
        help="what a column is: --columns prompt=question (repeatable)",
    )


def submit(parser: argparse.ArgumentParser) -> None:
    _spec_or_data(parser, "a spec (YAML, TOML, JSON), or with --model a data file")
    _json(parser)


def ls(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-a", "--all", action="store_true", help="settled jobs older than the newest twenty too"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print every job as JSON")
    how.add_argument(
        "--line",
        action="store_true",
        help="one line, for a tmux status bar: what runs, waits, rests, and failed within a day",
    )
    how.add_argument("-q", "--quiet", action="store_true", help="print the ids alone")
    _ascii(parser)


def status(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _json(parser)


def logs(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on until the job stops; Ctrl-C leaves"
    )
    parser.add_argument("-n", "--lines", metavar="N", type=_count, help="only the last N lines")
    _json(parser, "print each line as a JSON object")


def watch(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _metrics(parser)
    _by(parser)
    parser.add_argument("--plain", action="store_true", help="progress lines on a terminal too")
    _ascii(parser)
    _json(parser, "print the status as one JSON object a line, whenever it changes")


def compare(parser: argparse.ArgumentParser) -> None:
    _jobs(parser)
    parser.add_argument(
        "--metric", metavar="NAME", default="loss", help="what is drawn (default: loss)"
    )
    _by(parser)
    _ascii(parser)
    _json(parser)
    parser.add_argument(
        "--csv", metavar="FILE", help="write every measurement of these jobs there (- is stdout)"
    )


def plot(parser: argparse.ArgumentParser) -> None:
    _jobs(parser)
    parser.add_argument(
        "-o", "--out", metavar="FILE", help="a picture: its name ends in .png, .svg or .pdf"
    )
    _metrics(parser)
    _by(parser)
    parser.add_argument("--log", action="store_true", help="a logarithmic y axis")
    parser.add_argument(
        "--smooth",
        metavar="N",
        type=_points,
        help="average over N points; 0 not at all (default: a sixteenth of the curve)",
    )
    parser.add_argument(
        "--size", metavar="WxH", type=_size, help="of the picture, in pixels (default: 1200x700)"
    )
    _ascii(parser)
    _json(parser, "print the points as JSON")


def look(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _json(parser)


def samples(parser: argparse.ArgumentParser) -> None:
    look(parser)
    parser.add_argument(
        "--step", metavar="N", type=_step, help="the whole answers to the prompts at that step"
    )


def recipes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="NAME", nargs="?", help="print that recipe as YAML")
    _json(parser)


def pause(parser: argparse.ArgumentParser) -> None:
    _jobs(parser)
    _waiting(parser, "the job is paused and its GPU is free")
    _json(parser)


def resume(parser: argparse.ArgumentParser) -> None:
    _jobs(parser)
    parser.add_argument(
        "--checkpoint",
        type=int,
        metavar="STEP",
        help="go back to that checkpoint; newer ones are set aside",
    )
    _waiting(parser, "the job runs")
    _json(parser)


def cancel(parser: argparse.ArgumentParser) -> None:
    _jobs(parser)
    _waiting(parser, "the job is cancelled")
    _json(parser)


def edit(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    _overrides(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would change; write nothing"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    _json(parser)


def rm(parser: argparse.ArgumentParser) -> None:
    _jobs(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")


def export(parser: argparse.ArgumentParser) -> None:
    _job(parser)
    parser.add_argument(
        "--to",
        metavar="KIND[,KIND]",
        type=_kinds,
        help="adapter, merged or both (default: the adapter; the model after full fine-tuning)",
    )
    parser.add_argument(
        "--checkpoint",
        metavar="WHICH",
        type=_checkpoint,
        default="last",
        help="last, best or a step",
    )
    parser.add_argument("--detach", action="store_true", help="do not wait for it")
    _json(parser)


def json_only(parser: argparse.ArgumentParser) -> None:
    _json(parser)


def nothing(parser: argparse.ArgumentParser) -> None:
    del parser


def plan(parser: argparse.ArgumentParser) -> None:
    _spec_or_data(parser, "a spec (YAML, TOML, JSON), or with --model a data file")
    _json(parser)


def completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="for which shell")
