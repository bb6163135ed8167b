"""The fields of a spec as a form shows them: groups, types, defaults, and text that is a value.

What a field is comes from `engine.spec` and `engine.schema`; nothing about a field is written here but
which ones a form shows first.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine import methods, schema
from engine.document import apply_overrides, line_of
from engine.errors import Problem
from engine.schema.convert import WORDS
from engine.spec import MANAGED, JobSpec, check_training, config_of
from tui.paths import Wanted

GROUPS: Mapping[str, tuple[str, ...]] = {
    "": ("name",),
    "model": ("model.name", "model.dtype", "model.chat_template"),
    "data": ("data.train", "data.eval", "data.format", "data.columns"),
    "method and adapter": (
        "method",
        "adapter.type",
        "adapter.r",
        "adapter.lora_alpha",
        "adapter.lora_dropout",
        "adapter.target_modules",
    ),
    "training": (
        "training.learning_rate",
        "training.lr_scheduler_type",
        "training.warmup_steps",
        "training.num_train_epochs",
        "training.max_steps",
        "training.per_device_train_batch_size",
        "training.gradient_accumulation_steps",
        "training.max_length",
        "training.seed",
    ),
    "compute": ("compute.gpus", "compute.threads"),
}
"""What the form shows at once; every other setting can be added by its name."""

PATHS = {
    "model.name": Wanted.MODEL,
    "data.train": Wanted.DATA,
    "data.eval": Wanted.DATA,
    "samples.rows": Wanted.DATA,
}
"""Fields that hold a path."""


@dataclass(frozen=True)
class FormField:
    """One field of a spec, as far as a form needs to know it."""

    key: str
    """Its name with its section: `training.learning_rate`."""
    type: str
    """What it accepts, in words."""
    default: str = ""
    """What it is when nothing is typed, as it would be typed; empty where there is nothing."""
    choices: tuple[str, ...] = ()
    help: str = ""
    plain: bool = False
    """Whether the text is the value; otherwise it is read as YAML."""
    required: bool = False

    @property
    def label(self) -> str:
        """Its own name."""
        return self.key.partition(".")[2] or self.key

    @property
    def wanted(self) -> Wanted | None:
        """The kind of path that it holds."""
        return PATHS.get(self.key)


_OTHERWISE: Mapping[str, type | UnionType] = {"data.train": list, "data.eval": int | float}
"""Fields that hold a path, and what else they may hold."""


# --- text and value -------------------------------------------------------------------------------


def value_of(field: FormField | None, typed: str) -> Any:
    """What the text means; what cannot be read as YAML is text."""
    typed = typed.strip()
    quoted = len(typed) > 1 and typed[0] == typed[-1] == '"'
    if field is None or not field.plain or quoted:
        value = apply_overrides({}, [f"value={typed}"])["value"]
        other = _OTHERWISE.get(field.key) if field is not None else None
        if other is not None and not isinstance(value, other):
            return value if quoted and isinstance(value, str) else typed
        return value
    return None if typed == "null" and not field.required else typed


def text_of(field: FormField | None, value: Any) -> str:
    """The text that means this value."""
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}" if math.isfinite(value) else line_of(value)
    if isinstance(value, str) and value.isprintable() and _stands(field, value):
        return value
    line = line_of(value)
    return line if not isinstance(value, str) or _reads(field, line, value) else _quoted(value)


def _stands(field: FormField | None, text: str) -> bool:
    """Whether a text means itself."""
    value = value_of(field, text)
    return bool(text) and text == text.strip() and isinstance(value, str) and value == text


def _reads(field: FormField | None, typed: str, value: str) -> bool:
    return bool(value_of(field, typed) == value)


def _quoted(text: str) -> str:
    return yaml.safe_dump(text, default_style='"', width=math.inf).strip()


# --- what a field is ------------------------------------------------------------------------------


def field_of(key: str, method: str = "sft") -> FormField | None:
    """What is known of a field; None when there is no such field."""
    section, _, name = key.partition(".")
    return _fields_of(
        section if name else "", method if method in methods.methods() else "sft"
    ).get(key)


def settings(method: str) -> tuple[str, ...]:
    """Every field that can be set, the training fields first, then the adapter's."""
    sections = ("training", "adapter", *(name for name in sections_of() if name != "adapter"))
    return tuple(key for section in sections for key in _fields_of(section, method))


@cache
def sections_of() -> Mapping[str, type[BaseModel]]:
    """The sections of a spec that have fields of their own."""
    found = {}
    for name, info in JobSpec.model_fields.items():
        for part in (info.annotation, *get_args(info.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found[name] = part
    return found


@cache
def _fields_of(section: str, method: str) -> Mapping[str, FormField]:
    """The fields of a section by key; of the top level for an empty name."""
    if section == "training":
        known = schema.fields(config_of(method)).values()
        return {
            f"training.{one.name}": _library("training", one)
            for one in known
            if one.name not in MANAGED
        }
    model = sections_of().get(section) if section else JobSpec
    if model is None:
        return {}
    prefix = f"{section}." if section else ""
    inner = {*sections_of(), "training"} if not section else set()
    own = {
        f"{prefix}{name}": _own(f"{prefix}{name}", info)
        for name, info in model.model_fields.items()
        if name not in inner
    }
    if section == "adapter":
        library = {
            f"adapter.{one.name}": _library("adapter", one)
            for one in schema.fields("lora").values()
        }
        return own | {key: one for key, one in library.items() if key not in own}
    return own


def _library(section: str, known: schema.Field) -> FormField:
    """A field of TRL's or PEFT's configuration."""
    plain = known.alternatives == ("str",)
    key = f"{section}.{known.name}"
    words = " or ".join(_worded(kind) for kind in known.alternatives)
    bare = FormField(key, words, plain=plain)
    default = (
        ""
        if known.symbolic or known.required or known.default is None
        else text_of(bare, known.default)
    )
    choices = tuple(str(choice) for choice in known.choices)
    return FormField(key, words, default, choices, known.help, plain)


def _worded(kind: str) -> str:
    return "a list" if kind.startswith("list") else WORDS[kind]


def _own(key: str, info: FieldInfo) -> FormField:
    """A field of tunedeck's own."""
    parts = [part for part in _parts(info.annotation) if part is not type(None)]
    choices = [
        str(choice) for part in parts if get_origin(part) is Literal for choice in get_args(part)
    ]
    kinds = [
        (get_origin(part) or part).__name__ for part in parts if get_origin(part) is not Literal
    ]
    bare = FormField(
        key,
        " or ".join(map(_worded, kinds)) or "one of these",
        choices=_choices_of(key) or tuple(choices),
        help=" ".join((info.description or "").replace("`", "").split()),
        plain=set(kinds) <= {"str"},
        required=info.is_required(),
    )
    none = info.default is PydanticUndefined or not info.default
    return bare if none else replace(bare, default=text_of(bare, info.default))


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of an annotation."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _parts(get_args(annotation)[0])
    if origin in (Union, UnionType):
        return tuple(inner for part in get_args(annotation) for inner in _parts(part))
    return (annotation,)


def _choices_of(key: str) -> tuple[str, ...]:
    """The values of a field whose choices are a registry's."""
    match key:
        case "method":
            return tuple(methods.methods())
        case "backend":
            return tuple(methods.backends())
        case "adapter.type":
            return ("none", *schema.ADAPTERS)
        case "data.format":
            from engine.data.formats import FORMATS

            return tuple(dict.fromkeys(["auto", *(known.name for known in FORMATS)]))
    return ()


# --- a setting by its name ------------------------------------------------------------------------


def matching(typed: str, method: str) -> list[str]:
    """The settings whose name begins like this, with its section or without; the very same first."""
    names = {key: (key, key.partition(".")[2]) for key in settings(method)}
    found = [key for key, both in names.items() if any(name.startswith(typed) for name in both)]
    return sorted(found, key=lambda key: typed not in names[key])


def complete_setting(typed: str, method: str) -> str | None:
    """The name of the first setting that begins like this."""
    found = matching(typed, method) if typed else []
    if not found:
        return None
    return found[0] if found[0].startswith(typed) else found[0].partition(".")[2]


def setting(typed: str, method: str) -> str | Problem:
    """The key of the setting of that name, or what is wrong with the name."""
    for key in matching(typed, method):
        if typed in (key, key.partition(".")[2]):
            return key
    section, dot, name = typed.rpartition(".")
    if dot and section not in {"training", "adapter"}:
        near = get_close_matches(typed, settings(method), n=1)
        return Problem(typed, "no such field", f"did you mean {near[0]}?" if near else "")
    if section == "adapter":
        return schema.check("lora", {name: None}, "adapter.").problems[0]
    return check_training(method, {name: None})[1][0]
