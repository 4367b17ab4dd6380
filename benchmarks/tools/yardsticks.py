"""What the parts can do by themselves, measured beside a figure of the whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from celery import Celery
from mongoengine import get_connection
from pymongo import UpdateOne

from benchmarks.tools.measure import cpu_seconds, rate
from benchmarks.tools.product import OUTPUT_PATH, Product
from config.sections import Broker
from devstack.processes import Process, wait_until
from simulator.client import Simulator

TASK = "benchmarks.tools.nothing"


def celery_tasks(running: Product, count: int = 2_000, workers: int = 2) -> dict[str, float]:
    """Tasks a second that do nothing, sent beforehand, with the engine's celeryconfig."""
    command = (
        "celery",
        "-A",
        "benchmarks.tools.nothing",
        "worker",
        "-Q",
        "advance",
        "-l",
        "WARNING",
    )
    broker = {"WORKFLOW_BROKER__URL": running.stack.redis.uri.removesuffix("/0") + "/1"}
    sender = Celery(broker=broker["WORKFLOW_BROKER__URL"])
    sender.conf.broker_transport_options = {"global_keyprefix": Broker().key_prefix}
    with sender.connection() as connection:
        producer = connection.Producer()
        sent = rate(
            lambda _: sender.send_task(
                TASK, queue="advance", producer=producer, ignore_result=True
            ),
            count,
        )
        began: list[Process] = [
            running.stack.run(f"idle{each}", *command, "-n", f"idle{each}@%h", env=broker)
            for each in range(workers)
        ]
        try:
            left = _left(connection)
            wait_until(lambda: left() < count, "the workers begin", seconds=60)
            first, begun = left(), time.perf_counter()
            before = sum(cpu_seconds(process.pid) for process in began)
            wait_until(lambda: left() == 0, "the tasks are done", seconds=120, every_seconds=0.01)
            took = time.perf_counter() - begun
            cpu = sum(cpu_seconds(process.pid) for process in began) - before
        finally:
            for process in began:
                process.kill()
    return {
        "celery_tasks_per_second": first / took,
        "celery_sent_per_second": sent,
        "celery_cpu_ms_per_task": 1000 * cpu / first,
    }


def _left(connection: Any) -> Callable[[], int]:
    client = connection.channel().client
    return lambda: int(client.llen("advance"))


def start_app2(running: Product, count: int = 1_000, threads: int = 8) -> dict[str, float]:
    """Bare submissions a second, each thread with a ``requests`` session of its own."""
    simulator, token = running.stack.simulator, running.tokens[running.users[0]]
    share = count // threads

    def thread(number: int) -> None:
        with client(token) as session:
            for at in range(share):
                start(session, simulator, f"y{number}_{at}")

    begun = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(thread, range(threads)))
    return {
        "start_app2_per_second": share * threads / (time.perf_counter() - begun),
        "start_app2_threads": threads,
    }


def client(token: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = token
    return session


def start(session: requests.Session, simulator: Simulator, name: str) -> str:
    """A job's id."""
    params = {"output_path": OUTPUT_PATH, "output_file": name}
    body = {"id": "1", "method": "AppService.start_app2", "params": ["Date", params, {}]}
    answer = session.post(simulator.app_service_url, json=body, timeout=60)
    answer.raise_for_status()
    return str(answer.json()["result"][0]["id"])


def mongodb(count: int = 1_000) -> dict[str, float]:
    """Durable writes a second: single updates one after the other, and a bulk of them."""
    rows = get_connection()["yardstick"]["rows"]
    rows.insert_many([{"_id": number, "n": 0} for number in range(count)])
    single = rate(lambda at: rows.update_one({"_id": at}, {"$inc": {"n": 1}}), count)
    bulk = [UpdateOne({"_id": number}, {"$inc": {"n": 1}}) for number in range(count)]
    bulks = count * rate(lambda _: rows.bulk_write(bulk, ordered=False), 5)
    rows.drop()
    return {"mongodb_updates_per_second": single, "mongodb_bulk_updates_per_second": bulks}


def all_of(running: Product) -> dict[str, float]:
    """Every yardstick, while the product itself has nothing to do."""
    return {
        name: round(value, 3)
        for name, value in {
            **celery_tasks(running),
            **start_app2(running),
            **mongodb(),
        }.items()
    }
