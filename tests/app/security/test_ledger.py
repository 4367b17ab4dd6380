"""What processes tell each other of open things, also of those that close while they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import mongoengine
import pytest
from pymongo import monitoring

from app.quotas.ledger import Ledger, Limit
from devstack.processes import wait_until
from tests.engine.conftest import LONG
from workflows.store import connection, documents
from workflows.store.mongo import collection

USER = "streaming@bvbrc"


class OnPublish(monitoring.CommandListener):
    """Calls back once, when a process has begun to tell what it has open."""

    def __init__(self) -> None:
        self.then: Callable[[], object] | None = None

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        then = self.then
        if then and event.command.get("update") == documents.Usage._get_collection_name():
            self.then = None
            then()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


@pytest.fixture
def on_publish(mongo_uri: str, database: str) -> Iterator[OnPublish]:
    connection.close_database()
    listener = OnPublish()
    client = mongoengine.connect(
        database, host=mongo_uri, tz_aware=True, uuidRepresentation="standard",
        event_listeners=[listener],
    )  # fmt: skip
    yield listener
    connection.close_database()
    client.close()  # a ledger's thread may still hold it


def told() -> int | None:
    """How many streams of the user all processes together have, as it is stored."""
    row = collection(documents.Usage).find_one({"_id": f"{Limit.STREAMS}/open/{USER}"})
    return sum(each["count"] for each in row["open"].values()) if row else None


def test_a_stream_that_closes_while_it_is_told_of_does_not_count_on(on_publish: OnPublish) -> None:
    ledger = Ledger()
    on_publish.then = lambda: ledger.close(Limit.STREAMS, USER)

    ledger.open(Limit.STREAMS, USER)

    wait_until(lambda: on_publish.then is None, "the stream is told of", seconds=LONG)
    wait_until(lambda: told() == 0, "its end is told of", seconds=LONG)


@pytest.mark.usefixtures("on_publish")
def test_what_others_had_open_once_is_not_believed_for_ever() -> None:
    first, second = Ledger(), Ledger()
    for ledger in (first, second):
        ledger.open(Limit.STREAMS, USER)
    wait_until(lambda: first.used(Limit.STREAMS, USER) == 2, "both are known", seconds=LONG)

    first.close(Limit.STREAMS, USER)
    wait_until(lambda: told() == 1, "one end is told of", seconds=LONG)
    second.close(Limit.STREAMS, USER)

    wait_until(lambda: told() == 0, "both ends are told of", seconds=LONG)
    wait_until(lambda: first.used(Limit.STREAMS, USER) == 0, "none counts", seconds=LONG)
