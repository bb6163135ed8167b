"""`tunedeck init DATA`: a commented spec for that data, and the command that runs it."""

import argparse
import shlex
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from engine import data, methods
from engine.cli import recipes
from engine.cli.output import narrate, say
from engine.cli.spec_text import relative, scalar, write
from engine.data import Inspection, remarks
from engine.errors import DataError
from engine.spec import DataSection
from engine.text import one_line

DEFAULT_MODEL = "Qwen/Qwen3-0.6B"
SAMPLED_ROWS = 20_000


@dataclass(frozen=True)
class Draft:
    """What a spec for some data needs to say."""

    name: str
    train: str
    method: str
    columns: dict[str, str]
    inspection: Inspection


def run(args: argparse.Namespace) -> int:
    """Write the spec; stdout gets the next command, or with `-o -` the spec itself."""
    if args.recipe is not None:
        return recipes.init(args)
    draft = drafted(args.data)
    to_stdout = args.output == "-"
    path = Path(args.output or f"{draft.name}.yaml")
    base = Path.cwd() if to_stdout else path.absolute().parent
    file_name = f"{draft.name}.yaml" if to_stdout else path.name
    text = written(draft, args.model or DEFAULT_MODEL, base, file_name)
    if to_stdout:
        say(text.rstrip("\n"))
        return 0
    write(path, text, replace=args.force)
    found = draft.inspection
    rows = "rows on the Hub" if found.rows is None else f"{found.rows:,} rows"
    narrate(f"wrote {path}: {rows}, format {found.format or 'not known yet'}")
    if draft.columns:
        guessed = ", ".join(f"{ours} is {one_line(name)!r}" for ours, name in draft.columns.items())
        narrate(f"guessed from the names of the columns, check it: {guessed}")
    section = DataSection(train=draft.train, columns=draft.columns, eval=held_out(draft))
    for warning in remarks.warnings(found, section, method=draft.method):
        narrate(f"warning: {one_line(warning)}")
    if args.model is None:
        narrate(f"the base model is only a proposal: {DEFAULT_MODEL} (change it in {path})")
    say(f"tunedeck run {shlex.quote(str(path))}")
    return 0


def drafted(source: str, tried: tuple[str, ...] = ("sft", "pretrain")) -> Draft:
    """What is found in the data: its format, and where its columns have other names, which is which.

    `tried` are the methods that it may be meant for; the first that can learn from it is taken.

    Raises:
        DataError: nothing can be learned from it.
    """
    first_error: DataError | None = None
    for method in tried:
        columns: dict[str, str] = {}
        try:
            try:
                found = _inspected(source, method, columns)
            except DataError as error:
                first_error = first_error or error
                columns = _suggested(source, method)
                found = _inspected(source, method, columns)
        except DataError:
            continue
        if method == "sft" and found.format == "text":
            continue
        name = Path(source.rstrip("/")).name.split(".")[0] or "job"
        return Draft(name, source, method, columns, found)
    raise first_error or DataError(f"{source}: nothing can be learned from it", "")


def _inspected(source: str, method: str, columns: dict[str, str]) -> Inspection:
    return data.inspect(
        DataSection(train=source, columns=columns),
        method=method,
        base_folder=Path.cwd(),
        sample=SAMPLED_ROWS,
    )


def _suggested(source: str, method: str) -> dict[str, str]:
    """The mapping of columns that these rows probably need.

    Raises:
        DataError: there is nothing to guess.
    """
    rows = data.rows_of(data.resolve(source, Path.cwd()))
    head = [row for row in islice(rows, 20) if isinstance(row, data.Row)]
    columns = data.suggest_columns(head, method)
    pairs = {"chosen", "rejected"} <= {name for row in head for name in row.values}
    if not columns or (pairs and "preference" not in methods.method(method).learns_from):
        raise DataError(f"{source}: its columns cannot be guessed", "")
    return columns


def written(draft: Draft, model: str, base: Path, file_name: str) -> str:
    """The spec as text; paths are relative to `base` where they lie below it."""
    found = draft.inspection
    rows = "rows on the Hub" if found.rows is None else f"{found.rows:,} rows"
    rows += "" if found.complete or found.rows is None else " or more"
    longest = (
        f"; the longest row has {found.characters.max:,} characters" if found.characters else ""
    )
    columns = [f"  {data.columns_line(draft.columns)}"] if draft.columns else []
    if not columns:
        columns = ["  # columns: {prompt: question, completion: answer}   # ours: the file's"]
    quoted = shlex.quote(file_name)
    return "\n".join(
        [
            f"# Check it:  tunedeck plan {quoted}",
            f"# Run it:    tunedeck run {quoted}",
            "# One value for once:  --set training.learning_rate=1e-4",
            "",
            f"name: {scalar(draft.name)}",
            _noted(f"method: {draft.method}", "sft: learn the answers; pretrain: learn plain text"),
            "",
            "model:",
            _noted(
                f"  name: {scalar(relative(model, base, mark='./'))}",
                "Hub id, or a folder with config, tokenizer and weights",
            ),
            _noted("  dtype: auto", "float32 on a CPU, bfloat16 on a GPU that has it"),
            "",
            "adapter:",
            _noted("  type: lora", "none: full fine-tuning"),
            _noted("  r: 16", "more learns more, and takes more memory"),
            "  lora_alpha: 32",
            "  lora_dropout: 0.05",
            "  target_modules: all-linear",
            "",
            "data:",
            _noted(f"  train: {scalar(relative(draft.train, base))}", rows),
            _noted(
                f"  eval: {remarks.HELD_OUT}" if held_out(draft) else "  # eval: 0.1",
                "held out to measure with: a fraction, or a file",
            ),
            _noted(f"  format: {found.format or 'auto'}", _formats()),
            *columns,
            "",
            _noted("training:", "any field of TRL's SFTConfig, under its own name"),
            "  learning_rate: 2.0e-4",
            "  num_train_epochs: 3",
            "  per_device_train_batch_size: 4",
            _noted("  gradient_accumulation_steps: 4", "4 x 4 = 16 rows for one optimizer step"),
            _noted("  max_length: 1024", f"tokens; longer rows are cut{longest}"),
            "",
            "compute:",
            _noted("  gpus: auto", "one GPU if there is one, else the CPU"),
            "",
        ]
    )


def held_out(draft: Draft) -> float | None:
    """What the spec holds out: nothing of so little data that it would be missed."""
    rows = draft.inspection.rows
    return remarks.HELD_OUT if rows is None or rows >= remarks.ENOUGH_TO_HOLD_OUT else None


def _noted(line: str, note: str) -> str:
    return f"{line:<34} # {note}"


def _formats() -> str:
    return "auto, messages, sharegpt, alpaca, prompt-completion, text"
