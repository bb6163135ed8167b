"""Where a draft begins: with a spec, with data, as a copy of a job, or with the model of the newest one."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from engine import edits, recipes
from engine.cli.init import drafted
from engine.data.extent import endless
from engine.document import read_document
from engine.errors import SpecError
from engine.job import Job
from engine.spec import build
from engine.store import Store
from engine.watch import read_spec
from tui import paths
from tui.form import starting
from tui.form.draft import SECTIONS, Draft, with_paths
from tui.form.fields import PATHS, field_of, text_of


def from_typed(draft: Draft, typed: str) -> tuple[Draft, str]:
    """The draft with a recipe, a spec or data filled in, by what is typed; and what was done.

    Raises:
        TunedeckError: it cannot be read.
    """
    if starting.is_recipe(typed):
        return from_recipe(draft, typed)
    path = paths.expand(typed)
    if paths.is_spec(path):
        return from_spec(path), f"filled in from {path}"
    return from_data(draft, path)


def from_document(document: Mapping[str, Any], folder: Path) -> Draft:
    """A draft of a spec that lies in that folder, whatever is wrong with it."""
    method = document.get("method")
    found: dict[str, str] = {}
    for key, value in _leaves(document):
        known = field_of(key, method if isinstance(method, str) else "sft")
        if key in PATHS:
            value = with_paths(value, partial(_from_here, key, folder=folder))
        found[key] = text_of(known, value)
    draft = Draft(found)
    kept = {key: text for key, text in found.items() if not draft.holds_anyway(key, text)}
    return Draft(kept)


def _leaves(document: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for section, value in document.items():
        if section in SECTIONS and isinstance(value, Mapping):
            yield from ((f"{section}.{name}", one) for name, one in value.items())
        elif value is not None:
            yield str(section), value


def _from_here(key: str, name: str, folder: Path) -> str:
    """A path of a spec in that folder, as it would be typed here; a Hub id stays one."""
    stand_in = {"model": {"name": name}, "data": {"train": name}}
    try:
        spec = build(stand_in, source="", base_folder=folder)
    except SpecError:
        return name
    found = spec.model.name if key == "model.name" else spec.data.named[0]
    if not Path(found).is_absolute():
        return found
    return paths.shown(Path(found), paths.MARK if key == "model.name" else "")


def from_spec(path: Path) -> Draft:
    """A draft of a spec file.

    Raises:
        SpecError: it cannot be read, or is no spec at all.
    """
    document = read_document(path)
    document.setdefault("name", path.stem)
    draft = from_document(document, path.parent)
    return replace(draft, before=draft.texts)


def copy_of(job: Job, names: Collection[str]) -> Draft:
    """A draft of the spec in force of a job, under a name that no other job has.

    Raises:
        SpecError: the job's spec cannot be read.
    """
    draft = from_document(edits.document(job), job.folder)
    name = another_name(draft.text("name"), names)
    return replace(draft.typed("name", name), before=draft.texts)


def from_data(draft: Draft, path: Path) -> tuple[Draft, str]:
    """The draft with that data in it, read the way it probably is meant; and what was guessed.

    Raises:
        DataError: nothing can be learned from it.
    """
    texts = {**draft.texts, "data.train": paths.shown(path), "data.format": "", "data.columns": ""}
    said = f"filled in with {path.name}"
    if endless(path) is None:
        found = drafted(str(path))
        texts["method"] = "" if found.method == "sft" else found.method
        if found.columns:
            texts["data.columns"] = text_of(field_of("data.columns"), found.columns)
            said += f"; its columns are guessed, check them: {texts['data.columns']}"
    return replace(draft, texts=texts), said


def from_recipe(draft: Draft, name: str) -> tuple[Draft, str]:
    """A draft of a recipe, with the name and the data that were typed; and what there is to do.

    Raises:
        UsageError: there is no such recipe.
    """
    recipe = recipes.read(name)
    document = recipe.document
    del document["name"], document["data"]["train"]
    kept = {
        key: text
        for key, text in draft.texts.items()
        if text.strip() and (key == "name" or key.startswith("data."))
    }
    texts = {**from_document(document, recipes.FOLDER).texts, **kept}
    wanted = "" if "data.train" in kept else f": name your data, {recipe.data}"
    return Draft(texts), f"filled in from the recipe {name}{wanted}"


def first(store: Store) -> Draft:
    """A draft with the model of the newest job."""
    newest = max(store.jobs(), key=lambda job: job.stored().created_at or "", default=None)
    model = read_spec(newest).get("model") if newest is not None else None
    name = model.get("name") if isinstance(model, Mapping) else None
    if not isinstance(name, str) or not name:
        return Draft()
    local = Path(name).is_absolute()
    return Draft({"model.name": paths.shown(Path(name), paths.MARK) if local else name})


def another_name(name: str, taken: Collection[str]) -> str:
    """`demo` -> `demo-2`, `demo-2` -> `demo-3`, beyond those that are taken."""
    stem, number = (
        (found[1], int(found[2])) if (found := re.fullmatch(r"(.+)-(\d{1,4})", name)) else (name, 1)
    )
    while True:
        number += 1
        new = f"{stem or 'job'}-{number}"
        if new not in taken:
            return new
