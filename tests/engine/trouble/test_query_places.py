"""A query takes a place among the calls under way, for no longer than it needs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from devstack.processes import wait_until
from tests.engine.jobs.test_claims import ADAPTIVE, claim, finish, put, users
from workflows.backends.appservice.query_places import QueryPlaces
from workflows.store import connection
from workflows.store.jobs import outbox, reservations


@pytest.fixture(autouse=True)
def open_store(mongo_uri: str, database: str) -> Iterator[None]:
    connection.open_database(mongo_uri, database)
    yield
    connection.close_database()


def test_a_query_goes_before_starts_that_are_claimed_as_soon_as_it_is_sent() -> None:
    put(users(1), each=3)
    busy = claim(3, ADAPTIVE)
    places = QueryPlaces(9)

    def ask() -> list[str]:
        with places.place():
            return [job.key for job in claim(3, ADAPTIVE)]

    with ThreadPoolExecutor(1) as pool:
        query = pool.submit(ask)
        wait_until(lambda: reservations.read().queries, "the query waits")
        finish(busy)

        assert (len(busy), len(query.result())) == (1, 1)


def test_a_claim_says_that_a_place_was_left_to_queries() -> None:
    put(users(1), each=3)
    reservations.read()
    reservations.announce_queries("theirs")

    held_back = outbox.claim(3, ADAPTIVE)
    reservations.withdraw_queries("theirs")
    taken = outbox.claim(3, ADAPTIVE)
    reservations.announce_queries("theirs")

    assert (held_back.jobs, held_back.queries_first) == ((), True)
    assert (len(taken.jobs), taken.queries_first) == (1, False)
    assert not outbox.claim(3, ADAPTIVE).queries_first, "calls hold all places"
