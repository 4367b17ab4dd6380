"""One database for the tests of a module, emptied before each: with a new one for each, most of the
time would go into that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo import MongoClient

from workflows.store import connection


@pytest.fixture(scope="module")
def opened(request: pytest.FixtureRequest, mongo_uri: str, mongo: MongoClient) -> Iterator[str]:
    """Its name."""
    name = f"guards_{request.module.__name__.rpartition('.')[2]}"
    connection.open_database(mongo_uri, name)
    yield name
    connection.close_database()
    mongo.drop_database(name)


@pytest.fixture(autouse=True)
def empty_store(opened: str, mongo: MongoClient) -> None:
    for name in mongo[opened].list_collection_names():
        mongo[opened][name].delete_many({})
