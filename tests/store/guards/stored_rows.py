"""Rows that tests of guards put into MongoDB as a process would find them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mongoengine import Document

from workflows.store.mongo import collection

PAST, FUTURE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ALICE, BOB = "alice@bvbrc", "bob@bvbrc"


def put(document: type[Document], **row: Any) -> dict[str, Any]:
    """Store a row as it is; ``_id`` is its key."""
    collection(document).insert_one(dict(row))
    return row


def replace(document: type[Document], row: dict[str, Any]) -> None:
    """Store a row in the place of the one with its key."""
    collection(document).replace_one({"_id": row["_id"]}, row, upsert=True)


def stored(document: type[Document], key: str) -> dict[str, Any]:
    """Empty where there is none."""
    return collection(document).find_one({"_id": key}) or {}


def everything(documents: Sequence[type[Document]]) -> dict[str, list[dict[str, Any]]]:
    """All that is stored of these."""
    return {each.__name__: list(collection(each).find().sort("_id", 1)) for each in documents}
