"""The fields of a configuration class, read from its source and from that of its bases."""

import ast
import json
import re
from typing import Any

from engine.errors import MachineError
from engine.schema.annotation import Accepts, accepts, enum_members, is_dataclass
from engine.schema.configs import Config
from engine.schema.field import Field
from engine.schema.source import Definition, Module, Source

HELP_LENGTH = 240

# Values that a library's code accepts but its Literal forgets; the tests against the imported
# classes cannot see these.
UNLISTED = {"init_lora_weights": ("lora_ga",)}


def read_fields(config: Config, source: Source) -> dict[str, Field]:
    """Every field that the class's constructor takes, bases first, as dataclasses order them."""
    found = (source.find_class(module, config.class_name) for module in config.modules)
    definition = next((candidate for candidate in found if candidate), None)
    if definition is None:
        raise MachineError(
            f"{config.class_name} is not in the installed {config.distributions[0]}",
            f"`tunedeck doctor` shows the versions that fit; {config.name} needs another one",
        )
    return {
        name: field for name, field in _fields_of(definition, source).items() if field is not None
    }


def _fields_of(definition: Definition, source: Source) -> dict[str, Field | None]:
    """Fields by name; None keeps the place of one that the constructor does not take."""
    fields: dict[str, Field | None] = {}
    for base in reversed(definition.node.bases):
        name = base.id if isinstance(base, ast.Name) else ""
        parent = source.resolve(definition.module, name)
        if parent is not None:
            fields |= _fields_of(parent, source)
    if not is_dataclass(definition.node):
        return fields
    scope = _Scope(definition, source)
    for node in definition.node.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        if "ClassVar" not in ast.unparse(node.annotation):
            fields[node.target.id] = scope.field(node.target.id, node)
    return fields


class _Scope:
    """The names that a class body can use when its fields are evaluated."""

    def __init__(self, definition: Definition, source: Source) -> None:
        self._definition = definition
        self._source = source
        self._help = _docstring_help(ast.get_docstring(definition.node) or "")

    @property
    def _module(self) -> Module:
        return self._definition.module

    def field(self, name: str, node: ast.AnnAssign) -> Field | None:
        taken = accepts(node.annotation, self._module, self._source)
        options = _field_options(node.value)
        if options is None:
            default, symbolic = self._default(node.value)
            return self._build(name, taken, default, symbolic, node.value is None, {})
        if _constant(options.get("init")) is False:
            return None
        written = options.get("default")
        factory = options.get("default_factory")
        default, symbolic = self._made(factory) if factory else self._default(written)
        metadata = _string_keys(options.get("metadata"))
        return self._build(name, taken, default, symbolic, not (written or factory), metadata)

    def _build(
        self,
        name: str,
        taken: Accepts,
        default: Any,
        symbolic: bool,
        required: bool,
        metadata: dict[str, ast.expr],
    ) -> Field:
        text = _constant(metadata.get("help"))
        choices = _constant(metadata.get("choices")) or taken.choices
        return Field(
            name,
            taken.text,
            optional=taken.optional or (default is None and not required),
            default=default,
            symbolic=symbolic,
            required=required,
            choices=tuple(dict.fromkeys([*choices, *UNLISTED.get(name, ())])),
            help=_first_sentence(text if isinstance(text, str) else self._help.get(name, "")),
        )

    def _default(self, node: ast.expr | None) -> tuple[Any, bool]:
        """The value of a default, or its text and True when only the library can work it out."""
        if node is None:
            return None, False
        try:
            return _json_value(ast.literal_eval(node)), False
        except ValueError:
            pass
        if isinstance(node, ast.Name) and isinstance(
            value := self._module.values.get(node.id), ast.Constant
        ):
            return _json_value(value.value), False
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            member = self._member(node.value.id, node.attr)
            if member is not None:
                return member, False
        return ast.unparse(node), True

    def _made(self, factory: ast.expr) -> tuple[Any, bool]:
        if isinstance(factory, ast.Lambda):
            return self._default(factory.body)
        if isinstance(factory, ast.Name) and factory.id in ("list", "dict"):
            return ([] if factory.id == "list" else {}), False
        return f"{ast.unparse(factory)}()", True

    def _member(self, enum: str, member: str) -> Any:
        definition = self._source.resolve(self._module, enum)
        return None if definition is None else enum_members(definition).get(member)


def _field_options(node: ast.expr | None) -> dict[str, ast.expr] | None:
    """The arguments of `field(...)`, or None when the value is something else."""
    if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("field"):
        return None
    return {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}


def _string_keys(node: ast.expr | None) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    pairs = zip(node.keys, node.values, strict=True)
    return {key.value: value for key, value in pairs if _is_string(key)}  # type: ignore[union-attr]


def _is_string(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _constant(node: ast.expr | None) -> Any:
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except ValueError:
        return None


def _json_value(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _first_sentence(text: str) -> str:
    flat = " ".join(text.replace("%%", "%").split())
    end = re.search(r"(?<!e\.g)(?<!i\.e)(?<!vs)(?<!etc)[.!?](?=\s+[A-Z`'\"(<\[])", flat)
    sentence = flat[: end.end()] if end else flat
    if len(sentence) <= HELP_LENGTH:
        return sentence
    return sentence[:HELP_LENGTH].rsplit(" ", 1)[0] + " ..."


def _docstring_help(docstring: str) -> dict[str, str]:
    """The explanations under Args or Parameters, for the fields that carry none themselves."""
    entry = re.compile(r"^( +)(\w+) \(.*?\):(.*(?:\n(?:\1 +.*| *$))*)", re.MULTILINE)
    return {match[2]: match[3] for match in entry.finditer(docstring)}
