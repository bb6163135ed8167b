"""What every section of a spec is."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the spec; unknown keys are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
