"""Migrations of stored documents, done once, in order, on an operator's command.

A migration must leave documents that the release before it can still read, so that processes can be
restarted one by one; it may be interrupted and run again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from workflows.store import documents
from workflows.store.mongo import collection, query, translate_errors


@dataclass(frozen=True, slots=True)
class Migration:
    """The ``number``-th change of the schema."""

    number: int
    what: str
    change: Callable[[], int]
    """Makes the change and returns the number of documents that it changed."""


MIGRATIONS: Sequence[Migration] = ()
"""None is needed yet: no release stored anything that this one cannot read."""


def begin() -> None:
    """A database without workflows is new: there is nothing in it to change."""
    with translate_errors():
        if not query(documents.Workflow).limit(1).scalar("id"):
            newest = max((migration.number for migration in MIGRATIONS), default=0)
            collection(documents.Schema).update_one(
                {"_id": "schema"}, {"$setOnInsert": {"version": newest}}, upsert=True
            )


def version() -> int:
    """The number of the last migration that was done on this database."""
    with translate_errors():
        schema = query(documents.Schema, id="schema").only("version").first()
    return schema.version if schema else 0


def pending(migrations: Sequence[Migration] = MIGRATIONS) -> list[Migration]:
    done = version()
    return [migration for migration in migrations if migration.number > done]


def migrate(migrations: Sequence[Migration] = MIGRATIONS) -> Iterator[tuple[Migration, int]]:
    """Apply the pending migrations one by one; gives each, once it is done, with the number of
    documents that it changed."""
    for migration in pending(migrations):
        with translate_errors():
            changed = migration.change()
            collection(documents.Schema).update_one(
                {"_id": "schema"}, {"$max": {"version": migration.number}}, upsert=True
            )
        yield migration, changed
