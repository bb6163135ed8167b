"""Training data: found, read, recognised, checked and converted; the only reader of it.

Imports no training library: what reads a hub data set is handed in by the worker.
"""

from engine.data.bad_rows import BadRows
from engine.data.dataset import (
    Loaded,
    Part,
    data_fingerprint,
    load,
    open_eval,
    open_parts,
    resolve_all,
    split,
    split_indices,
)
from engine.data.detection import columns_line, suggest_columns
from engine.data.inspection import Inspection, SourceFacts, inspect
from engine.data.lengths import Spread
from engine.data.readers import read_rows
from engine.data.row import Row
from engine.data.source import HubId, HubReader, Resolved, fingerprint, resolve, rows_of

__all__ = [
    "BadRows",
    "HubId",
    "HubReader",
    "Inspection",
    "Loaded",
    "Part",
    "Resolved",
    "Row",
    "SourceFacts",
    "Spread",
    "columns_line",
    "data_fingerprint",
    "fingerprint",
    "inspect",
    "load",
    "open_eval",
    "open_parts",
    "read_rows",
    "resolve",
    "resolve_all",
    "rows_of",
    "split",
    "split_indices",
    "suggest_columns",
]
