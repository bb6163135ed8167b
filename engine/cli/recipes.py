"""`tunedeck recipes`: the ready specs and which of them this machine can run; `init --recipe` fills one in."""

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import data, recipes
from engine.cli.output import narrate, on_terminal, say, say_json
from engine.cli.spec_text import relative, scalar, write
from engine.cli.table import Column, table
from engine.errors import DataError
from engine.gpu import GPU, Telemetry
from engine.recipes import Recipe
from engine.text import one_line

if TYPE_CHECKING:
    from engine.cli.init import Draft

COLUMNS = (
    Column("recipe"),
    Column("for"),
    Column("method"),
    Column("here", shrinks_to=4),
    Column("what", shrinks_to=20),
)


def run(args: argparse.Namespace) -> int:
    """Print one recipe, or what there is."""
    if args.recipe is not None:
        recipe = recipes.read(args.recipe)
        if args.json:
            say_json({**_facts(recipe, _gpus()), "yaml": recipe.text, "spec": recipe.document})
        else:
            say(recipe.text.rstrip("\n"))
        return 0
    found, gpus = list(recipes.all_recipes().values()), _gpus()
    if args.json:
        say_json([_facts(one, gpus) for one in found])
        return 0
    width = os.get_terminal_size().columns if on_terminal(sys.stdout) else None
    rows = [_row(one, gpus) for one in found]
    for line in table(COLUMNS, rows, width):
        say(line)
    best = recipes.fitting(gpus)
    narrate(f"begin with: tunedeck init my-data.jsonl --recipe {best[0].name}" if best else "")
    return 0


def _gpus() -> Sequence[GPU]:
    with Telemetry() as telemetry:
        return telemetry.read().gpus


def _row(recipe: Recipe, gpus: Sequence[GPU]) -> list[str]:
    memory = "CPU" if recipe.gpu_gb is None else f"{recipe.gpu_gb} GB"
    return [
        recipe.name,
        memory,
        recipe.method,
        recipes.missing(recipe, gpus) or "yes",
        recipe.what,
    ]


def _facts(recipe: Recipe, gpus: Sequence[GPU]) -> dict[str, Any]:
    spec, missing = recipe.spec, recipes.missing(recipe, gpus)
    return {
        "name": recipe.name,
        "what": recipe.what,
        "machine": recipe.machine,
        "gpu_gb": recipe.gpu_gb,
        "data": recipe.data,
        "method": spec.method,
        "backend": spec.backend,
        "model": spec.model.name,
        "adapter": spec.adapter.type,
        "quantization": spec.model.quantization,
        "fits": missing is None,
        "missing": missing,
    }


# --- `init --recipe` ------------------------------------------------------------------------------


def init(args: argparse.Namespace) -> int:
    """Write the recipe with this data in it; stdout gets the next command, or with `-o -` the spec itself.

    Raises:
        UsageError: there is no such recipe.
        DataError: its method cannot learn from this data.
    """
    recipe = recipes.read(args.recipe)
    draft = _drafted(args.data, recipe)
    to_stdout = args.output == "-"
    path = Path(args.output or f"{draft.name}.yaml")
    base = Path.cwd() if to_stdout else path.absolute().parent
    file_name = f"{draft.name}.yaml" if to_stdout else path.name
    text = written(recipe, draft, args.model, base, file_name)
    if to_stdout:
        say(text.rstrip("\n"))
        return 0
    write(path, text, replace=args.force)
    found = draft.inspection
    rows = "rows on the Hub" if found.rows is None else f"{found.rows:,} rows"
    narrate(f"wrote {path} from the recipe {recipe.name}: {rows}, format {found.format or 'auto'}")
    if draft.columns:
        pairs = draft.columns.items()
        guessed = ", ".join(f"{ours} is {one_line(theirs)!r}" for ours, theirs in pairs)
        narrate(f"guessed from the names of the columns, check it: {guessed}")
    if (lack := recipes.missing(recipe, _gpus())) is not None:
        narrate(f"warning: it cannot run on this machine: {lack}")
    say(f"tunedeck run {shlex.quote(str(path))}")
    return 0


def _drafted(source: str, recipe: Recipe) -> "Draft":
    from engine.cli.init import drafted

    try:
        return drafted(source, (recipe.spec.method,))
    except DataError as error:
        hint = f"the recipe {recipe.name} learns from {recipe.data}"
        raise DataError(error.message, f"{hint}; {error.hint}" if error.hint else hint) from None


def written(recipe: Recipe, draft: "Draft", model: str | None, base: Path, file_name: str) -> str:
    """The recipe with the data, its name and its columns put in; paths are relative to `base`.

    Of few rows nothing is held out.
    """
    from engine.cli.init import held_out

    quoted = shlex.quote(file_name)
    header = [
        f"# Check it:  tunedeck plan {quoted}",
        f"# Run it:    tunedeck run {quoted}",
        "# One value for once:  --set training.learning_rate=1e-4",
        "#",
        f"# Recipe:    {recipe.name}: {recipe.what}",
        f"# Machine:   {recipe.machine}",
    ]
    values = {"name": scalar(draft.name), "data.train": scalar(relative(draft.train, base))}
    if model is not None:
        values["model.name"] = scalar(relative(model, base, mark="./"))
    if draft.columns:
        values["data.columns"] = data.columns_line(draft.columns).removeprefix("columns: ")
    text = recipes.filled(recipe, header, values)
    return text if held_out(draft) else recipes.without(text, ("data.eval", "early_stopping"))
