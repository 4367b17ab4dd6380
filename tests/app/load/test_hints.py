"""Celery learns of what there is to do, and no request waits for the broker."""

from __future__ import annotations

import base64
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from redis import Redis

from app.live import hints as module
from app.live.hints import Hints
from devstack import embedded


@pytest.fixture
def redis_uri() -> Iterator[str]:
    """A Redis of one's own: the API's applications of other tests still send hints to theirs."""
    with embedded.redis() as uri:
        yield uri


@pytest.fixture
def celery(redis_uri: str) -> Iterator[Celery]:
    made = Celery("test", broker=redis_uri, set_as_current=False)
    made.conf.task_default_queue = "advance"
    yield made
    made.close()


def messages(uri: str) -> list[tuple[list[str], str]]:
    """The ids and the request ids of each message in the queue, the oldest first."""
    with Redis.from_url(uri) as client:
        found = [json.loads(each) for each in client.lrange("advance", 0, -1)][::-1]
    return [
        (json.loads(base64.b64decode(each["body"]))[0][0], each["headers"].get("request_id", ""))
        for each in found
    ]


def reached(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it was not reached in time"
        time.sleep(0.01)


def test_a_hint_carries_the_workflow_and_the_request(celery: Celery, redis_uri: str) -> None:
    Hints(celery).advance("wf_1", "request-1")

    reached(lambda: bool(messages(redis_uri)))

    assert messages(redis_uri) == [(["wf_1"], "request-1")]


def test_many_hints_become_few_messages(celery: Celery, redis_uri: str) -> None:
    hints = Hints(celery)
    wanted = [f"wf_{number}" for number in range(200)]

    for each in wanted:
        hints.advance(each)
    reached(lambda: sum(len(ids) for ids, _ in messages(redis_uri)) == 200)

    assert [each for ids, _ in messages(redis_uri) for each in ids] == wanted
    assert len(messages(redis_uri)) < 200
    assert all(len(ids) <= module.MOST_IN_MESSAGE for ids, _ in messages(redis_uri))


def test_a_broker_that_is_away_costs_a_request_nothing() -> None:
    with embedded.redis() as gone:
        pass
    hints = Hints(Celery("test", broker=gone, set_as_current=False))

    for number in range(100):
        hints.advance(f"wf_{number}")

    reached(lambda: hints._silent_until > 0 and not hints._waiting)


def test_hints_flow_again_when_a_frozen_broker_thaws(tmp_path: Path) -> None:
    server = embedded.start_redis(tmp_path)
    celery = Celery("test", broker=server.uri, set_as_current=False)
    celery.conf.update(
        task_default_queue="advance", broker_transport_options={"socket_timeout": 0.2}
    )
    hints = Hints(celery, pause_seconds=0.1)
    try:
        os.kill(server.process.pid, signal.SIGSTOP)
        hints.advance("wf_before")
        reached(lambda: hints._silent_until > 0)
        os.kill(server.process.pid, signal.SIGCONT)

        def arrived() -> bool:
            hints.advance("wf_after")
            return any("wf_after" in ids for ids, _ in messages(server.uri))

        reached(arrived)
    finally:
        server.kill()
        celery.close()
