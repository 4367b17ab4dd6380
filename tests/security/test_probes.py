"""Health probes answer whatever the rest of the process does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import requests

from devstack import processes
from devstack.processes import wait_until
from tests.product import ALICE, GROUP, Product, document
from tests.security.attacks import another_api, get

pytestmark = GROUP


@contextmanager
def probed(product: Product) -> Iterator[tuple[str, str]]:
    """Another API of one process and one thread, and where its probes are."""
    port = processes.free_port()
    env = {"WORKFLOW_API__PROBE_PORT": str(port), "WORKFLOW_API__THREADS": "1"}
    with another_api(product, "--workers", "1", **env) as url:
        yield url, f"http://127.0.0.1:{port}"


def test_probes_have_a_socket_of_their_own_and_answer_nothing_else(product: Product) -> None:
    with probed(product) as (url, probes):
        assert get(url, "/api/v1/health/live").ok
        assert get(probes, "/api/v1/health/live").json()["status"] == "alive"
        # MongoDB has 0.7 s to answer, the first connection of a process included.
        wait_until(
            lambda: get(probes, "/api/v1/health/ready").json()["mongodb"] == "connected",
            "it is ready",
        )
        assert get(probes, "/api/v1/workflows").status_code == 404


def test_streams_take_no_place_of_other_requests(product: Product) -> None:
    product.simulator.app("*", run_seconds=None)
    workflow = product.submit(document({"a": ""}))
    with probed(product) as (url, probes), ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(watch(product, url, workflow))

        assert get(url, "/api/v1/health/live").ok
        assert get(probes, "/api/v1/health/live").ok
    product.ask("POST", f"/workflows/{workflow}/cancel")


def watch(product: Product, url: str, workflow: str) -> requests.Response:
    headers = {"Authorization": product.token(ALICE), "Accept": "text/event-stream"}
    return requests.get(
        f"{url}/api/v1/workflows/{workflow}/events", headers=headers, stream=True, timeout=60
    )
