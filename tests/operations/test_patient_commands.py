"""An operator's command waits for MongoDB as long as its operator would, and so does a request for
indexes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from pymongo import MongoClient

from devstack.processes import Process, wait_until
from devstack.stack import Stack, Wanted, stack

PATIENCE_SECONDS = 300
COMMANDS = [["db", "migrate"], ["db", "indexes"], ["credentials", "rotate"]]


@pytest.fixture(scope="module")
def servers() -> Iterator[Stack]:
    with stack(Wanted(workers=0, beats=0)) as running:
        yield running


def succeeds(process: Process) -> None:
    wait_until(lambda: not process.alive, f"{process.name} ends", seconds=PATIENCE_SECONDS)
    assert process.exit_code == 0, process.tail()


def test_a_command_waits_until_mongodb_answers(servers: Stack) -> None:
    """One that met a time-out of two seconds ended with an error."""
    servers.mongod.process.signal(signal.SIGSTOP)
    begun = [servers.run("-".join(words), "flask", *words) for words in COMMANDS]
    try:
        for each in begun:
            wait_until(
                lambda each=each: "waits for MongoDB at 127.0.0.1:" in each.tail(),
                f"{each.name} says what it waits for",
                seconds=PATIENCE_SECONDS,
                process=each,
            )
    finally:
        servers.mongod.process.signal(signal.SIGCONT)

    for each in begun:
        succeeds(each)


def test_a_request_does_not_end_the_build_of_an_index(servers: Stack) -> None:
    """The build waits for a transaction: requests are refused, and it goes on."""
    with MongoClient[dict[str, Any]](servers.mongod.uri) as client:
        client.admin.command("setParameter", 1, transactionLifetimeLimitSeconds=3600)
        rows = client["workflows"]["workflows"]
        rows.insert_one({"_id": "wf_1"})
        rows.drop_indexes()
        url = f"{servers.add_api('--workers', '1')}/api/v1/workflows"
        token = servers.simulator.token("user@bvbrc")

        def ask() -> requests.Response:
            return requests.get(url, headers={"Authorization": token}, timeout=120)

        with client.start_session() as session, session.start_transaction():
            rows.update_one({"_id": "wf_1"}, {"$set": {"name": "x"}}, session=session)
            refused = ask()
            assert (refused.status_code, "making indexes" in refused.text) == (503, True)
            (build,) = builds(client)
            assert ask().status_code == 503
            assert builds(client) == [build]

        wait_until(lambda: ask().ok, "requests are answered", seconds=PATIENCE_SECONDS)
        assert "state_1" in rows.index_information()


def builds(client: MongoClient[dict[str, Any]]) -> list[int]:
    """The operations that make indexes, by their numbers."""
    found = client.admin.aggregate([{"$currentOp": {}}])
    return [each["opid"] for each in found if "createIndexes" in each.get("command", {})]
