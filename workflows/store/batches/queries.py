"""Parts of queries that several questions about batches share."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from workflows.store.mongo import Row

OPEN: Final[Row] = {"cancel_requested_at": None, "paused": {"$ne": True}}
"""Of a batch: further rows of it may be made."""
CHANGED: Final[Row] = {"version": {"$add": [{"$ifNull": ["$version", 0]}, 1]}}
"""Counts the commands and the rows made, so that a batch is not ended by an old count."""


def of_batches(batches: Collection[str]) -> Row:
    """Workflows that are rows of these batches; the type is what partial indexes are asked with."""
    return {"batch": {"$in": list(batches), "$type": "string"}}


def of_batch(batch: str) -> Row:
    return {"batch": {"$eq": batch, "$type": "string"}}
