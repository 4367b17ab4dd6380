"""The plans of a batch's rows where each was planned by itself: some rows a document, compressed.

A table of 5,000 rows may have plans of 50,000 steps. Only those of the rows that are made next are
read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Final

from pymongo.client_session import ClientSession

from workflows.model.errors import NotFound
from workflows.spec.batches.planned import PlannedRow
from workflows.store import documents
from workflows.store.byte_cache import ByteCache
from workflows.store.mongo import collection, translate_errors

ROWS: Final = 50
"""Of one document."""
KEPT_BYTES: Final = 16 * 1024 * 1024
_TIMES: Final = 4
"""Plans take so many times their JSON in memory."""
_LEVEL: Final = 6


def encode(plans: Sequence[PlannedRow]) -> list[bytes]:
    """As they are stored, in the order of the rows; the first is that of a row whose number can be
    divided by ``ROWS``."""
    return [_encode(plans[start : start + ROWS]) for start in range(0, len(plans), ROWS)]


def _encode(plans: Sequence[PlannedRow]) -> bytes:
    found = [[dict(plan.document), plan.waits_for] for plan in plans]
    return zlib.compress(json.dumps(found, separators=(",", ":")).encode(), _LEVEL)


def insert(batch: str, encoded: Sequence[bytes], session: ClientSession) -> None:
    if encoded:
        rows = [{"_id": f"{batch}/{n}", "content": each} for n, each in enumerate(encoded)]
        collection(documents.BatchPlan).insert_many(rows, session=session)


def since(batch: str, row: int) -> list[PlannedRow]:
    """The plans before a row that are stored in one document with its own."""
    return _get_some(batch, row - 1)[: row % ROWS] if row % ROWS else []


def add(batch: str, row: int, encoded: Sequence[bytes], session: ClientSession) -> None:
    """Store the plans from a row on, with those that ``since`` has answered before them."""
    for number, each in enumerate(encoded, row // ROWS):
        collection(documents.BatchPlan).update_one(
            {"_id": f"{batch}/{number}"}, {"$set": {"content": each}}, upsert=True, session=session
        )


def get(batch: str, row: int) -> PlannedRow:
    """Raises ``NotFound``."""
    return _get_some(batch, row)[row % ROWS]


def _get_some(batch: str, row: int) -> list[PlannedRow]:
    """The plans that are stored in one document with that of a row."""
    key = f"{batch}/{row // ROWS}"
    if len(_kept(key)) <= row % ROWS:  # rows were added since this process read it
        _kept.forget(key)
    return _kept(key)


def delete(batch: str, session: ClientSession) -> None:
    """'0' is the character after '/'."""
    ids = {"$gt": f"{batch}/", "$lt": f"{batch}0"}
    collection(documents.BatchPlan).delete_many({"_id": ids}, session=session)


def _load(key: str) -> tuple[list[PlannedRow], int]:
    with translate_errors():
        row = collection(documents.BatchPlan).find_one({"_id": key})
    if row is None:
        raise NotFound(f"There are no plans '{key}'.")
    text = zlib.decompress(row["content"])
    found = [PlannedRow(document, tuple(waits)) for document, waits in json.loads(text)]
    return found, _TIMES * len(text)


_kept: Final = ByteCache(_load, KEPT_BYTES)
