"""Stored batches as frozen values, and the list of a user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.model.errors import NotFound
from workflows.model.values import Json
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors
from workflows.store.workflows.listing import after_token, page_token


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBatch:
    """All that is stored of a batch but its table."""

    id: str
    owner: str
    name: str
    labels: Mapping[str, str]
    count: int
    """Rows."""
    made: int
    """So many rows, from the first on, have become workflows."""
    max_active: int
    seed: str
    paused: bool
    held_up_by: str
    """The quota that keeps further rows from being made; empty: none does."""
    cancel_requested_at: datetime | None
    cancel_pending: bool
    """The cancel is still to be written to the workflows."""
    version: int
    """Counts the commands and the rows made."""
    request_id: str
    template: Mapping[str, Json]
    """``{name, version}`` of what its workflows are made from; empty: of no template."""
    gather: str
    """What its gather requires, ``any`` or ``all`` rows; empty: it has none."""
    gather_rows: int | None
    """The number of rows that its gather was made of; None: it has not begun."""
    gather_problem: str
    """Why no workflow could be made of it."""
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @property
    def is_cancelled(self) -> bool:
        return self.cancel_requested_at is not None

    @property
    def awaits_gather(self) -> bool:
        """It has a gather, which has not begun."""
        return bool(self.gather) and self.gather_rows is None


def get(batch: str) -> StoredBatch:
    """Read a batch. Raises ``NotFound``.

    It does not ask who may see it: routes and pages go through ``engine.batches.load``.
    """
    found = find(batch)
    if found is None:
        raise NotFound(f"There is no batch '{batch}'.")
    return found


def find(batch: str) -> StoredBatch | None:
    with translate_errors():
        row = collection(documents.Batch).find_one({"_id": batch})
    return _value(row) if row else None


def page(owner: str, size: int, token: str = "") -> tuple[list[StoredBatch], str | None]:
    """A user's batches, newest first, and the token of the next page. Raises ``Invalid``."""
    conditions = [{"owner": owner}, *after_token(token)]
    with translate_errors():
        rows = list(
            collection(documents.Batch)
            .find({"$and": conditions})
            .sort([("created_at", -1), ("_id", -1)])
            .limit(size + 1)
        )
    following = page_token(rows[size - 1]) if len(rows) > size else None
    return list(map(_value, rows[:size])), following


def count_unfinished(owner: str) -> int:
    with translate_errors():
        return int(
            collection(documents.Batch).count_documents({"owner": owner, "finished_at": None})
        )


def _value(row: Row) -> StoredBatch:
    return StoredBatch(
        id=row["_id"],
        owner=row["owner"],
        name=row["name"],
        labels=row.get("labels") or {},
        count=row["count"],
        made=row["made"],
        max_active=row["max_active"],
        seed=row["seed"],
        paused=bool(row.get("paused")),
        held_up_by=row.get("held_up_by") or "",
        cancel_requested_at=row.get("cancel_requested_at"),
        cancel_pending=bool(row.get("cancel_pending")),
        version=row.get("version", 0),
        request_id=row.get("request_id") or "",
        template=row.get("template") or {},
        gather=row.get("gather") or "",
        gather_rows=row.get("gather_rows"),
        gather_problem=row.get("gather_problem") or "",
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        finished_at=row.get("finished_at"),
    )
