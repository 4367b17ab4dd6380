"""Stores new batches, and makes the workflows of their rows, each exactly once.

A batch and its table are stored in one transaction: with it, all its workflows are decided. A row
becomes a workflow in a transaction that also counts it as made. That transaction fails if another
process has made the row, or if the batch was cancelled or paused since it was read; so wherever
a process dies, each row is made once, and none after a cancel was answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from workflows.model.errors import Conflict
from workflows.model.values import Json
from workflows.store import documents
from workflows.store.batches import row_plans
from workflows.store.batches.queries import CHANGED, OPEN
from workflows.store.batches.stored import StoredBatch
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, Row, collection, transaction, translate_errors
from workflows.store.workflows.inserts import Write


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch that is to be stored. Its times are set by MongoDB."""

    id: str
    owner: str
    name: str
    labels: dict[str, str]
    count: int
    max_active: int
    seed: str
    content: bytes
    request: bytes
    """What was submitted besides the rows (``tables.encode_request``)."""
    plans: Sequence[bytes] = ()
    """Those of its rows, where each was planned by itself (``row_plans``)."""
    request_id: str = ""
    idempotency_key: str | None = None
    body_digest: str | None = None
    template: Mapping[str, Json] = field(default_factory=dict)
    gather: str = ""
    """What its gather requires; empty: it has none."""

    @property
    def bytes(self) -> int:
        return len(self.content) + len(self.request) + sum(map(len, self.plans))


@dataclass(frozen=True, slots=True)
class Repeated:
    """A batch that was accepted under an Idempotency-Key."""

    id: str
    body_digest: str | None


def create(new: NewBatch) -> None:
    """Store a batch durably, due at once. Raises ``Conflict`` if its Idempotency-Key is taken."""

    row = _row(new)
    check_insert(documents.Batch, row, later=("id", "_id", "created_at", "updated_at"))

    def work(session: ClientSession) -> None:
        collection(documents.BatchTable).insert_one(
            {"_id": new.id, "content": new.content, "request": new.request}, session=session
        )
        row_plans.insert(new.id, new.plans, session)
        fields = {name: {"$literal": value} for name, value in row.items()}
        collection(documents.Batch).update_one(
            {"_id": new.id},
            [{"$set": {**fields, "created_at": NOW, "updated_at": NOW, "next_check": NOW}}],
            upsert=True,
            session=session,
        )

    try:
        transaction(work)
    except DuplicateKeyError as taken:
        raise Conflict("This Idempotency-Key is taken.") from taken


def find_repeated(owner: str, key: str) -> Repeated | None:
    """What the user had accepted under this Idempotency-Key."""
    with translate_errors():
        row = collection(documents.Batch).find_one(
            {"owner": owner, "idempotency_key": key}, {"body_digest": 1}
        )
    return Repeated(row["_id"], row.get("body_digest")) if row else None


def workflow_id(batch: StoredBatch, row: int) -> str:
    """The id of a row's workflow: 128 bits that only the stored batch knows in advance."""
    return _derive_id(batch, str(row))


def gather_id(batch: StoredBatch) -> str:
    """The same of the workflow of its gather."""
    return _derive_id(batch, "gather")


def _derive_id(batch: StoredBatch, place: str) -> str:
    key, path = bytes.fromhex(batch.seed), f"{batch.id}/{place}".encode()
    return f"wf_{hashlib.blake2b(path, key=key, digest_size=16).hexdigest()}"


def make(batch: StoredBatch, writes: Sequence[Write]) -> bool:
    """Store the workflows of the next rows; false if they were made by another process, or if the
    batch was cancelled or paused since it was read.
    """

    def work(session: ClientSession) -> bool:
        counted = collection(documents.Batch).update_one(
            {"_id": batch.id, "made": batch.made, **OPEN},
            [{"$set": {"made": batch.made + len(writes), "updated_at": NOW, **CHANGED}}],
            session=session,
        )
        if not counted.modified_count:
            return False
        collection(documents.Spec).insert_many([each.spec for each in writes], session=session)
        collection(documents.Workflow).bulk_write(
            [each.workflow for each in writes], session=session
        )
        return True

    return transaction(work)


def make_gather(batch: StoredBatch, write: Write, rows: int) -> bool:
    """Store the workflow of the gather, made of so many rows; false if the batch has changed since
    it was read: a row runs again, rows were added, or a user has stopped it.
    """

    def work(session: ClientSession) -> bool:
        if not _note_gather(batch, {"gather_rows": rows}, session):
            return False
        collection(documents.Spec).insert_one(write.spec, session=session)
        collection(documents.Workflow).bulk_write([write.workflow], session=session)
        return True

    return transaction(work)


def refuse_gather(batch: StoredBatch, rows: int, problem: str) -> bool:
    """Store that no workflow can be made of the gather; false as for ``make_gather``."""
    fields = {"gather_rows": rows, "gather_problem": {"$literal": problem}}
    return transaction(lambda session: _note_gather(batch, fields, session))


def _note_gather(batch: StoredBatch, fields: Row, session: ClientSession) -> bool:
    noted = collection(documents.Batch).update_one(
        {"_id": batch.id, "version": batch.version, "gather_rows": None, **OPEN},
        [
            {"$set": {**fields, "next_check": NOW, "updated_at": NOW, **CHANGED}},
            {"$unset": "finished_at"},
        ],
        session=session,
    )
    return bool(noted.modified_count)


def _row(new: NewBatch) -> Row:
    key: Row = {"idempotency_key": new.idempotency_key, "body_digest": new.body_digest}
    return {
        "owner": new.owner,
        "name": new.name,
        "labels": new.labels,
        "count": new.count,
        "made": 0,
        "version": 0,
        "max_active": new.max_active,
        "seed": new.seed,
        "bytes": new.bytes,
        "request_id": new.request_id,
        **({"template": dict(new.template)} if new.template else {}),
        **({"gather": new.gather} if new.gather else {}),
    } | (key if new.idempotency_key else {})
