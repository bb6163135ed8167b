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
from engine.data.formats import FORMATS, JUDGED
from engine.data.guess import ORDER
from engine.errors import DataError
from engine.spec import DataSection
from engine.text import one_line

DEFAULT_MODEL = "Qwen/Qwen3-0.6B"
SAMPLED_ROWS = 20_000

_GUESSED_FOR = ("sft", "pretrain")
"""Methods that any column of text may be for; what the others need is recognised, or is not there."""

_CONFIGS = {"sft": "SFTConfig", "pretrain": "SFTConfig", "dpo": "DPOConfig", "grpo": "GRPOConfig"}


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
    if (bad := draft.inspection.bad.error) is not None:
        raise bad
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


def drafted(source: str, tried: tuple[str, ...] = ORDER) -> Draft:
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
                if len(tried) > 1 and method not in _GUESSED_FOR:
                    continue
                columns = _suggested(source, method)
                found = _inspected(source, method, columns)
        except DataError:
            continue
        if not found.rows and (bad := found.bad.error) is not None:
            raise bad
        if method == "sft" and found.kind == "text" and "pretrain" in tried:
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
    judged = {
        kind
        for known in JUDGED
        if known.matches([row.values for row in head])
        for kind in known.kinds
    }
    if not columns or (judged and not judged & {*methods.method(method).learns_from}):
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
            _noted(f"method: {draft.method}", _method_note(draft.method)),
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
            *_rewards(draft),
            "",
            *_training(draft.method, longest),
            "",
            "compute:",
            _noted("  gpus: auto", "one GPU if there is one, else the CPU"),
            "",
        ]
    )


def _method_note(name: str) -> str:
    others = {"sft": "learn the answers", "pretrain": "learn plain text"}
    if name not in others:
        return methods.method(name).summary
    return "; ".join(f"{one}: {what}" for one, what in others.items())


def _rewards(draft: Draft) -> list[str]:
    """What answers are rewarded for, where the method writes them itself."""
    if not methods.method(draft.method).generates:
        return []
    if any(row.get("answer") for row in draft.inspection.first):
        reward = _noted("  - type: exact", "the data's answer; numeric compares numbers")
    else:
        reward = _noted(
            "  - {type: length, maximum: 256}", "the data has no answers to compare with"
        )
    return [
        "",
        _noted("rewards:", "what answers are rewarded for; their weighted sum counts"),
        reward,
    ]


def _training(method: str, longest: str) -> list[str]:
    """The settings that matter first."""
    title = _noted("training:", f"any field of TRL's {_CONFIGS[method]}, under its own name")
    if method == "grpo":
        return [
            title,
            _noted("  learning_rate: 1.0e-5", "rewards are noisy: small steps"),
            _noted("  num_generations: 8", "answers to one question, compared with each other"),
            _noted("  max_completion_length: 256", "tokens of an answer"),
            "  per_device_train_batch_size: 8",
            _noted("  gradient_accumulation_steps: 2", "8 x 2 / 8 = 2 questions a step"),
            _noted("  max_steps: 300", "the reward should rise within the first 50"),
        ]
    rate, epochs = ("1.0e-5", 1) if method == "dpo" else ("2.0e-4", 3)
    beta = [_noted("  beta: 0.1", "how close it stays to the model as it was")]
    return [
        title,
        f"  learning_rate: {rate}",
        f"  num_train_epochs: {epochs}",
        *(beta if method == "dpo" else []),
        "  per_device_train_batch_size: 4",
        _noted("  gradient_accumulation_steps: 4", "4 x 4 = 16 rows for one optimizer step"),
        _noted("  max_length: 1024", f"tokens; longer rows are cut{longest}"),
    ]


def held_out(draft: Draft) -> float | None:
    """What the spec holds out: nothing of so little data that it would be missed."""
    rows = draft.inspection.rows
    return remarks.HELD_OUT if rows is None or rows >= remarks.ENOUGH_TO_HOLD_OUT else None


def _noted(line: str, note: str) -> str:
    return f"{line:<34} # {note}"


def _formats() -> str:
    return ", ".join(dict.fromkeys(["auto", *(known.name for known in FORMATS)]))
