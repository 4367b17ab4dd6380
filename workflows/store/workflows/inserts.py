"""Inserts new workflows into MongoDB; concurrent requests share a group commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from workflows.model.errors import Conflict, Invalid, Problem
from workflows.model.states import StepState, WorkflowState
from workflows.model.values import Json, Spec
from workflows.store import documents
from workflows.store.group_commit import GroupCommit
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, Row, collection, meaning, query, translate_errors
from workflows.store.workflows.specs import UNKNOWN_ORIGIN, Origin

LARGEST_BYTES: Final = 16 * 1024 * 1024
"""What MongoDB takes as one document."""
_MOST_TOGETHER: Final = 50
_TAKEN: Final = 11_000
"""MongoDB's code for a key that another document has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWorkflow:
    """A workflow that is to be stored. Its times are set by MongoDB."""

    id: str
    spec: Spec
    """What was submitted, normalised."""
    owner: str
    state: WorkflowState
    """``pending``, or ``planned``."""
    cap: int
    """How many of its steps may be in flight at most."""
    waits_for: Sequence[int] = ()
    """Steps after whose success further ones are planned."""
    problems: Sequence[Mapping[str, Json]] = ()
    """Why a plan cannot run."""
    request_id: str = ""
    idempotency_key: str | None = None
    body_digest: str | None = None
    batch: Mapping[str, Json] = field(default_factory=dict)
    """Of a row of a batch: ``{batch, row, sample}``; of its gather: ``{batch}``."""
    template: Mapping[str, Json] = field(default_factory=dict)
    """Of a workflow that was made from a template: ``{name, version}``."""

    @property
    def spec_id(self) -> str:
        return first_spec(self.id)


@dataclass(frozen=True, slots=True)
class Repeated:
    """A workflow that was accepted under an Idempotency-Key."""

    id: str
    state: WorkflowState
    body_digest: str | None


@dataclass(frozen=True, slots=True)
class Write:
    """The statements that store one workflow and its spec."""

    workflow: UpdateOne
    spec: RawBSONDocument


def first_spec(workflow: str) -> str:
    """The id of the spec that it was stored with; later ones are its versions 2, 3, …"""
    return f"{workflow}/1"


def create(new: NewWorkflow, document: Mapping[str, Json], origin: Origin = UNKNOWN_ORIGIN) -> int:
    """Store a new workflow and its spec durably, due at once. Answers with the spec's bytes.

    Raises ``Conflict`` where the Idempotency-Key is taken, and ``Invalid`` where the document is
    too large.
    """
    write = prepare(new, document, origin)
    _create(write)
    return len(write.spec.raw)


def prepare(
    new: NewWorkflow, document: Mapping[str, Json], origin: Origin = UNKNOWN_ORIGIN
) -> Write:
    """The statements of ``create``. Raises ``Invalid`` where the document is too large."""
    spec = encode_spec(document, new.spec_id, origin)
    row = _row(new) | {"bytes": len(spec.raw)}
    check_insert(documents.Workflow, row, later=("created_at", "updated_at"))
    return Write(_upsert(row), spec)


def find_repeated(owner: str, key: str) -> Repeated | None:
    """What the user had accepted under this Idempotency-Key."""
    with translate_errors():
        before = query(documents.Workflow, owner=owner, idempotency_key=key)
        workflow = before.only("state", "body_digest").first()
    if workflow is None:
        return None
    return Repeated(workflow.id, WorkflowState(workflow.state), workflow.body_digest)


def _row(new: NewWorkflow) -> Row:
    """The row as it is stored first."""
    steps = new.spec.steps
    key: Row = {"idempotency_key": new.idempotency_key, "body_digest": new.body_digest}
    return {
        "_id": new.id,
        "owner": new.owner,
        "name": new.spec.name,
        "labels": dict(new.spec.labels),
        "apps": sorted({step.app for step in steps}),
        "step_count": len(steps),
        "spec": new.spec_id,
        "state": str(new.state),
        "states": [str(StepState.PENDING)] * len(steps),
        "attempts": [0] * len(steps),
        "waits_for": list(new.waits_for),
        "retries": {},
        "cap": new.cap,
        "sequence": 0,
        "revision": 0,
        "failures": 0,
        "problems": [dict(problem) for problem in new.problems],
        "request_id": new.request_id,
        **new.batch,
        **({"template": dict(new.template)} if new.template else {}),
        **({"priority": new.spec.priority} if new.spec.priority else {}),
    } | (key if new.idempotency_key else {})


def encode_spec(
    document: Mapping[str, Json], spec_id: str = "", origin: Origin = UNKNOWN_ORIGIN
) -> RawBSONDocument:
    """A spec as MongoDB keeps it; raises ``Invalid`` where it is too large for that."""
    encoded = bson.encode({"_id": spec_id, "document": dict(document)} | origin.as_row())
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


def write(found: Sequence[Write]) -> list[Exception | None]:
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
