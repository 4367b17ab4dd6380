"""Migrations are applied in order, each once, and again where one was interrupted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from workflows.model.errors import Unavailable
from workflows.store import connection, migrations
from workflows.store.migrations import Migration


@pytest.fixture(autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_migrations")
    yield
    connection.close_database()
    mongo.drop_database("test_migrations")


def test_each_migration_is_applied_once_and_in_order() -> None:
    applied: list[int] = []
    both = [Migration(n, f"change {n}", lambda n=n: applied.append(n) or n) for n in (1, 2)]

    assert list(migrations.migrate(both)) == [(both[0], 1), (both[1], 2)]

    assert list(migrations.migrate(both)) == []
    assert (applied, migrations.version()) == ([1, 2], 2)


def test_an_interrupted_migration_is_applied_again() -> None:
    def interrupt() -> int:
        raise Unavailable("MongoDB is away")

    first, second = Migration(1, "first", lambda: 5), Migration(2, "second", lambda: 7)
    with pytest.raises(Unavailable):
        list(migrations.migrate([first, Migration(2, "second", interrupt)]))

    assert migrations.pending([first, second]) == [second]
    assert list(migrations.migrate([first, second])) == [(second, 7)]


def test_a_new_database_needs_no_migration(mongo: MongoClient) -> None:
    migrations.begin()

    assert mongo["test_migrations"].schema.find_one() == {"_id": "schema", "version": 0}
    assert migrations.pending() == []
