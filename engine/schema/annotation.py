"""What a type annotation accepts, in the few words of `Field.type`."""

import ast
from dataclasses import dataclass
from typing import Any

from engine.schema.source import Definition, Module, Source

SIMPLE = frozenset({"bool", "int", "float", "str"})
LISTS = frozenset({"list", "List", "Sequence", "Iterable", "tuple", "Tuple", "set", "Set"})
DICTS = frozenset({"dict", "Dict", "Mapping"})


@dataclass(frozen=True)
class Accepts:
    """The alternatives of an annotation, whether None is one, and the values that bind them."""

    types: tuple[str, ...]
    optional: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def text(self) -> str:
        return "any" if not self.types or "any" in self.types else " | ".join(self.types)


ANY = Accepts(("any",))


def accepts(node: ast.expr, module: Module, source: Source) -> Accepts:
    """Read an annotation as it is written in a module; what is not understood is `any`."""
    match node:
        case ast.Constant(value=None):
            return Accepts((), optional=True)
        case ast.Constant(value=str(text)):
            return accepts(ast.parse(text, mode="eval").body, module, source)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _union([left, right], module, source)
        case ast.Subscript(value=outer, slice=inner):
            return _subscript(_last_name(outer), inner, module, source)
        case ast.Name() | ast.Attribute():
            return _named(_last_name(node), module, source)
    return ANY


def enum_members(definition: Definition) -> dict[str, Any]:
    """The values of an enumeration's members by name, in order; empty for any other class."""
    if not any("Enum" in _last_name(base) for base in definition.node.bases):
        return {}
    return {
        node.targets[0].id: node.value.value
        for node in definition.node.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _named(name: str, module: Module, source: Source) -> Accepts:
    if name in SIMPLE:
        return Accepts((name,))
    if name in LISTS:
        return Accepts(("list",))
    if name in DICTS:
        return Accepts(("dict",))
    definition = source.resolve(module, name)
    if definition is None:
        alias = module.values.get(name)
        return accepts(alias, module, source) if isinstance(alias, ast.Subscript) else ANY
    values = tuple(enum_members(definition).values())
    if values and all(isinstance(value, str) for value in values):
        return Accepts(("str",), choices=values)
    # A nested configuration is written as a mapping.
    return Accepts(("dict",)) if is_dataclass(definition.node) else ANY


def _subscript(outer: str, inner: ast.expr, module: Module, source: Source) -> Accepts:
    parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
    if outer == "Union":
        return _union(parts, module, source)
    if outer == "Optional":
        return _union([inner, ast.Constant(None)], module, source)
    if outer == "Literal":
        return _literal(parts)
    if outer == "Annotated":
        return accepts(parts[0], module, source)
    if outer in DICTS:
        return Accepts(("dict",))
    if outer in LISTS:
        return _list(parts, module, source)
    return ANY


def _list(parts: list[ast.expr], module: Module, source: Source) -> Accepts:
    inner = [accepts(part, module, source) for part in parts if not _is_ellipsis(part)]
    if len({item.text for item in inner}) != 1 or len(inner[0].types) != 1:
        return Accepts(("list",))
    item = inner[0]
    return Accepts(("list" if item.text == "any" else f"list[{item.text}]",), choices=item.choices)


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _literal(parts: list[ast.expr]) -> Accepts:
    values = [part.value for part in parts if isinstance(part, ast.Constant)]
    named = [value for value in values if value is not None]
    types = dict.fromkeys(type(value).__name__ for value in named)
    return Accepts(tuple(types), optional=len(named) < len(values), choices=tuple(named))


def _union(parts: list[ast.expr], module: Module, source: Source) -> Accepts:
    """Join alternatives; a plain type beside a Literal of that type lifts the Literal's limits.

    An enumeration beside `str` keeps its limits: the libraries turn such a string into a member.
    """
    found = [(part, accepts(part, module, source)) for part in parts]
    plain = {item.text for part, item in found if isinstance(part, ast.Name) and not item.choices}
    choices: list[Any] = []
    for part, item in found:
        is_list = any(name.startswith("list[") for name in item.types)
        lifted = isinstance(part, ast.Subscript) and plain.issuperset(item.types)
        if not is_list and not lifted:
            choices += [value for value in item.choices if value not in choices]
    return Accepts(
        tuple(dict.fromkeys(name for _, item in found for name in item.types)),
        optional=any(item.optional for _, item in found),
        choices=tuple(choices),
    )


def is_dataclass(node: ast.ClassDef) -> bool:
    """Whether a class is decorated with `@dataclass`, with or without arguments."""
    calls = (d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)
    return any(_last_name(call) == "dataclass" for call in calls)
