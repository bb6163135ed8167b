"""Names, types and defaults of every setting of a method or adapter, without importing its library.

The `*.json` files beside this module are written by `python -m engine.schema` from the installed
source; they are never edited by hand.
"""

from engine.schema.configs import ADAPTERS, METHODS, Config, config
from engine.schema.convert import Checked, check, convert
from engine.schema.field import Field
from engine.schema.stored import fields

__all__ = [
    "ADAPTERS",
    "METHODS",
    "Checked",
    "Config",
    "Field",
    "check",
    "config",
    "convert",
    "fields",
]
