"""What MongoDB is asked, as its own profiler writes it down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.collection import Collection

from workflows.store import documents
from workflows.store.mongo import collection


@contextmanager
def profiled() -> Iterator[Collection[dict[str, Any]]]:
    """The entries of what is asked within it."""
    database = collection(documents.Job).database
    database.drop_collection("system.profile")
    database.command("profile", 2)
    try:
        yield database["system.profile"]
    finally:
        database.command("profile", 0)
