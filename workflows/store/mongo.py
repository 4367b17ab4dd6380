"""Common access to MongoDB for all stores: clock, sessions, failures."""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pymongo
import structlog
from mongoengine import Document
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
from pymongo.write_concern import WriteConcern

from workflows.model.errors import Unavailable
from workflows.store.connection import client, collection_of

log = structlog.get_logger(__name__)

Row = dict[str, Any]
Result = TypeVar("Result")

NOW = "$$NOW"
_UNJOURNALED = WriteConcern(w=1)
DUE: Row = {"$lte": ["$due", NOW]}
"""Of a job: the time named by ``due`` has come."""
AWAY = (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    NotPrimaryError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
_PASSING = frozenset({50, 91, 189, 239, 246, 10107, 11600, 11602, 13435, 13436, 14031})
"""Codes of one statement among several: out of time, stopping, no longer primary, no snapshot that
is new or old enough, disk full."""
_RETRY_LABELS = (
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
    "RetryableWriteError",
)


UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
"""The exceptions of reading a damaged document."""


def sound(row: Row, read: Callable[[Row], Result]) -> Result | None:
    """The result of ``read`` for a document. For a damaged one it logs an error and returns None,
    so that it does not delay the others.
    """
    try:
        return read(row)
    except UNREADABLE as defect:
        log.exception("A document cannot be read", document=str(row.get("_id")), error=str(defect))
        return None


def collection(document: type[Document]) -> Collection[Row]:
    found: Collection[Row] = collection_of(document)
    return found


def unjournaled(document: type[Document]) -> Collection[Row]:
    """The same for writes that may be lost with their server. They wait for neither its journal nor
    the other members, which costs MongoDB two thirds of a small write.
    """
    return collection(document).with_options(write_concern=_UNJOURNALED)


def query(document: type[Document], **conditions: object) -> Any:
    """MongoEngine's query. Read what it finds through ``only`` or ``scalar``: a document of which
    a newer release has stored a further field cannot be read whole.
    """
    collection_of(document)  # MongoEngine's first connection takes no lock of its own
    return document.objects(**conditions)


def later(amount: timedelta) -> Row:
    """An aggregation expression: MongoDB's now plus ``amount``."""
    return {"$add": [NOW, int(amount.total_seconds() * 1000)]}


def ago(amount: timedelta) -> Row:
    """An aggregation expression: MongoDB's now less ``amount``."""
    return later(-amount)


def has_come(field: str, instant: object = NOW) -> Row:
    """A condition: the time in the field is not after ``instant``. The type is what partial indexes
    are asked with."""
    return {field: {"$type": "date"}, "$expr": {"$lte": [f"${field}", instant]}}


def of_none(owners: abc.Collection[str]) -> Row:
    """A condition: none of these users owns it."""
    return {"owner": {"$nin": sorted(owners)}} if owners else {}


def map_by_id(values: Mapping[str, object]) -> Row:
    """An aggregation expression: of the document at hand the value that is here under its ``_id``.

    With it one statement writes to many documents what differs from one to the other, which costs
    the server a third of as many statements.
    """
    at = {"$indexOfArray": [{"$literal": list(values)}, "$_id"]}
    return {"$arrayElemAt": [{"$literal": list(values.values())}, at]}


class Patience:
    """The total time that MongoDB's calls may take. Time between them does not count: validating a
    large workflow may take seconds while MongoDB is well.
    """

    def __init__(self, seconds: float, shortest_seconds: float) -> None:
        """A call has ``shortest_seconds`` even where those before it have used up all."""
        self._left = seconds
        self._shortest = shortest_seconds
        self._counting = False

    @contextmanager
    def spent(self) -> Iterator[None]:
        """The time within counts; once where blocks are nested."""
        if self._counting:
            yield
            return
        begun, self._counting = time.monotonic(), True
        try:
            with pymongo.timeout(max(self._left, self._shortest)):
                yield
        finally:
            self._left -= time.monotonic() - begun
            self._counting = False


_patience: ContextVar[Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patience(seconds: float, shortest_seconds: float) -> Iterator[None]:
    """Limits the total time of this thread's calls in the block."""
    token = _patience.set(Patience(seconds, shortest_seconds))
    try:
        yield
    finally:
        _patience.reset(token)


@contextmanager
def translate_errors() -> Iterator[None]:
    """MongoDB away, stepping down or unable to write is ``Unavailable``; the rest is a defect.

    Every call of MongoDB is made within it, and counts for the ``patience`` of its thread.
    """
    budget = _patience.get()
    try:
        with budget.spent() if budget else nullcontext():
            yield
    except PyMongoError as failure:
        meant = meaning(failure)
        if meant is failure:
            raise
        raise meant from failure


def meaning(failure: PyMongoError) -> Exception:
    """``Unavailable`` where another time may bring another answer; else the failure itself."""
    if isinstance(failure, AWAY):
        return Unavailable(f"MongoDB cannot be used now: {type(failure).__name__}")
    if isinstance(failure, BulkWriteError) and failure.details["writeConcernErrors"]:
        return Unavailable("MongoDB cannot write now: no majority has it")
    if isinstance(failure, OperationFailure) and (
        failure.code in _PASSING or any(map(failure.has_error_label, _RETRY_LABELS))
    ):
        return Unavailable(f"MongoDB cannot be used now: code {failure.code}")
    return failure


def transaction(work: Callable[[ClientSession], Result]) -> Result:
    """Run ``work`` in one transaction; it may be run again after a conflict, so it must be pure
    but for its writes in the session."""
    with translate_errors(), client().start_session() as session:
        result: Result = session.with_transaction(work)
        return result


def clock() -> datetime:
    """MongoDB's time."""
    with translate_errors():
        reply: Mapping[str, Any] = client().admin.command("hello")
    now: datetime = reply["localTime"]
    return now if now.tzinfo else now.replace(tzinfo=UTC)


__all__ = [
    "NOW",
    "PyMongoError",
    "Row",
    "client",
    "clock",
    "collection",
    "later",
    "sound",
    "transaction",
    "translate_errors",
]
