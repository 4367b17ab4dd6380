"""Workers of several hosts do the work together, and their counters add up to what happened."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from devstack import processes
from devstack.processes import NotReady, wait_until
from devstack.stack import Wanted, stack
from tests.operations.conftest import Product
from tests.simulated import QUICK

pytestmark = pytest.mark.xdist_group("operations")

WORKFLOWS = 12
COUNTED = {
    "workflows_submitted_total": WORKFLOWS,
    "workflows_completed_total": WORKFLOWS,
    "steps_submitted_total": 4 * WORKFLOWS,
    "steps_completed_total": 4 * WORKFLOWS,
}


def host(folder: str, number: int) -> dict[str, str]:
    """What differs between hosts: each has files and a port of its own."""
    return {
        "WORKFLOW_METRICS__MULTIPROC_DIR": f"{folder}/host{number}/metrics",
        "WORKFLOW_METRICS__PORT": str(processes.free_port()),
        "WORKFLOW_LOGGING__WORKFLOW_LOG_DIR": f"{folder}/host{number}/logs",
    }


def shown(url: str) -> Mapping[str, float]:
    """Sums over all labels, by the sample's name; nothing where nobody listens yet."""
    found: dict[str, float] = {}
    try:
        text = requests.get(f"{url}/metrics", timeout=60).text
    except requests.ConnectionError:
        return found
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0) + sample.value
    return found


def test_counters_of_several_hosts_add_up() -> None:
    settings = {"executor.polling_interval_seconds": 0.5}
    with stack(Wanted(workers=0, beats=2, apis=1, settings=settings, simulator=QUICK)) as running:
        hosts = [host(str(running.folder), number) for number in range(3)]
        for number, env in enumerate(hosts):
            name = f"worker{number}"
            running.workers.append(
                running.run(name, *("celery", "-A", "tasks", "worker", "-n", f"{name}@%h"), env=env)
            )
        product = Product(running)
        wait_until(lambda: product.workers() == len(hosts), "all are there")

        ids = [product.submit("", "a", "a", "bc") for _ in range(WORKFLOWS)]
        for each in ids:
            wait_until(lambda each=each: product.status(each) == "succeeded", "done")

        ports = [env["WORKFLOW_METRICS__PORT"] for env in hosts]
        urls = [product.url, *(f"http://127.0.0.1:{port}" for port in ports)]
        counted: list[object] = []

        def is_counted() -> bool:
            scraped = [shown(url) for url in urls]
            sums = {name: sum(each.get(name, 0) for each in scraped) for name in COUNTED}
            active = {each.get("active_workflows_count") for each in scraped}
            counted[:] = [sums, active]
            return sums == COUNTED and active == {0}

        # A process counts what it has done just after that is seen.
        with suppress(NotReady):
            wait_until(is_counted, "all is counted")
        assert counted == [COUNTED, {0}]
