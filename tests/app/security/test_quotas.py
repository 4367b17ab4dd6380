"""One user may use so much, whichever process is asked, and no user is in the way of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from werkzeug.test import TestResponse

from app.connections import connections
from app.quotas import Quotas
from config import sections
from devstack.processes import wait_until
from tests.app.conftest import ALICE, BOB, ROOT, Api
from tests.engine.conftest import LONG, document
from workflows.store import documents
from workflows.store.mongo import collection

USAGE = "/api/v1/usage"
CWL = "cwlVersion: v1.2\nclass: Workflow\ninputs: []\noutputs: []\nsteps: []\n"


@pytest.fixture
def make(make_api: Callable[..., Api]) -> Callable[..., Api]:
    """Applications with quotas; two of the same are two processes."""

    def made(process: int = 1, **quotas: int) -> Api:
        return make_api(quotas=quotas, api={"max_streams": 24 + process})

    return made


def used(api: Api, limit: str, user: str = ALICE) -> float:
    return float(api("GET", USAGE, user).json["limits"][limit]["used"])


def refused(answer: TestResponse, status: int, limit: str) -> bool:
    assert answer.status_code == status, answer.text
    (problem,) = answer.json["errors"]
    assert (problem["path"], problem["code"]) == (limit, "quota_exceeded")
    assert problem["suggestion"]
    assert ("Retry-After" in answer.headers) == (status == 429)
    return True


def test_a_user_is_told_what_is_used_and_allowed(api: Api) -> None:
    before = used(api, "stored_bytes")
    api.submit(document("", "a"))

    limits = api("GET", USAGE).json["limits"]

    assert set(limits) == set(sections.Quotas.model_fields)
    assert limits["active_workflows"] == {"used": 1, "allowed": 10_000}
    assert limits["stored_bytes"]["used"] > before
    assert limits["requests_per_minute"]["resets_at"].endswith("Z")
    assert limits["concurrent_requests"]["used"] == 1
    assert api("GET", USAGE, BOB).json["limits"]["active_workflows"]["used"] == 0
    assert api("GET", USAGE, None).status_code == 401


def test_a_user_is_told_what_was_used_in_this_minute(api: Api) -> None:
    def is_told() -> bool:
        """False also where a minute has just ended."""
        api.submit(document(""))
        limits = api("GET", USAGE).json["limits"]
        requests, seconds = limits["requests_per_minute"], limits["cpu_seconds_per_minute"]
        return requests["used"] >= 2 and seconds["used"] > 0

    wait_until(is_told, "what was used is told", seconds=LONG)


def test_requests_of_a_minute_are_counted_over_all_processes(make: Callable[..., Api]) -> None:
    first, second = (make(process, requests_per_minute=100) for process in (1, 2))
    for _ in range(60):
        if first("GET", ROOT, "many@bvbrc").status_code == 429:
            break

    wait_until(lambda: second("GET", ROOT, "many@bvbrc").status_code == 429, "it is refused",
               seconds=2 * LONG)  # fmt: skip

    answer = second("GET", ROOT, "many@bvbrc")
    if answer.status_code == 429:  # else a new minute has begun
        assert refused(answer, 429, "requests_per_minute")
    assert second("GET", ROOT, BOB).status_code == 200


def test_time_of_checking_is_limited_and_that_of_others_is_not(make: Callable[..., Api]) -> None:
    api = make(cpu_seconds_per_minute=1)

    def is_refused(route: str, body: object) -> bool:
        """False where a minute ends between what was computed and the request."""
        with api.client.application.app_context():
            connections().quotas.computed("heavy@bvbrc", 1.5)
        answer = api("POST", f"{ROOT}/{route}", "heavy@bvbrc", json=body)
        return answer.status_code == 429 and refused(answer, 429, "cpu_seconds_per_minute")

    wait_until(lambda: is_refused("validate", document("")), "a check is refused", seconds=LONG)
    wait_until(lambda: is_refused("submit-cwl", {"workflow": CWL}), "CWL is refused", seconds=LONG)
    assert api("GET", ROOT, "heavy@bvbrc").status_code == 200
    assert api("POST", f"{ROOT}/validate", BOB, json=document("")).status_code == 200


def test_planning_of_cwl_counts(make: Callable[..., Api]) -> None:
    api = make(cpu_seconds_per_minute=50)

    def counts() -> bool:
        """False also where a minute has just ended."""
        before = used(api, "cpu_seconds_per_minute", BOB)
        api("POST", f"{ROOT}/submit-cwl?dry_run", BOB, json={"workflow": CWL})
        return used(api, "cpu_seconds_per_minute", BOB) > before

    wait_until(counts, "planning counts", seconds=LONG)


def test_active_workflows_are_limited_until_some_have_ended(make: Callable[..., Api]) -> None:
    first, second = (make(process, active_workflows=2) for process in (1, 2))
    running = [first.submit(document("")) for _ in range(2)]

    for api in (first, second):
        again = api("POST", f"{ROOT}/submit", json=document(""))
        assert refused(again, 409, "active_workflows")
    planned = first("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]
    assert refused(first("POST", f"{ROOT}/{planned}/submit"), 409, "active_workflows")
    assert second("POST", f"{ROOT}/submit", BOB, json=document("")).status_code == 201
    for workflow_id in running:
        assert first.engine().ends(workflow_id) == "succeeded"

    assert first("POST", f"{ROOT}/{planned}/submit").status_code == 200
    first.submit(document(""))


def test_stored_bytes_are_limited_until_some_are_deleted(make: Callable[..., Api]) -> None:
    api = make(stored_bytes=3_000)
    large = document("")
    large["base_context"]["text"] = "x" * 3_000
    kept = api("POST", f"{ROOT}/plan", json=large).json["workflow_id"]

    assert refused(api("POST", f"{ROOT}/plan", json=document("")), 409, "stored_bytes")
    assert refused(api("POST", f"{ROOT}/submit", json=document("")), 409, "stored_bytes")
    assert api("DELETE", f"{ROOT}/{kept}").status_code == 204

    assert api("POST", f"{ROOT}/plan", json=document("")).status_code == 201


def test_a_repeated_submission_is_answered_also_when_there_is_no_room(
    make: Callable[..., Api],
) -> None:
    api = make(active_workflows=1)
    key = {"Idempotency-Key": "once"}
    first = api("POST", f"{ROOT}/submit", json=document(""), headers=key)

    again = api("POST", f"{ROOT}/submit", json=document(""), headers=key)

    assert (first.status_code, again.status_code) == (201, 200)


@pytest.fixture
def following() -> Iterator[Callable[[Api, str], TestResponse]]:
    """Opens live streams, and closes them in the end."""
    opened: list[TestResponse] = []

    def follow(api: Api, user: str) -> TestResponse:
        workflow_id = api.submit(document(""), user)
        path = f"{ROOT}/{workflow_id}/log?follow"
        opened.append(api("GET", path, user, buffered=False))
        return opened[-1]

    yield follow
    for answer in opened:
        answer.close()


def test_the_live_streams_of_one_user_leave_room_for_others(
    make: Callable[..., Api], following: Callable[[Api, str], TestResponse]
) -> None:
    api = make(live_streams=2)
    first, _ = following(api, ALICE), following(api, ALICE)

    assert refused(following(api, ALICE), 429, "live_streams")
    assert following(api, BOB).status_code == 200
    first.close()
    assert following(api, ALICE).status_code == 200


def test_live_streams_are_counted_over_all_processes(
    make: Callable[..., Api], following: Callable[[Api, str], TestResponse]
) -> None:
    first, second = (make(process, live_streams=3) for process in (1, 2))
    for api in (first, first, second):
        assert following(api, ALICE).status_code == 200

    wait_until(lambda: used(second, "live_streams") == 3, "the streams count", seconds=LONG)

    assert refused(following(second, ALICE), 429, "live_streams")


def test_requests_at_the_same_time_are_limited_and_given_back() -> None:
    quotas = Quotas(sections.Quotas(concurrent_requests=2))
    held, release = threading.Barrier(3), threading.Event()

    def request() -> None:
        quotas.begin(ALICE)
        held.wait()
        release.wait()
        quotas.end(ALICE)

    threads = [threading.Thread(target=request) for _ in range(2)]
    for thread in threads:
        thread.start()
    held.wait()

    with pytest.raises(Exception, match="2 of 2 requests at the same time"):
        quotas.begin(ALICE)
    quotas.begin(BOB)
    release.set()
    for thread in threads:
        thread.join()
    quotas.begin(ALICE)
    for user in (ALICE, BOB):  # what stays open is told to the other processes for ever
        quotas.end(user)


def test_what_was_counted_does_not_stay(api: Api) -> None:
    api("GET", ROOT)

    wait_until(
        lambda: collection(documents.Usage).count_documents({}) > 0, "it is written", seconds=LONG
    )

    row = collection(documents.Usage).find_one({})
    assert row
    assert "until" in row
    kept = collection(documents.Usage).index_information()
    assert any("expireAfterSeconds" in each for each in kept.values())
