"""Installed Python source, read as syntax trees: modules, their names, and where a name leads.

It finds files through `find_spec` of the top-level package and never imports any of them.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """A name that a module takes from another one."""

    module: str
    name: str


@dataclass(frozen=True)
class Module:
    """What one source file defines at its top level, including inside `if` and `try`."""

    name: str
    is_package: bool
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    imports: dict[str, Import] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Definition:
    """A class, and the module whose names its body uses."""

    module: Module
    node: ast.ClassDef


def installed_folder(package: str) -> Path | None:
    """Where a top-level package lies, or None when it is not installed."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)))


class Source:
    """The modules of a few packages, each parsed at most once."""

    def __init__(
        self,
        packages: tuple[str, ...],
        folder_of: Callable[[str], Path | None] = installed_folder,
    ) -> None:
        self._folders = {package: folder_of(package) for package in packages}
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """A module by its dotted name; None outside of our packages."""
        if name not in self._modules:
            path = self._path(name)
            self._modules[name] = None if path is None else _parse(name, path)
        return self._modules[name]

    def find_class(self, module_name: str, name: str) -> Definition | None:
        """The class that `from module_name import name` would give, through re-exports."""
        return self._find(module_name, name, set())

    def resolve(self, module: Module, name: str) -> Definition | None:
        """The class that a name stands for inside a module."""
        return self._find(module.name, name, set())

    def _find(self, module_name: str, name: str, seen: set[tuple[str, str]]) -> Definition | None:
        if (module_name, name) in seen:
            return None
        seen.add((module_name, name))
        module = self.module(module_name)
        if module is None:
            return None
        if name in module.classes:
            return Definition(module, module.classes[name])
        if name in module.imports:
            there = module.imports[name]
            return self._find(there.module, there.name, seen)
        found = (self._find(star, name, seen) for star in module.stars)
        return next((definition for definition in found if definition), None)

    def _path(self, name: str) -> Path | None:
        package, *parts = name.split(".")
        folder = self._folders.get(package)
        if folder is None:
            return None
        base = folder.joinpath(*parts)
        candidates = (base / "__init__.py", base.with_name(base.name + ".py"))
        return next((path for path in candidates if path.is_file()), None)


def _parse(name: str, path: Path) -> Module:
    module = Module(name, is_package=path.name == "__init__.py")
    for node in _statements(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.ClassDef):
            module.classes[node.name] = node
        elif isinstance(node, ast.ImportFrom):
            _note_imports(module, node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            _note_value(module.values, node.targets[0].id, node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            _note_value(module.values, node.target.id, node.value)
    return module


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If):
            yield from _statements(node.body)
            yield from _statements(node.orelse)
        elif isinstance(node, ast.Try):
            yield from _statements(node.body)
            for handler in node.handlers:
                yield from _statements(handler.body)
        else:
            yield node


def _note_value(values: dict[str, ast.expr], name: str, value: ast.expr) -> None:
    """Remember a constant; a name that is assigned twice has no value that a reader could know."""
    values[name] = ast.Name(name) if name in values else value


def _note_imports(module: Module, node: ast.ImportFrom) -> None:
    target = node.module or ""
    if node.level:
        parts = module.name.split(".")
        keep = len(parts) - node.level + (1 if module.is_package else 0)
        target = ".".join([*parts[:keep], *([node.module] if node.module else [])])
    for alias in node.names:
        if alias.name == "*":
            module.stars.append(target)
        else:
            module.imports.setdefault(alias.asname or alias.name, Import(target, alias.name))
