"""The training methods: one readable module each, with a `build(Material)` that returns its trainer.

Which there are is said in `engine.methods`; a method of another package is found by its entry point there.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from transformers import Trainer

from engine import methods
from engine.train.material import Material

Build = Callable[[Material], Trainer]


def builder(name: str) -> Build:
    """What makes the trainer of a method; its library is imported only now."""
    module, _, function = methods.method(name).trainer.partition(":")
    return cast(Build, getattr(import_module(module), function))
