"""What was submitted, read once by each process: it never changes."""

from __future__ import annotations

from functools import lru_cache

from workflows import models
from workflows.blueprint import Blueprint, blueprint
from workflows.document import spec_from
from workflows.errors import NotFound
from workflows.store.mongo import Row, collection, translated

_KEPT = 2_000


@lru_cache(maxsize=_KEPT)
def get(spec_id: str) -> Blueprint:
    """Raises ``NotFound``."""
    return blueprint(spec_from(document(spec_id)))


def source(workflow: str) -> str:
    """What a workflow was made from, as JSON; raises ``NotFound`` where it was from nothing."""
    with translated():
        row = collection(models.Spec).find_one({"_id": f"{workflow}/1"}, {"source": 1})
    if row is None or not row.get("source"):
        raise NotFound(f"Workflow '{workflow}' was not made from anything else.")
    found: str = row["source"]
    return found


def document(spec_id: str) -> Row:
    """The normalised document as it was stored; raises ``NotFound``."""
    with translated():
        row = collection(models.Spec).find_one({"_id": spec_id}, {"document": 1})
    if row is None:
        raise NotFound(f"There is no spec '{spec_id}'.")
    found: Row = row["document"]
    return found
