"""A lease is renewed while its work goes on, and is short for what a dead process held."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from devstack.processes import wait_until
from workflows.model.errors import Unavailable
from workflows.store import connection, documents
from workflows.store.leases import Held, leases
from workflows.store.mongo import collection
from workflows.store.workflows import rows

ID = "wf_1"
SHORT = timedelta(milliseconds=10)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_leases")
    collection(documents.Workflow).insert_one({"_id": ID, "state": "running"})
    yield
    connection.close_database()
    mongo.drop_database("test_leases")


def lease() -> dict[str, Any]:
    return dict((collection(documents.Workflow).find_one({"_id": ID}) or {})["lease"])


def test_a_lease_is_renewed_while_its_work_goes_on() -> None:
    claimed, *_ = rows.claim([ID], SHORT)
    before = lease()["until"]

    with leases.kept(SHORT, lambda: rows.renew(claimed, [ID], HOUR)):
        wait_until(lambda: lease()["until"] - before > HOUR / 2, "it is renewed")


def test_it_is_not_renewed_after_that_or_for_work_that_is_quick() -> None:
    quick, over = threading.Event(), threading.Event()
    with leases.kept(HOUR, quick.set):
        with leases.kept(SHORT, over.set):
            wait_until(over.is_set, "it is renewed")
        another = threading.Event()
        with leases.kept(SHORT, another.set):
            over.clear()
            wait_until(another.is_set, "another one is renewed")
    assert not over.is_set()
    assert not quick.is_set()


def test_a_renewal_takes_no_lease_back() -> None:
    another = {"token": "another", "until": datetime(2120, 1, 1, tzinfo=UTC)}
    collection(documents.Workflow).update_one({"_id": ID}, {"$set": {"lease": another}})

    rows.renew("ours", [ID], SHORT)

    assert lease() == another


@pytest.mark.parametrize(
    ("renewed", "now", "due"),
    [(0, 2.9, False), (0, 3, True), (598, 599, False), (590, 599, True), (590, 600, False)],
)
def test_a_lease_is_renewed_after_a_third_of_it_and_ten_minutes_at_most(
    renewed: float, now: float, *, due: bool
) -> None:
    assert Held(9, list, since=0, renewed=renewed).is_due(now) is due


@pytest.mark.parametrize("failure", [Unavailable("MongoDB is away"), ValueError("a defect")])
def test_a_renewal_that_fails_is_tried_again_and_ends_no_work(failure: Exception) -> None:
    tried: list[None] = []

    def renew() -> None:
        tried.append(None)
        raise failure

    with leases.kept(SHORT, renew):
        wait_until(lambda: len(tried) > 1, "it is tried again")
