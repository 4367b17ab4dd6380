"""Health says what is wrong within three intervals, and answers at once whatever hangs."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from devstack.processes import wait_until
from devstack.stack import Stack, Wanted, stack
from tests.operations.conftest import Product
from tests.simulated import QUICK

INTERVAL_SECONDS = 2.0
QUICK_SECONDS = 3
"""Shorter than any timeout of the connections to MongoDB and Redis: who waits for them is later
each time, and a busy machine now and then."""


pytestmark = pytest.mark.xdist_group("operations")


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    settings = {"executor.polling_interval_seconds": INTERVAL_SECONDS}
    with stack(Wanted(workers=2, settings=settings, simulator=QUICK)) as found:
        found.add_api("--workers", 1)  # one memory of what was found: two answers in a row agree
        wait_until(lambda: Product(found).workers() == 2, "both workers are there")
        yield found


@pytest.fixture
def product(running: Stack) -> Iterator[Product]:
    """All is well before each test, and goes on after it."""
    found = Product(running)
    found.is_well()
    yield found
    servers = [running.mongod.process, running.redis.process, running.simulator_process]
    for process in [*running.processes, *servers]:
        process.signal(signal.SIGCONT)


def answers(product: Product, path: str, code: int, **facts: str) -> None:
    """At once, whatever hangs."""

    def is_answered() -> bool:
        try:
            answer = product.get(path, timeout=QUICK_SECONDS)
        except requests.Timeout:
            return False
        return answer.status_code == code and facts.items() <= answer.json().items()

    wait_until(is_answered, f"{path} answers with {code}, {facts}")


def test_all_is_well(product: Product) -> None:
    answers(product, "/api/v1/health", 200, status="healthy", mongodb="connected")

    found = product.says(
        "both are alive", lambda it: it["status"] == "healthy" and alive_of(it) == 2
    )

    assert found["causes"] == []
    assert set(found["parts"]) == {
        *("mongodb", "broker", "workers", "beat", "sweep", "workflows", "outbox", "webhooks"),
        *("holds", "tasks", "bvbrc"),
    }


def test_stopped_workers_are_noticed_after_three_intervals(product: Product) -> None:
    """So many are judged in tests/rules/test_health.py; a busy machine answers later."""
    for worker in product.stack.workers:
        worker.signal(signal.SIGSTOP)

    product.names("no worker has sent a heartbeat")

    product.says("MongoDB is well", lambda found: found["mongodb"] == "connected")


def test_a_stopped_beat_is_noticed_and_named(product: Product) -> None:
    product.stack.beats[0].signal(signal.SIGSTOP)

    found = product.names("beat has not ticked")

    assert found["status"] == "unhealthy"
    strict = "/api/v1/health/ready?strict=true"
    answers(product, strict, 503, status="unhealthy", mongodb="connected")
    answers(product, "/api/v1/health/ready", 200)
    answers(product, "/api/v1/health", 200, status="unhealthy", mongodb="connected")
    wait_until(lambda: product.part("workers")["status"] == "healthy", "the workers are well")


@pytest.mark.parametrize(
    ("server", "part", "code", "word"),
    [("mongod", "mongodb", 503, "disconnected"), ("redis", "broker", 200, "connected")],
)
def test_a_hanging_server_is_named_at_once(
    product: Product, server: str, part: str, code: int, word: str
) -> None:
    getattr(product.stack, server).process.signal(signal.SIGSTOP)
    wait_until(lambda: product.part(part)["status"] == "unhealthy", "it is noticed")

    answers(product, "/api/v1/health", code, mongodb=word)
    answers(product, "/api/v1/health/ready", code)
    answers(product, "/api/v1/health/live", 200)


def test_metrics_are_served_while_mongodb_hangs(product: Product) -> None:
    product.stack.mongod.process.signal(signal.SIGSTOP)

    def show() -> str:
        return product.get("/metrics").text

    wait_until(lambda: "\nexecutor_mongodb_up 0.0\n" in show(), "it is noticed")
    shown = show()
    assert "\nexecutor_poll_cycles_total " in shown
    assert "active_workflows_count" not in shown


def test_a_broker_that_died_and_came_back_is_well_again(product: Product) -> None:
    product.stack.redis.kill()
    wait_until(lambda: product.part("broker")["status"] == "unhealthy", "it is noticed")

    product.stack.redis.start()

    product.is_well()


def test_bvbrc_away_is_no_fault_of_ours(product: Product) -> None:
    product.stack.simulator.switch(enabled=False)
    product.submit()

    product.names("switched submissions off")

    answers(product, "/api/v1/health", 200, status="degraded")
    answers(product, "/api/v1/health/ready?strict=true", 200)
    product.stack.simulator.switch(enabled=True)


def test_a_queue_that_nobody_consumes_is_named(product: Product) -> None:
    for worker in product.stack.workers:
        worker.stop(grace_seconds=60)
    only_polls = product.stack.add_worker("-Q", "polls,advance")

    product.names("no worker consumes submissions")

    only_polls.stop(grace_seconds=60)
    product.stack.add_worker()
    product.stack.add_worker()


def test_a_worker_that_leaves_is_not_missed(product: Product) -> None:
    wait_until(lambda: product.workers() == 2, "both are there")

    product.stack.workers[-1].stop(grace_seconds=60)

    # Until it has said so it may have been silent for long, where it is slow to end.
    product.says("one is left, and none is silent", lambda found: workers_of(found) == (1, 0))
    product.is_well()


def alive_of(health: dict[str, Any]) -> int:
    return workers_of(health)[0]


def workers_of(health: dict[str, Any]) -> tuple[int, int]:
    """How many are alive, and how many silent; -1 while MongoDB does not answer in time."""
    workers = health["parts"].get("workers", {})
    return int(workers.get("alive", -1)), int(workers.get("silent", -1))


def test_health_needs_no_token_and_minds_none(product: Product) -> None:
    answer = requests.get(
        f"{product.url}/api/v1/health", headers={"Authorization": "nonsense"}, timeout=60
    )

    assert answer.json()["parts"]
