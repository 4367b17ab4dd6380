"""One body for every failure, from every part; and an id on every answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from celery import Celery

from app.connections import connections
from app.live.hints import Hints
from devstack import embedded
from tests.app.conftest import ROOT, Api
from tests.bvbrc.tokens import claims, sign
from tests.engine.conftest import document
from workflows.store import connection


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/api/v1/workflows/", 404),
        ("GET", "/api/v2/workflows", 404),
        ("PUT", f"{ROOT}/x", 405),
        ("GET", f"{ROOT}/x/cancel", 405),
        ("PUT", f"{ROOT}/submit", 405),
        ("POST", "/api/v1/health", 405),
        ("GET", f"{ROOT}/wf_0", 404),
        ("GET", f"{ROOT}/%00", 404),
        ("GET", f"{ROOT}/\N{SNOWMAN}", 404),
        ("GET", f"{ROOT}/{'x' * 5000}", 404),
    ],
)
def test_every_failure_has_the_one_body(api: Api, method: str, path: str, code: int) -> None:
    answer = api(method, path)

    assert answer.status_code == code
    assert answer.mimetype == "application/json"
    assert set(answer.json) == {"detail", "errors"}
    assert isinstance(answer.json["detail"], str)
    assert answer.json["detail"]
    assert (code == 405) == ("Allow" in answer.headers)


def test_a_request_keeps_the_id_it_came_with(api: Api) -> None:
    answer = api("GET", ROOT, headers={"X-Request-ID": "abc-123"})

    assert answer.headers["X-Request-ID"] == "abc-123"


@pytest.mark.parametrize("sent", [None, "", "two words", "x" * 101, '"; drop'])
def test_a_request_without_a_usable_id_gets_one(api: Api, sent: str | None) -> None:
    headers = {} if sent is None else {"X-Request-ID": sent}

    ids = {api("GET", "/nowhere", headers=headers).headers["X-Request-ID"] for _ in range(2)}

    assert len(ids) == 2
    assert sent not in ids


def test_mongodb_being_away_is_said_soon_and_with_a_time_to_come_again(
    make_api: Callable[..., Api],
) -> None:
    api = make_api()
    workflow_id = api.submit(document(""))
    connection.close_database()
    with embedded.mongod() as uri:
        gone = uri
    connection.open_database(gone, "test_api")

    for answer in (
        api("POST", f"{ROOT}/submit", json=document("")),
        api("GET", f"{ROOT}/{workflow_id}/status", None),
        api("GET", ROOT),
        api("GET", f"{ROOT}/{workflow_id}/events", headers={"Accept": "text/event-stream"}),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert "MongoDB" in answer.json["detail"]
    health = api("GET", "/api/v1/health", None)
    assert health.status_code == 503
    assert health.json["mongodb"] == "disconnected"


def test_a_broker_that_is_away_is_no_failure(make_api: Callable[..., Api]) -> None:
    api = make_api()
    with embedded.redis() as gone:
        pass
    hints = Hints(Celery("test", broker=gone, set_as_current=False))
    with api.client.application.app_context():
        before, connections().hints = connections().hints, hints
        try:
            workflow_id = api.submit(document(""))
        finally:
            connections().hints = before

    assert api.engine().ends(workflow_id) == "succeeded"


def test_a_signer_that_never_answered_is_said_with_a_time_to_come_again(
    make_api: Callable[..., Api],
) -> None:
    nobody = "http://127.0.0.1:9/public_key"
    api = make_api(auth={"trusted_signers": (nobody,)})

    answer = api("GET", ROOT, headers={"Authorization": sign(claims(signer=nobody))})

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "key" in answer.json["detail"]
