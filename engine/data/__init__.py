"""Training data: found, read, recognised, checked and converted; the only reader of it.

Imports no training library: what reads a hub data set is handed in by the worker.
"""

from engine.data.dataset import Loaded, data_fingerprint, load, split
from engine.data.detection import columns_line, suggest_columns
from engine.data.inspection import Characters, Inspection, inspect
from engine.data.readers import read_rows
from engine.data.row import Row
from engine.data.source import HubId, HubReader, Resolved, fingerprint, resolve, rows_of

__all__ = [
    "Characters",
    "HubId",
    "HubReader",
    "Inspection",
    "Loaded",
    "Resolved",
    "Row",
    "columns_line",
    "data_fingerprint",
    "fingerprint",
    "inspect",
    "load",
    "read_rows",
    "resolve",
    "rows_of",
    "split",
    "suggest_columns",
]
