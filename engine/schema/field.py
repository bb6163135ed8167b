"""One setting of a training library, described without that library."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Field:
    """One setting: its name, what it accepts, and what it is when the user says nothing."""

    name: str

    type: str
    """Alternatives joined by ` | `: bool, int, float, str, dict, list, list[...], any."""

    optional: bool = False
    """Whether null is a value of its own."""

    default: Any = None
    """A JSON value; with `symbolic`, the expression that the library evaluates itself."""

    symbolic: bool = False
    """Whether `default` is an expression instead of a value."""

    required: bool = False
    """Whether the library gives no default at all."""

    choices: tuple[Any, ...] = ()
    """The only values allowed for the alternatives that they belong to; empty means any."""

    help: str = ""
    """The first sentence of the library's own explanation."""

    @property
    def alternatives(self) -> tuple[str, ...]:
        return tuple(self.type.split(" | "))

    def to_json(self) -> dict[str, Any]:
        """The stored form; what is false or empty is left out, except the default."""
        written: dict[str, Any] = {"name": self.name, "type": self.type}
        if not self.required:
            written["default"] = self.default
        for flag in ("optional", "symbolic", "required"):
            if getattr(self, flag):
                written[flag] = True
        if self.choices:
            written["choices"] = list(self.choices)
        if self.help:
            written["help"] = self.help
        return written

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> "Field":
        return cls(**{**written, "choices": tuple(written.get("choices", ()))})
