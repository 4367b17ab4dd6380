"""Inserts new workflows into MongoDB; concurrent requests share a group commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from workflows.model.errors import Conflict, Invalid, Problem
from workflows.model.states import WorkflowState
from workflows.store import documents
from workflows.store.group_commit import GroupCommit
from workflows.store.mongo import NOW, Row, collection, meaning, translate_errors

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""What MongoDB takes as one document."""
_MOST_TOGETHER: Final = 50
_TAKEN: Final = 11_000
"""MongoDB's code for a key that another document has."""


@dataclass(frozen=True, slots=True)
class New:
    """A workflow's row and its spec, as they are written."""

    workflow: UpdateOne
    spec: RawBSONDocument


def create(row: Row, spec: RawBSONDocument) -> None:
    """Store a new workflow durably, due at once. Its times are set here.

    ``spec``: as ``stored`` makes it. Raises ``Conflict`` where its Idempotency-Key is taken.
    """
    _create(new(row, spec))


def new(row: Row, spec: RawBSONDocument) -> New:
    return New(_upsert(row), spec)


def encode_spec(spec: Row) -> RawBSONDocument:
    """A spec as MongoDB keeps it; raises ``Invalid`` where it is too large for that."""
    encoded = bson.encode(spec)
    if len(encoded) > LARGEST_BYTES:
        message = f"it takes {len(encoded)} bytes to keep; at most {LARGEST_BYTES} are possible"
        hint = "keep large values in files of the Workspace, and name these"
        raise Invalid([Problem("", "document_too_large", message, hint)])
    return RawBSONDocument(encoded)


def _upsert(row: Row) -> UpdateOne:
    times: Row = {"created_at": NOW, "updated_at": NOW}
    if row["state"] != WorkflowState.PLANNED:
        times |= {"submitted_at": NOW, "next_check": NOW}
    fields = {name: {"$literal": value} for name, value in row.items() if name != "_id"}
    return UpdateOne({"_id": row["_id"]}, [{"$set": fields | times}], upsert=True)


def write(found: Sequence[New]) -> list[Exception | None]:
    """Stores many at once; answers for each with what its writing met.

    The specs go first, each statement to a majority: a workflow without one is never there, a spec
    without a workflow is merely forgotten. The second one's majority would not cover the first: it
    is repeated by itself where MongoDB was restarted between them, and had lost the first.
    """
    outcomes: list[Exception | None] = [None] * len(found)
    specs = collection(documents.Spec)
    with translate_errors():
        specs.insert_many([each.spec for each in found], ordered=False)
        try:
            collection(documents.Workflow).bulk_write(
                [each.workflow for each in found], ordered=False
            )
        except BulkWriteError as failure:
            if failure.details["writeConcernErrors"]:
                raise
            for error in failure.details["writeErrors"]:
                outcomes[error["index"]] = _failure(error)
    forgotten = [each.spec["_id"] for each, outcome in zip(found, outcomes, strict=True) if outcome]
    if forgotten:
        with suppress(PyMongoError):
            specs.delete_many({"_id": {"$in": forgotten}})
    return outcomes


def _failure(error: Mapping[str, Any]) -> Exception:
    if error["code"] == _TAKEN:
        return Conflict("This Idempotency-Key is taken.")
    return meaning(OperationFailure(error["errmsg"], error["code"]))


_create: Final = GroupCommit(write, most=_MOST_TOGETHER)
