"""Work goes on when MongoDB elects another primary, and when one worker is cut off."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import pytest
import requests

from devstack.failover.replica_set import ReplicaSet, replica_set
from devstack.failover.tcp_proxy import tcp_proxy
from devstack.processes import temporary_folder, wait_until
from devstack.stack import Stack, Wanted, stack
from tests.product import FINAL, Product, document

pytestmark = [pytest.mark.xdist_group("failover"), pytest.mark.timeout(600)]

SETTINGS = {
    "executor.polling_interval_seconds": 0.3,
    "executor.lease_seconds": 3,
    "executor.in_doubt_grace_seconds": 8,
    "scheduler.timeout": 3,
    "scheduler.submit_timeout": 4,
}
MORE = {"a": "", "b": "a", "c": "a", "d": "b c"}


def _ready(running: Stack) -> Product:
    product = Product(running)
    product.is_up()
    product.simulator.app("*", run_seconds=0.5)
    return product


def answer_of(product: Product, method: str, path: str, **options: Any) -> Any:
    """The first answer that is not "come later": members of a busy machine may elect another
    primary at any time. All that is asked here may be asked twice."""
    url = f"{product.url}/api/v1/workflows{path}"
    headers = {"Authorization": product.token(), **options.pop("headers", {})}
    answers: list[requests.Response] = []

    def is_answered() -> bool:
        with suppress(requests.RequestException):
            answers.append(requests.request(method, url, headers=headers, timeout=60, **options))
        return bool(answers) and answers[-1].status_code != HTTPStatus.SERVICE_UNAVAILABLE

    wait_until(is_answered, f"an answer to {method} {path}", every_seconds=0.3)
    assert answers[-1].ok, answers[-1].text
    return answers[-1].json()


def submit(product: Product) -> str:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    answer = answer_of(product, "POST", "/submit", json=document(MORE), headers=key)
    return str(answer["workflow_id"])


def end_of(product: Product, workflow: str) -> str:
    states: list[str] = []

    def is_over() -> bool:
        states.append(answer_of(product, "GET", f"/{workflow}/status")["status"])
        return states[-1] in FINAL

    wait_until(is_over, f"{workflow} ends", every_seconds=0.2)
    return states[-1]


def started_once(product: Product, workflow: str) -> bool:
    """Exactly one job of each step, and no process that had to be started again."""
    keys = [job["user_metadata"] for job in product.simulator.jobs()]
    own = [key for key in keys if key.startswith(f"{workflow}/")]
    assert {each.name: each.exit_code for each in product.stack.processes if not each.alive} == {}
    assert len(set(own)) == len(own), own
    assert len(own) == len(MORE), own
    return True


@pytest.fixture(scope="module")
def members() -> Iterator[ReplicaSet]:
    with temporary_folder("workflows-members-") as folder, replica_set(folder) as found:
        yield found


@pytest.fixture(scope="module")
def product(members: ReplicaSet) -> Iterator[Product]:
    settings = {**SETTINGS, "mongodb.uri": members.uri}
    with stack(Wanted(apis=1, workers=2, settings=settings)) as running:
        yield _ready(running)


def kill_primary(members: ReplicaSet) -> None:
    member = members.kill_primary()
    members_left = [each for each in members.members.values() if each is not member]
    assert len(members_left) == len(members.members) - 1
    member.start()


@pytest.mark.parametrize(
    "change", [ReplicaSet.step_down, kill_primary, ReplicaSet.restart_all], ids=lambda f: f.__name__
)
def test_a_workflow_outlives_its_primary(
    product: Product, members: ReplicaSet, change: Callable[[ReplicaSet], None]
) -> None:
    workflow = submit(product)

    change(members)
    members.wait()

    assert end_of(product, workflow) == "succeeded"
    assert started_once(product, workflow)


@pytest.mark.parametrize("server", ["mongodb", "appservice"])
def test_a_worker_that_is_cut_off_starts_nothing_twice(server: str) -> None:
    """The other worker goes on with what it held; it finds that out when it is back."""
    with stack(Wanted(apis=1, workers=1, settings=SETTINGS)) as running:
        product = _ready(running)
        address = running.mongod.uri if server == "mongodb" else product.simulator.url
        port = int(address.partition("://")[2].partition(":")[2].partition("/")[0])
        with tcp_proxy(port) as proxy:
            through = address.replace(f":{port}", f":{proxy.port}")
            if server == "mongodb":
                env = {
                    "WORKFLOW_MONGODB__URI": f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
                }
            else:
                path = running.env["WORKFLOW_SCHEDULER__URL"].removeprefix(address)
                env = {"WORKFLOW_SCHEDULER__URL": through + path}
            cut_off = running.run(
                "cut-off", "celery", "-A", "tasks", "worker", "-n", "cut@%h", env=env
            )
            try:
                running.workers.append(cut_off)
                first = product.submit(document(MORE))
                assert product.ends(first) == "succeeded"

                proxy.freeze()
                workflow = product.submit(document(MORE))
                ended = product.ends(workflow, 120)
                proxy.thaw()

                assert ended == "succeeded"
                assert started_once(product, workflow)
                last = product.submit(document(MORE))
                assert product.ends(last) == "succeeded"
                assert started_once(product, last)
            finally:
                cut_off.kill()
