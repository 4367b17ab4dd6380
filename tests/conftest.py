"""Real servers for the tests: one MongoDB and one Redis for each pytest worker.

Each test that names ``database`` gets an empty one; ``redis_uri`` is emptied before each test.
A test that kills servers starts its own (``devstack.embedded``).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from pymongo import MongoClient
from redis import Redis

from devstack import embedded

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    """A real one-member replica set, for all tests of this process."""
    with embedded.mongod() as uri:
        yield uri


@pytest.fixture(scope="session")
def mongo(mongo_uri: str) -> Iterator[MongoClient]:
    """A client of it, with aware times as the store uses them."""
    with MongoClient(mongo_uri, tz_aware=True) as client:
        yield client


@pytest.fixture
def database(mongo: MongoClient) -> Iterator[str]:
    """The name of an empty database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    yield name
    mongo.drop_database(name)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A real Redis, for all tests of this process."""
    with embedded.redis() as uri:
        yield uri


@pytest.fixture
def redis_uri(redis_server: str) -> str:
    """The same, empty."""
    with Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server
