"""Work goes on when MongoDB elects another primary, and when one worker is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from devstack.failover.replica_set import ReplicaSet, replica_set
from devstack.failover.tcp_proxy import tcp_proxy
from devstack.processes import wait_until
from devstack.stack import Stack, Wanted, stack
from tests.product import Product, document

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


def has_answered(product: Product, workflow: str) -> bool:
    """Whether the API has found the primary."""
    url = f"{product.url}/api/v1/workflows/{workflow}/status"
    try:
        return requests.get(url, headers={"Authorization": product.token()}, timeout=30).ok
    except requests.RequestException:
        return False


def started_once(product: Product, workflow: str) -> bool:
    """Exactly one job of each step, and no process that had to be started again."""
    keys = [job["user_metadata"] for job in product.simulator.jobs()]
    own = [key for key in keys if key.startswith(f"{workflow}/")]
    assert {each.name: each.exit_code for each in product.stack.processes if not each.alive} == {}
    assert len(set(own)) == len(own), own
    assert len(own) == len(MORE), own
    return True


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    with replica_set(tmp_path_factory.mktemp("replica-set")) as found:
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
    workflow = product.submit(document(MORE))

    change(members)
    members.wait()
    wait_until(lambda: has_answered(product, workflow), "the API answers")

    assert product.ends(workflow, 120) == "succeeded"
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
