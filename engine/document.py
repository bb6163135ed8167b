"""Reads a YAML, TOML or JSON file into a mapping, and puts `--set` values in; knows no spec."""

import difflib
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import yaml

from engine.errors import Problem, SpecError


class _Loader(yaml.SafeLoader):
    """Safe YAML where `2e-4` is a number (YAML 1.1 reads a string) and a key counts once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a word", key.start_mark
                )
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes what `_Loader` reads back: a text that looks like `2e-4` gets its quotes."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)

_EXPONENT = re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
for _either in (_Loader, _Dumper):
    _either.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789."))


def read_document(path: Path) -> dict[str, Any]:
    """The mapping in a YAML, TOML or JSON file.

    Raises:
        SpecError: the file is missing, cannot be parsed, or holds no mapping.
    """
    try:
        if path.stat().st_size > 1024 * 1024:
            raise SpecError(str(path), [Problem("", "larger than 1 MiB: this is no spec")])
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, _names_beside(path), n=1)
        hint = f"did you mean {near[0]}?" if near else "check the path"
        raise SpecError(str(path), [Problem("", "no such file", hint)]) from None
    except UnicodeDecodeError as error:
        raise SpecError(str(path), [Problem("", f"not UTF-8 text at byte {error.start}")]) from None
    except OSError as error:
        raise SpecError(str(path), [Problem("", error.strerror or str(error))]) from None
    return parse_document(content, path.suffix.lower(), str(path))


def parse_document(content: str, suffix: str, source: str) -> dict[str, Any]:
    """The mapping in `content`, read as its suffix says; anything but TOML and JSON is YAML."""
    try:
        if suffix == ".toml":
            data: Any = tomllib.loads(content)
        elif suffix == ".json":
            data = orjson.loads(content)
        else:
            data = yaml.load(content, _Loader)
    except (tomllib.TOMLDecodeError, orjson.JSONDecodeError, RecursionError) as error:
        raise SpecError(source, [Problem("", f"cannot be read: {error}")]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SpecError(source, [Problem("", f"not valid YAML: {where}{reason}")]) from None
    except (ValueError, AttributeError, LookupError) as error:  # PyYAML, of a date or a tag
        problem = Problem("", f"holds a value that cannot be read: {error}", "put it in quotes")
        raise SpecError(source, [problem]) from None
    if not isinstance(data, dict):
        raise SpecError(
            source,
            [Problem("", "holds no mapping", "a spec starts with lines like `method: sft`")],
        )
    return data


def line_of(value: Any) -> str:
    """A value as YAML on one line of printable characters, which reads back as the same."""
    for in_other_letters in (True, False):
        line = yaml.dump(
            value,
            Dumper=_Dumper,
            default_flow_style=True,
            sort_keys=False,
            allow_unicode=in_other_letters,
            width=math.inf,
        )
        line = line.removesuffix("\n").removesuffix("\n...")
        if line.isprintable():
            break
    return line


def apply_overrides(data: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """`data` with every `section.field=value` of `--set` put in; values are read as YAML."""
    problems = []
    for override in overrides:
        dotted, equals, text = override.partition("=")
        keys = dotted.strip().split(".")
        if not equals or not all(keys):
            problems.append(
                Problem("--set", f"{override!r} is no FIELD=VALUE", "training.learning_rate=1e-4")
            )
            continue
        try:
            value = yaml.load(text, _Loader)
        except (yaml.YAMLError, ValueError, AttributeError, LookupError):
            value = text
        data = _with(data, keys, value)
    if problems:
        raise SpecError("--set", problems, "write --set training.learning_rate=1e-4")
    return data


def _with(data: Any, keys: Sequence[str], value: Any) -> dict[str, Any]:
    inner = dict(data) if isinstance(data, Mapping) else {}
    first, *rest = keys
    inner[first] = _with(inner.get(first), rest, value) if rest else value
    return inner


def _names_beside(path: Path) -> list[str]:
    try:
        return [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return []
