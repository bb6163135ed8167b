"""The fields that are read from source are those of the imported classes."""

import dataclasses
import importlib
import os
from enum import Enum
from typing import Any

import pytest

from engine.schema import ADAPTERS, METHODS, Config, fields

pytestmark = pytest.mark.slow

EVERY = list((METHODS | ADAPTERS).values())


def imported(config: Config) -> Any:
    os.environ["TRL_EXPERIMENTAL_SILENCE"] = "1"
    for name in config.modules:
        try:
            return getattr(importlib.import_module(name), config.class_name)
        except (AttributeError, ImportError):
            continue
    raise AssertionError(f"{config.class_name} is in none of {config.modules}")


def made(field: dataclasses.Field[Any]) -> Any:
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    return value.value if isinstance(value, Enum) else value


@pytest.mark.parametrize("config", EVERY, ids=lambda config: config.name)
def test_names_and_defaults_are_those_of_the_imported_class(config: Config) -> None:
    truth = {field.name: field for field in dataclasses.fields(imported(config)) if field.init}
    read = fields(config.name)
    assert list(read) == list(truth)
    for name, field in read.items():
        assert field.required == (made(truth[name]) is dataclasses.MISSING), name
        if not field.symbolic and not field.required:
            assert field.default == made(truth[name]), name
            assert type(field.default) is type(made(truth[name])), name


@pytest.mark.parametrize("config", EVERY, ids=lambda config: config.name)
def test_a_closed_choice_holds_the_default_of_the_imported_class(config: Config) -> None:
    truth = {field.name: made(field) for field in dataclasses.fields(imported(config))}
    for name, field in fields(config.name).items():
        if field.choices and isinstance(truth[name], str):
            assert truth[name] in field.choices, name
