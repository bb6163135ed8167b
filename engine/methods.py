"""The training methods and backends as facts: what each is, what it learns from, which settings it takes.

Imports no training library. The code that trains is named by `trainer`, and only a worker follows that name.
Another package adds its own through the entry points `tunedeck.methods` and `tunedeck.backends`, each naming
a `Method` or a `Backend`; a name of ours cannot be replaced.
"""

import difflib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TypeVar

from engine.errors import UsageError

METHODS_GROUP = "tunedeck.methods"
BACKENDS_GROUP = "tunedeck.backends"


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to train."""

    name: str
    summary: str
    """What it learns, in a few words."""
    config: str
    """The schema of the TRL config that its `training` fields belong to."""
    learns_from: tuple[str, ...]
    """The kinds of rows that it takes (`engine.data.kinds`), the one that it wants most first."""
    trainer: str
    """`module:function` in the worker; takes a `Material` and returns the trainer."""
    adapter: str = "lora"
    """The adapter that it trains when the spec names none."""
    renders_chat: bool = True
    """Whether conversations go through the chat template."""
    generates: bool = False
    """Whether it writes answers while it trains."""
    judged_by: str = "eval_loss"
    """The measurement that early stopping and the best checkpoint go by."""


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A library that trains."""

    name: str
    summary: str
    loader: str
    """`module:class` in the worker: an `engine.train.backends.Backend`."""
    methods: tuple[str, ...]
    """The methods that it can train."""
    cpu_methods: tuple[str, ...]
    """Those of them that it can train without a GPU."""
    distribution: str = ""
    """What must be installed besides tunedeck."""
    adapters: tuple[str, ...] = ()
    """The `adapter.type`s that it can train; empty: all of them."""
    cpu_without: tuple[str, ...] = ()
    """Training fields that it would turn off in silence without a GPU, so that a spec may not turn them on."""
    own_attention: bool = False
    """Whether it chooses the attention itself: no `model.attn_implementation`."""
    pretrained_only: bool = False
    """Whether it needs a model with weights: no `model.initialize: random`."""


_OWN_METHODS = (
    Method(
        name="sft",
        summary="learns the answers",
        config="sft",
        learns_from=("conversation", "exchange", "text", "tokenised"),
        trainer="engine.train.methods.sft:build",
    ),
    Method(
        name="pretrain",
        summary="learns plain text, from the first word to the last",
        config="sft",
        learns_from=("text", "tokenised"),
        trainer="engine.train.methods.pretrain:build",
        adapter="none",
        renders_chat=False,
    ),
    Method(
        name="dpo",
        summary="learns to prefer the chosen answer to the rejected one",
        config="dpo",
        learns_from=("preference",),
        trainer="engine.train.methods.dpo:build",
    ),
    Method(
        name="grpo",
        summary="learns from rewards for the answers that it writes itself",
        config="grpo",
        learns_from=("question",),
        trainer="engine.train.methods.grpo:build",
        generates=True,
        judged_by="eval_reward",
    ),
    Method(
        name="osft",
        summary="learns the answers in directions that the model does not use yet, to forget less",
        config="sft",
        learns_from=("conversation", "exchange", "text", "tokenised"),
        trainer="engine.train.methods.sft:build",
        adapter="osf",
    ),
)

_OWN_BACKENDS = (
    Backend(
        name="trl",
        summary="the trainers of TRL, with PEFT",
        loader="engine.train.backends.trl:Trl",
        methods=tuple(method.name for method in _OWN_METHODS),
        cpu_methods=tuple(method.name for method in _OWN_METHODS),
    ),
    Backend(
        name="unsloth",
        summary="unsloth's faster kernels below the same trainers, for LoRA and QLoRA",
        loader="engine.train.backends.unsloth:Unsloth",
        methods=("sft", "dpo", "grpo"),
        cpu_methods=("sft",),
        distribution="unsloth",
        adapters=("lora", "none"),
        cpu_without=("packing", "eval_packing", "padding_free", "fp16"),
        own_attention=True,
        pretrained_only=True,
    ),
)

Entry = TypeVar("Entry", Method, Backend)


def method(name: str) -> Method:
    """The method of that name.

    Raises:
        UsageError: there is none; names the nearest.
    """
    return _named("method", name, _OWN_METHODS, METHODS_GROUP)


def backend(name: str) -> Backend:
    """The backend of that name.

    Raises:
        UsageError: there is none; names the nearest.
    """
    return _named("backend", name, _OWN_BACKENDS, BACKENDS_GROUP)


@cache
def methods() -> dict[str, Method]:
    """Every method by name, those of other packages last."""
    return _all(_OWN_METHODS, METHODS_GROUP, Method)


@cache
def backends() -> dict[str, Backend]:
    """Every backend by name, those of other packages last."""
    return _all(_OWN_BACKENDS, BACKENDS_GROUP, Backend)


def _named(what: str, name: str, own: tuple[Entry, ...], group: str) -> Entry:
    """Looks at our own first: entry points cost a walk over everything that is installed."""
    found = next((entry for entry in own if entry.name == name), None)
    if found is not None:
        return found
    known = _all(own, group, type(own[0]))
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    meant = f"did you mean {near[0]}? " if near else ""
    raise UsageError(f"there is no {what} {name!r}", f"{meant}known: {', '.join(known)}")


def _all(own: tuple[Entry, ...], group: str, kind: type[Entry]) -> dict[str, Entry]:
    found = {entry.name: entry for entry in own}
    for point in entry_points(group=group):
        try:
            entry = point.load()
        except (ImportError, AttributeError):
            continue  # `tunedeck doctor` says which could not be loaded
        if isinstance(entry, kind):
            found.setdefault(entry.name, entry)
    return found
