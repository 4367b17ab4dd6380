"""Health says what is wrong within three intervals, and answers at once whatever hangs."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
import requests

from devstack.processes import wait_until
from devstack.stack import Stack, Wanted, stack
from tests.operations.conftest import Product
from tests.simulated import QUICK

INTERVAL_SECONDS = 2.0
QUICK_SECONDS = 3
"""Shorter than any timeout of the connections to MongoDB and Redis; no more is asked of a machine
that others use as well."""


pytestmark = pytest.mark.xdist_group("operations")


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    settings = {"executor.polling_interval_seconds": INTERVAL_SECONDS}
    with stack(Wanted(workers=2, settings=settings, simulator=QUICK)) as found:
        found.add_api("--workers", 1)  # one memory of what was found: two answers in a row agree
        wait_until(lambda: Product(found).serves(), "the API answers", seconds=90)
        yield found


@pytest.fixture
def product(running: Stack) -> Iterator[Product]:
    """All is well before each test, and goes on after it."""
    found = Product(running)
    wait_until(lambda: found.health()["status"] == "healthy", "all is well", seconds=60)
    yield found
    servers = [running.mongod.process, running.redis.process, running.simulator_process]
    for process in [*running.processes, *servers]:
        process.signal(signal.SIGCONT)


def test_all_is_well(product: Product) -> None:
    answer = product.get("/api/v1/health")

    found = answer.json()
    assert answer.status_code == 200
    assert found["mongodb"] == "connected"
    assert found["causes"] == []
    assert found["parts"]["workers"]["alive"] == 2
    assert set(found["parts"]) == {
        *("mongodb", "broker", "workers", "beat", "sweep", "workflows", "outbox", "webhooks"),
        *("holds", "tasks", "bvbrc"),
    }


def test_stopped_workers_are_noticed_within_three_intervals(product: Product) -> None:
    for worker in product.stack.workers:
        worker.signal(signal.SIGSTOP)

    wait_until(
        lambda: product.health()["status"] == "unhealthy",
        "it is noticed",
        seconds=3 * INTERVAL_SECONDS,
    )

    assert product.names("no worker has sent a heartbeat")["mongodb"] == "connected"


def test_a_stopped_beat_is_noticed_and_named(product: Product) -> None:
    product.stack.beats[0].signal(signal.SIGSTOP)

    found = product.names("beat has not ticked")

    assert found["status"] == "unhealthy"
    strict = product.get("/api/v1/health/ready?strict=true")
    assert (strict.status_code, strict.json()["status"]) == (503, "unhealthy")
    assert strict.json()["mongodb"] == "connected"
    assert product.get("/api/v1/health/ready").status_code == 200
    assert product.get("/api/v1/health").status_code == 200
    assert found["parts"]["workers"]["status"] == "healthy"


@pytest.mark.parametrize(
    ("server", "part", "code", "word"),
    [("mongod", "mongodb", 503, "disconnected"), ("redis", "broker", 200, "connected")],
)
def test_a_hanging_server_is_named_at_once(
    product: Product, server: str, part: str, code: int, word: str
) -> None:
    getattr(product.stack, server).process.signal(signal.SIGSTOP)
    wait_until(lambda: product.part(part)["status"] == "unhealthy", "it is noticed")

    answer = product.get("/api/v1/health", timeout=QUICK_SECONDS)

    assert answer.status_code == code
    assert answer.json()["mongodb"] == word
    assert product.get("/api/v1/health/ready", timeout=QUICK_SECONDS).status_code == code
    assert product.get("/api/v1/health/live", timeout=QUICK_SECONDS).status_code == 200


def test_metrics_are_served_while_mongodb_hangs(product: Product) -> None:
    product.stack.mongod.process.signal(signal.SIGSTOP)

    shown = product.get("/metrics").text

    assert "\nexecutor_mongodb_up 0.0\n" in shown
    assert "\nexecutor_poll_cycles_total " in shown
    assert "active_workflows_count" not in shown


def test_a_broker_that_died_and_came_back_is_well_again(product: Product) -> None:
    product.stack.redis.kill()
    wait_until(lambda: product.part("broker")["status"] == "unhealthy", "it is noticed")

    product.stack.redis.start()

    wait_until(lambda: product.health()["status"] == "healthy", "all is well again", seconds=60)


def test_bvbrc_away_is_no_fault_of_ours(product: Product) -> None:
    product.stack.simulator.switch(enabled=False)
    product.submit()

    found = product.names("switched submissions off")

    assert found["status"] == "degraded"
    assert product.get("/api/v1/health/ready?strict=true").status_code == 200
    product.stack.simulator.switch(enabled=True)


def test_a_queue_that_nobody_consumes_is_named(product: Product) -> None:
    for worker in product.stack.workers:
        worker.stop()
    only_polls = product.stack.add_worker("-Q", "polls,advance")

    product.names("no worker consumes submissions")

    only_polls.stop()
    product.stack.add_worker()
    product.stack.add_worker()


def test_a_worker_that_leaves_is_not_missed(product: Product) -> None:
    product.stack.workers[-1].stop()

    wait_until(lambda: product.part("workers")["alive"] == 1, "it left")

    assert product.part("workers")["silent"] == 0
    wait_until(lambda: product.health()["status"] == "healthy", "all is well", seconds=60)


def test_health_needs_no_token_and_minds_none(product: Product) -> None:
    answer = requests.get(
        f"{product.url}/api/v1/health", headers={"Authorization": "nonsense"}, timeout=10
    )

    assert answer.status_code == 200
