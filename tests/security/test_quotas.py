"""One user who takes all that one user may: that user is refused, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from config.sections import Quotas
from devstack.processes import wait_until
from tests.product import GROUP, Product, document
from tests.security.attacks import another_api, get

pytestmark = GROUP

HOG = "hog@bvbrc"
LIMITS = {
    "ACTIVE_WORKFLOWS": "3",
    "REQUESTS_PER_MINUTE": "200",
    "LIVE_STREAMS": "2",
    "STORED_BYTES": "100000",
}


@pytest.fixture
def limited(product: Product) -> Iterator[str]:
    """The URL of another API, with small quotas and two processes."""
    limits = {f"WORKFLOW_QUOTAS__{name}": value for name, value in LIMITS.items()}
    with another_api(product, "--workers", "2", **limits) as url:
        yield url


def ask(
    product: Product, url: str, path: str, user: str, method: str = "GET", **options: object
) -> requests.Response:
    headers = {"Authorization": product.token(user)}
    return requests.request(method, f"{url}{path}", headers=headers, timeout=60, **options)  # type: ignore[arg-type]


def assert_served(product: Product, url: str, user: str) -> None:
    """A submission, a status and a page of another user."""
    path = "/api/v1/workflows"
    submitted = ask(product, url, f"{path}/submit", user, "POST", json=document({"a": ""}))
    assert submitted.status_code == 201, submitted.text
    workflow = submitted.json()["workflow_id"]
    assert ask(product, url, f"{path}/{workflow}/status", user).ok
    assert get(url, "/ui/sign-in").ok
    assert get(url, "/api/v1/health/live").ok


def test_streams_of_one_user_leave_places_for_others(product: Product, limited: str) -> None:
    product.simulator.app("*", run_seconds=None)
    watcher = "watcher@bvbrc"  # who watches nothing else, also not a moment ago
    running = {user: product.submit(document({"a": ""}), user) for user in (HOG, watcher)}
    with ExitStack() as stack:

        def watch(user: str) -> int:
            headers = {"Authorization": product.token(user), "Accept": "text/event-stream"}
            path = f"/api/v1/workflows/{running[user]}/events"
            answer = requests.get(f"{limited}{path}", headers=headers, stream=True, timeout=60)
            return stack.enter_context(answer).status_code

        wait_until(lambda: watch(HOG) == 429, "the user is refused", every_seconds=0.5)

        assert watch(watcher) == 200
        assert_served(product, limited, "other@bvbrc")
    for user, workflow in running.items():
        product.ask("POST", f"/workflows/{workflow}/cancel", user)


def test_requests_of_one_user_are_refused_and_those_of_others_are_not(
    product: Product, limited: str
) -> None:
    def code(_: int) -> int:
        return ask(product, limited, "/api/v1/workflows?limit=1", HOG).status_code

    with ThreadPoolExecutor(8) as pool:
        wait_until(lambda: 429 in set(pool.map(code, range(250))), "the user is refused")
        begun = pool.submit(list, map(code, range(50)))

        assert_served(product, limited, "second@bvbrc")
        begun.result()


def test_active_workflows_of_one_user_are_bounded_over_all_processes(
    product: Product, limited: str
) -> None:
    product.simulator.app("*", run_seconds=None)
    path = "/api/v1/workflows/submit"
    started = []

    def refused() -> bool:
        answer = ask(product, limited, path, "many@bvbrc", "POST", json=document({"a": ""}))
        if answer.status_code == 201:
            started.append(answer.json()["workflow_id"])
        return answer.status_code == 409

    wait_until(refused, "the user is refused")

    assert_served(product, limited, "third@bvbrc")
    for workflow in started:
        product.ask("POST", f"/workflows/{workflow}/cancel", "many@bvbrc")


def test_stored_bytes_of_one_user_are_bounded_until_that_user_deletes_some(
    product: Product, limited: str
) -> None:
    user, path = "hoarder@bvbrc", "/api/v1/workflows"
    large = document({"a": ""})
    large["base_context"]["text"] = "x" * 40_000
    stored: list[str] = []
    refusals: list[requests.Response] = []

    def plan() -> int:
        answer = ask(product, limited, f"{path}/plan", user, "POST", json=large)
        if answer.status_code == 201:
            stored.append(answer.json()["workflow_id"])
        else:
            refusals.append(answer)
        return answer.status_code

    # Each process learns a moment later what the other one stored.
    wait_until(lambda: plan() == 409, "the user is refused")

    (problem,) = refusals[-1].json()["errors"]
    assert (problem["path"], problem["code"]) == ("stored_bytes", "quota_exceeded")
    used = ask(product, limited, "/api/v1/usage", user).json()["limits"]["stored_bytes"]
    assert used["used"] > used["allowed"] == 100_000
    assert str(used["used"]) in problem["message"]
    assert str(used["allowed"]) in problem["message"]
    assert_served(product, limited, "fourth@bvbrc")

    for workflow in stored:
        assert ask(product, limited, f"{path}/{workflow}", user, "DELETE").status_code == 204

    assert plan() == 201
    assert ask(product, limited, f"{path}/{stored[-1]}", user, "DELETE").status_code == 204


def test_the_defaults_do_not_meet_a_user_who_polls_47_workflows() -> None:
    """Once a second each, from a script that asks in one go, with a page open for half of them."""
    limits = Quotas()

    assert limits.requests_per_minute > 10 * 47 * 60
    assert limits.concurrent_requests > 47
    assert limits.active_workflows > 10 * 47


def test_calls_of_one_user_that_hang_leave_threads_for_others(product: Product) -> None:
    product.simulator.app("*", run_seconds=None)
    held = product.submit(document({"a": ""}), HOG)
    product.reaches(held, "a", "running")
    hanging = product.simulator.fault("hang", user=HOG, seconds=60)
    with another_api(product, WORKFLOW_API__THREADS="8") as url, ThreadPoolExecutor(12) as pool:
        assert ask(product, url, f"/api/v1/workflows/{held}/status", HOG).ok
        path = f"/api/v1/workflows/{held}/steps/a/stdout"
        asked = [pool.submit(ask, product, url, path, HOG) for _ in range(12)]
        try:
            assert_served(product, url, "fifth@bvbrc")
            assert not any(each.done() for each in asked)  # BV-BRC's patience has not ended yet
        finally:
            product.simulator.remove_fault(hanging)
    product.ask("POST", f"/workflows/{held}/cancel", HOG)
