"""Which method some data is for, where nobody said: by what its first rows can become."""

from pathlib import Path
from typing import TYPE_CHECKING

from engine.data.conversion import open_source
from engine.data.dataset import resolve_all
from engine.data.source import HubId
from engine.errors import DataError

if TYPE_CHECKING:
    from engine.spec import DataSection

ORDER = ("sft", "dpo", "grpo", "pretrain")
"""What is tried, the likeliest first; plain text is for pretraining, though sft learns it too."""


def method_of(section: "DataSection", base_folder: Path) -> str:
    """The first method that learns from this data; `sft` of data on the Hub, which is not read here.

    Raises:
        DataError: no method does.
    """
    source, resolved = section.sources[0], resolve_all(section, base_folder)[0]
    if isinstance(resolved, HubId):
        return ORDER[0]
    refusal: DataError | None = None
    for method in ORDER:
        try:
            opened = open_source(
                resolved, format=source.format, columns=source.columns, method=method
            )
        except DataError as error:
            refusal = refusal or error
            continue
        if not (method == "sft" and opened.kind == "text"):
            return method
    assert refusal is not None
    raise refusal
