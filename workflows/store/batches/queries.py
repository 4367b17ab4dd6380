"""Parts of queries that several questions about batches share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from workflows.store.mongo import Row

OPEN: Final[Row] = {"cancel_requested_at": None, "paused": {"$ne": True}}
"""Of a batch: further rows of it may be made."""
CHANGED: Final[Row] = {"version": {"$add": [{"$ifNull": ["$version", 0]}, 1]}}
"""Counts the commands and the rows made, so that a batch is not ended by an old count."""


ROWS: Final[Row] = {"row": {"$gte": 0}}
"""Of the workflows of a batch those that are rows: its gather is none."""
AWAITS_GATHER: Final[Row] = {"gather": {"$type": "string"}, "gather_rows": None}
"""Of a batch: it has a gather, which has not begun."""


def of_batches(batches: Collection[str]) -> Row:
    """The workflows of these batches; the type is what partial indexes are asked with."""
    return {"batch": {"$in": list(batches), "$type": "string"}}


def of_batch(batch: str) -> Row:
    return {"batch": {"$eq": batch, "$type": "string"}}
