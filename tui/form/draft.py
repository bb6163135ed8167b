"""The spec that a form holds: one text a field, and what it means as a document."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from engine import defaults
from engine.document import line_of
from engine.spec import JobSpec
from tui import paths
from tui.form.fields import GROUPS, PATHS, FormField, field_of, text_of, value_of

BATCH = "training.per_device_train_batch_size"
SHOWN = tuple(key for keys in GROUPS.values() for key in keys)


@dataclass(frozen=True)
class Line:
    """One line of the spec as it would be written."""

    text: str
    key: str = ""
    """The field that it belongs to; empty for the name of a section."""


@dataclass(frozen=True)
class Draft:
    """What is typed, by field; an empty text leaves the field out."""

    texts: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    """The texts of what it is a copy of; empty for a new one."""

    def text(self, key: str) -> str:
        """What is typed into a field."""
        return self.texts.get(key, "")

    def typed(self, key: str, text: str) -> "Draft":
        """The same with another text in one field."""
        return replace(self, texts={**self.texts, key: text})

    @property
    def method(self) -> str:
        """The method, as typed or by default."""
        return self.text("method").strip() or "sft"

    def differs(self, texts: Mapping[str, str]) -> bool:
        """Whether anything else is typed than in `texts`."""
        return any(self.text(key) != texts.get(key, "") for key in {*self.texts, *texts})

    @property
    def extras(self) -> list[str]:
        """The fields that a form has to add to those that it always shows."""
        return [key for key in self.texts if key not in SHOWN]

    def was(self, key: str) -> str | None:
        """What the field was in the original, when that is not what it is now."""
        if not self.before:
            return None
        before, now = (self._meant(texts.get(key, ""), key) for texts in (self.before, self.texts))
        return before or self.default(key) if before != now else None

    def default(self, key: str) -> str:
        """What a field is when nothing is typed."""
        if key == "name":
            return Path(self.text("data.train")).name.split(".")[0]
        if key == "adapter.type" and self.method == "pretrain":
            adapter = any(key.startswith("adapter.") for key, _ in self._told())
            return "lora" if adapter else "none"
        known = field_of(key, self.method)
        if known is None:
            return ""
        if key.startswith("training."):
            return self._training_default(known)
        return known.default

    def _training_default(self, known: FormField) -> str:
        """Tunedeck's own default, which may follow another field, else the library's."""
        batch = value_of(None, self.text(BATCH)) if self.text(BATCH).strip() else None
        training = {
            known.label: batch for known in [field_of(BATCH)] if known and batch is not None
        }
        own = defaults.own(training, has_eval=bool(self.text("data.eval").strip()))
        if known.label not in own:
            return known.default
        value = own[known.label]
        return text_of(known, value) if value is not None else ""

    def _meant(self, text: str, key: str) -> str:
        text = text.strip()
        return "" if self.holds_anyway(key, text) else text

    def holds_anyway(self, key: str, text: str) -> bool:
        """Whether the text says nothing, or what holds by default.

        Training fields count always: with evaluation data the worker has other defaults than the library.
        So do those of a section that is not there without them.
        So do the adapter's of a pretraining, which has none unless something is said of it.
        """
        if not text or key.startswith(SAYING_ALWAYS):
            return not text
        if key.startswith("adapter.") and self.method == "pretrain":
            return False
        known = field_of(key, self.method)
        default = value_of(known, known.default) if known is not None and known.default else None
        value = value_of(known, text)
        return value == default or (default is None and value == {})

    def document(self, folder: Path | None = None) -> dict[str, Any]:
        """The spec, without what holds by default; its paths are those of a file in `folder`."""
        made: dict[str, Any] = {}
        for key, text in self._told():
            known = field_of(key, self.method)
            value = value_of(known, text)
            if folder is not None and key in PATHS:
                value = with_paths(value, partial(_beside, folder=folder))
            section, _, name = key.partition(".")
            if not name:
                made[section] = value
            elif isinstance(inner := made.setdefault(section, {}), dict):
                inner[name] = value
            else:
                made[section] = {name: value}
        return made

    def _told(self) -> Iterator[tuple[str, str]]:
        """The fields that say something, in the order of a spec."""
        said = {key: text.strip() for key, text in self.texts.items()}
        said = {key: text for key, text in said.items() if not self.holds_anyway(key, text)}
        yield from sorted(said.items(), key=lambda item: _place(item[0]))

    def lines(self, folder: Path) -> list[Line]:
        """The spec as a file in that folder would be written."""
        lines = []
        for section, value in self.document(folder).items():
            if section not in SECTIONS or not isinstance(value, dict):
                lines.append(Line(_entry(section, value), section))
                continue
            lines.append(Line(f"{section}:"))
            lines += [
                Line(f"  {_entry(name, one)}", f"{section}.{name}") for name, one in value.items()
            ]
        return lines

    def to_yaml(self, folder: Path) -> str:
        """The spec as a file in that folder."""
        return "\n".join(line.text for line in self.lines(folder)) + "\n"


def with_paths(value: Any, change: Callable[[str], str]) -> Any:
    """A path changed, or those of a list of sources."""
    if isinstance(value, str):
        return change(value) if value else value
    if not isinstance(value, list):
        return value
    return [
        {**one, "path": change(one["path"])}
        if isinstance(one, dict) and isinstance(one.get("path"), str) and one["path"]
        else one
        for one in value
    ]


SECTIONS = ("model", "adapter", "data", "training", "samples", "early_stopping", "compute")
SAYING_ALWAYS = ("training.", "early_stopping.")
"""Fields of which even the default says something: without any, there is no such section."""


def _place(key: str) -> tuple[int, int]:
    section, _, name = key.partition(".")
    order = list(JobSpec.model_fields)
    at = order.index(section) if section in order else len(order)
    known = SHOWN.index(key) if key in SHOWN else len(SHOWN)
    return at, known if name else -1


def _entry(name: str, value: Any) -> str:
    return f"{line_of(name)}: {line_of(value)}"


def _beside(name: str, folder: Path) -> str:
    """A name as a spec in that folder would say it: relative below it, absolute elsewhere."""
    path = paths.expand(name)
    local = name.startswith((".", "~", "/")) or "*" in name or paths.exists(path)
    if not local or (folder == Path.cwd() and not name.startswith("..")):
        return name
    path = Path(os.path.normpath(path))
    return f"./{path.relative_to(folder)}" if path.is_relative_to(folder) else str(path)


def save(draft: Draft, stem: str) -> Path:
    """Write the spec into this folder, or beside its data, under a name that is free.

    Raises:
        OSError: neither folder can be written.
    """
    try:
        return _write(draft, Path.cwd(), stem)
    except OSError:
        beside = paths.folder_of(draft.text("data.train"))
        if beside == Path.cwd():
            raise
        return _write(draft, beside, stem)


def _write(draft: Draft, folder: Path, stem: str) -> Path:
    for number in range(1, 10_000):
        path = folder / (f"{stem}.yaml" if number == 1 else f"{stem}-{number}.yaml")
        with suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
            file.write(draft.to_yaml(folder))
            return path
    raise FileExistsError(f"{folder} holds very many specs of the name {stem}")
