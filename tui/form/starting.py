"""What the first row of the form takes: a spec, data, or the name of a recipe."""

from collections.abc import Sequence

from engine import recipes
from engine.gpu import GPU
from tui import paths
from tui.paths import Wanted

FILES = "a spec (.yaml, .toml, .json) or data (.jsonl, .csv, .txt, ...): enter fills in the form"


def is_recipe(typed: str) -> bool:
    """Whether it is a recipe's name, and no file here."""
    return typed in recipes.all_recipes() and not paths.exists(paths.expand(typed))


def complete(typed: str) -> str | None:
    """The first file or recipe that begins like this."""
    path = paths.complete(typed, wanted=Wanted.ANY)
    if path is not None or not typed:
        return path
    return next((name for name in recipes.all_recipes() if name.startswith(typed)), None)


def about(typed: str, gpus: Sequence[GPU], key: str) -> str:
    """What can be typed, or what the recipe is that is typed; `key` shows one recipe after the other."""
    recipe = recipes.all_recipes().get(typed.strip())
    if recipe is None:
        names = ", ".join(one.name for one in recipes.fitting(gpus))
        return f"{FILES}. Or a recipe ({key} shows the next): {names}"
    missing = recipes.missing(recipe, gpus)
    here = f" This machine cannot run it: {missing}." if missing is not None else ""
    return f"{recipe.name}: {recipe.what}, for {recipe.machine}. Learns from {recipe.data}.{here}"


def next_recipe(typed: str, gpus: Sequence[GPU]) -> str:
    """The recipe after the one that is typed: those that this machine can run first."""
    fitting = [one.name for one in recipes.fitting(gpus)]
    names = [*fitting, *(name for name in recipes.all_recipes() if name not in fitting)]
    at = names.index(typed) + 1 if typed in names else 0
    return names[at % len(names)]
