"""The `rewards` of a spec: what the answers of grpo are rewarded for."""

from typing import Literal

from pydantic import Field

from engine.spec.section import Section


class RewardSection(Section):
    """One reward; what it gives, 0 to 1, counts `weight` times."""

    type: Literal["exact", "numeric", "regex", "json", "length", "format", "function"]
    weight: float = Field(default=1.0)
