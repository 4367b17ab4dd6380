"""Redis fails over, refuses writes, or carries what nobody can read: no process ends by it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from celery import Celery
from redis import Redis

from config.sections import Broker
from devstack import embedded
from devstack.failover.sentinels import MASTER_NAME, Security, sentinels
from devstack.processes import wait_until
from devstack.stack import Wanted, stack
from tests.product import Product, document

pytestmark = [pytest.mark.xdist_group("broker"), pytest.mark.timeout(600)]

THREADS = 2
FAST = {"executor.polling_interval_seconds": 0.3}
PREFIX = Broker().key_prefix


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with stack(Wanted(apis=1, concurrency=THREADS, settings=FAST)) as running:
        yield _quick(Product(running))


@pytest.fixture
def redis(product: Product) -> Iterator[Redis]:
    with Redis.from_url(product.stack.redis.uri) as client:
        yield client


def _quick(product: Product) -> Product:
    product.is_up()
    product.simulator.app("*", run_seconds=0.2)
    return product


def works(product: Product) -> bool:
    """A workflow goes to its end, by the processes that were started first."""
    ended = product.ends(product.submit(document({"a": "", "b": "a"})))
    assert {each.name: each.exit_code for each in product.stack.processes if not each.alive} == {}
    return ended == "succeeded"


def broker(product: Product) -> dict[str, Any]:
    return cast(dict[str, Any], product.health()["parts"]["broker"])


def test_every_process_outlives_a_master_that_becomes_a_replica(
    product: Product, redis: Redis, tmp_path: Path
) -> None:
    assert works(product)
    master = embedded.start_redis(tmp_path)
    try:
        redis.replicaof("127.0.0.1", int(master.uri.rpartition(":")[2].partition("/")[0]))
        wait_until(lambda: broker(product)["status"] == "unhealthy", "health sees it")
    finally:
        redis.replicaof("NO", "ONE")
        master.kill()

    assert works(product)


def test_every_process_outlives_a_redis_that_refuses_writes(product: Product, redis: Redis) -> None:
    redis.config_set("min-replicas-to-write", 1)
    wait_until(lambda: broker(product)["status"] == "unhealthy", "health sees it")

    redis.config_set("min-replicas-to-write", 0)

    assert works(product)


@pytest.mark.parametrize(
    "security", [Security(), Security(password="pass:w@rd")], ids=["", "password"]
)
def test_work_goes_on_through_failovers_of_sentinels(tmp_path: Path, security: Security) -> None:
    with sentinels(tmp_path, security=security) as watched:
        settings = {**FAST, "broker.url": watched.url, "broker.sentinel_master": MASTER_NAME}
        with stack(Wanted(apis=1, beats=2, workers=2, settings=settings)) as running:
            product = _quick(Product(running))
            assert works(product)

            for change_master in (watched.fail_over, watched.lose_master, watched.fail_over):
                change_master()
                assert works(product)

            wait_until(lambda: broker(product)["status"] == "healthy", "health is well")


def envelope(**changes: Any) -> dict[str, Any]:
    """A message as Celery sends it, but for the changes; None leaves a field out."""
    headers = {"id": "1", "task": "tasks.kill_jobs", "lang": "py", "root_id": "1"}
    message = {
        "body": base64.b64encode(b'[[], {}, {"callbacks": null}]').decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "correlation_id": "1",
            "delivery_info": {"exchange": "", "routing_key": "advance"},
            "delivery_tag": "tag",
            "body_encoding": "base64",
        },
    }
    return {name: value for name, value in (message | changes).items() if value is not None}


def with_headers(**changes: Any) -> dict[str, Any]:
    return envelope(headers=envelope()["headers"] | changes)


def with_properties(**changes: Any) -> dict[str, Any]:
    return envelope(properties=envelope()["properties"] | changes)


def encoded(body: bytes) -> str:
    return base64.b64encode(body).decode()


MALFORMED = {
    "no JSON": b"nonsense",
    "no UTF-8": b"\xff\xfe",
    "empty": b"",
    "a list": b"[1, 2]",
    "a number": b"7",
    "deeply nested": b"[" * 100_000,
    "an empty object": b"{}",
    "no headers": envelope(headers=None),
    "headers that are a text": envelope(headers="x"),
    "headers that are a list": envelope(headers=["task"]),
    "no properties": envelope(properties=None),
    "properties that are a list": envelope(properties=[]),
    "no delivery tag": envelope(properties={"delivery_info": {}}),
    "delivery information that is a text": with_properties(delivery_info="x"),
    "no task": envelope(headers={"id": "1"}),
    "an unknown task": with_headers(task="tasks.unknown"),
    "an unknown task without an id": envelope(headers={"task": "tasks.unknown"}),
    "a task without an id": envelope(headers={"task": "tasks.kill_jobs"}),
    "a task that is a list": with_headers(task=["tasks.kill_jobs"]),
    "a task that is null": with_headers(task=None),
    "an eta that is none": with_headers(eta="tomorrow"),
    "an eta that is a list": with_headers(eta=[1]),
    "an expiry that is a list": with_headers(expires=[1]),
    "time limits that are a text": with_headers(timelimit="x"),
    "retries that are a text": with_headers(retries="x"),
    "an id that is a list": with_headers(id=["1"]),
    "an unknown compression": with_headers(compression="x"),
    "no body": envelope(body=None),
    "a body that is a number": envelope(body=7),
    "a body that is no base64": envelope(body="*"),
    "a body in an unknown encoding": with_properties(body_encoding="rot13"),
    "a body that is no JSON": envelope(body=encoded(b"nonsense")),
    "a body that is no UTF-8": envelope(body=encoded(b"\xff\xfe")),
    "a body of another shape": envelope(body=encoded(b"{}")),
    "a body with strange arguments": envelope(body=encoded(b"[7, 8, 9]")),
    "an unknown charset": envelope(**{"content-encoding": "klingon"}),
    "an unknown content type": envelope(**{"content-type": "application/x-strange"}),
    "pickle": envelope(**{"content-type": "application/x-python-serialize"}),
    "a content type that is a list": envelope(**{"content-type": []}),
    "callbacks that are a text": envelope(body=encoded(b'[[], {}, {"callbacks": "x"}]')),
}


def test_messages_that_cannot_be_read_are_dropped(product: Product, redis: Redis) -> None:
    """Many of each: one that kept its place among those under way would stop the worker."""
    for name, message in MALFORMED.items():
        redis.lpush(f"{PREFIX}advance", *[_raw(message)] * 3 * THREADS)
        wait_until(lambda: not redis.llen(f"{PREFIX}advance"), f"all are taken: {name}")
        assert product.stack.workers[0].alive, name

    assert works(product)


def test_broadcasts_that_cannot_be_read_are_dropped(product: Product, redis: Redis) -> None:
    """After one at which a command breaks, Celery subscribes again: a moment without a listener."""
    for name, message in MALFORMED.items():
        raw = _raw(message)
        wait_until(
            lambda raw=raw: redis.publish(f"{PREFIX}/0.celery.pidbox", raw),  # type: ignore[misc]
            f"it is heard: {name}",
        )

    assert works(product)
    wait_for_pong(product)


def _raw(message: bytes | dict[str, Any]) -> bytes:
    return message if isinstance(message, bytes) else json.dumps(message).encode()


def wait_for_pong(product: Product) -> None:
    """Until the worker answers a command of an operator: one that nobody hears is lost."""
    with Celery(broker=product.stack.redis.uri, set_as_current=False) as sender:
        sender.conf.broker_transport_options = {"global_keyprefix": PREFIX}

        def answers() -> bool:
            found = sender.control.ping(timeout=5, limit=1)
            return [list(answer.values()) for answer in found] == [[{"ok": "pong"}]]

        wait_until(answers, "the worker answers")


def test_keys_in_redis_begin_with_the_prefix(product: Product, redis: Redis) -> None:
    """Another application's queue of the same name is left alone."""
    redis.lpush("advance", "another application's")

    assert works(product)
    wait_for_pong(product)
    keys = redis.scan_iter()
    assert {key for key in keys if not key.startswith(PREFIX.encode())} == {b"advance"}
    assert redis.llen("advance") == 1
