"""The one connection of a process to MongoDB.

MongoEngine keeps it in a registry without a lock: two threads that ask for the first time would
make two clients, and a session of the one cannot write to collections of the other.
"""

from __future__ import annotations

from threading import RLock
from typing import Any

from mongoengine import Document, connect, disconnect, get_connection
from pymongo import MongoClient

from workflows.store.documents import Workflow

_connecting = RLock()


def open_database(uri: str, database: str, collection: str = "workflows") -> None:
    """Name the database, and in it the collection of the workflows; nothing is connected before the
    first use, so a fork may follow.

    Writes are acknowledged by a majority with the journal written: what was answered is durable.
    """
    with _connecting:
        Workflow._meta["collection"], Workflow._collection = collection, None
        connect(
            db=database,
            host=uri,
            connect=False,
            tz_aware=True,
            uuidRepresentation="standard",
            w="majority",
            journal=True,
            retryWrites=True,
            serverSelectionTimeoutMS=5_000,
            connectTimeoutMS=5_000,
            socketTimeoutMS=30_000,
            maxPoolSize=200,
        )


def client() -> MongoClient[dict[str, Any]]:
    """The client of this process. Raises MongoEngine's ``ConnectionFailure`` before
    ``open_database``."""
    with _connecting:
        found: MongoClient[dict[str, Any]] = get_connection()
    return found


def collection_of(document: type[Document]) -> Any:
    """The PyMongo collection of a document; raises as ``client`` does."""
    with _connecting:
        return document._get_collection()


def close_database() -> None:
    """A thread that asks at the same time gets this client or none."""
    with _connecting:
        disconnect()
