"""Real servers for the tests: one MongoDB and one Redis for each pytest worker.

Each test that names ``database`` gets an empty one; ``redis_uri`` is emptied before each test.
A test that kills servers starts its own (``devstack.embedded``).
"""

from __future__ import annotations

import gc
import itertools
import os
import tempfile
from collections.abc import Iterator

import httpx
import pytest
import requests
import structlog
from cryptography.fernet import Fernet
from flask import request_finished
from hypothesis import HealthCheck
from hypothesis import settings as examples
from pymongo import MongoClient
from redis import Redis

from devstack import embedded
from tests.answers import checked, seen_from_outside
from tests.memory import memory_with_room
from tests.order import group_of, rank
from tests.product import is_last_of_group, product, running_product

__all__ = ["product", "running_product"]
_numbers = itertools.count(1)
LONG_TEXT = 80
"""Characters."""

# Writes wait for the disk, and a kill loses nothing of what is in memory either.
if place := memory_with_room():
    os.environ["TMPDIR"] = tempfile.tempdir = str(place)

# A process that imports `tasks` or `app` reads its settings from the environment, as in production.
_files = tempfile.TemporaryDirectory(prefix="workflows-tests-")
os.environ.update(
    {
        "WORKFLOW_AUTH__TOKEN_KEYS": f'["{Fernet.generate_key().decode()}"]',
        "WORKFLOW_METRICS__MULTIPROC_DIR": f"{_files.name}/metrics",
        "WORKFLOW_LOGGING__WORKFLOW_LOG_DIR": f"{_files.name}/workflows",
        "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": f"{_files.name}/executor.log",
    }
)

# structlog's own default shows every local value in a traceback, at a tenth of a second each.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


# On a machine that others use as well an example may take a second, and so may making it.
examples.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("patient")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long texts are named by what they are: tokens differ from one pytest process to the next, and
    both must name the same tests."""
    return argname if isinstance(val, (str, bytes)) and len(val) > LONG_TEXT else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, where several processes share the tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    items.sort(key=lambda item: rank(item.nodeid, group_of(item)))


def pytest_collection_finish() -> None:
    """What is loaded now stays to the end: the garbage collector need not look at it again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Ends the running product with the last test of its group, where tests run in groups: until
    the end of all tests it would take a twentieth of a core."""
    if nextitem is not None and is_last_of_group(item.nodeid, nextitem.nodeid):
        (definition,) = item.session._fixturemanager._arg2fixturedefs["running_product"]
        definition.finish(item._request)  # type: ignore[attr-defined]


@pytest.fixture(scope="session", autouse=True)
def every_answer_checked() -> Iterator[None]:
    """No answer, of an application in this process or of another one, holds a token."""
    with request_finished.connected_to(checked), pytest.MonkeyPatch.context() as patch:
        for kind in (requests.Session, httpx.Client):
            patch.setattr(kind, "send", seen_from_outside(kind.send))
        yield


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
