"""Training data: found, read, recognised, checked and converted; the only reader of it.

Imports no training library: what reads a hub data set is handed in by the worker.
"""

from engine.data.bad_rows import BadRows
from engine.data.dataset import (
    Part,
    data_fingerprint,
    open_eval,
    open_parts,
    resolve_all,
    split_indices,
)
from engine.data.detection import columns_line, suggest_columns
from engine.data.inspection import Inspection, SourceFacts, inspect
from engine.data.lengths import Spread
from engine.data.readers import read_rows
from engine.data.row import AnyRow, BrokenRow, Row
from engine.data.source import HubId, HubReader, Resolved, fingerprint, resolve, rows_of

__all__ = [
    "AnyRow",
    "BadRows",
    "BrokenRow",
    "HubId",
    "HubReader",
    "Inspection",
    "Part",
    "Resolved",
    "Row",
    "SourceFacts",
    "Spread",
    "columns_line",
    "data_fingerprint",
    "fingerprint",
    "inspect",
    "open_eval",
    "open_parts",
    "read_rows",
    "resolve",
    "resolve_all",
    "rows_of",
    "split_indices",
    "suggest_columns",
]
