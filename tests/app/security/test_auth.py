"""Who may do what: every route, every kind of token, both settings of ``auth.reads``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from posixpath import normpath

import pytest
from werkzeug.test import TestResponse

from app.http.throttle import REMEMBERED, Throttle
from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import document


@dataclass(frozen=True)
class Route:
    """A route of the API, as it is called here."""

    method: str
    path: str
    object: bool = True
    """It is about one workflow, which belongs to Alice."""
    linked: bool = False
    """With ``auth.reads: link`` it answers every caller that knows the id."""
    code: int = 200
    """What who may call it is answered here: of a workflow that waits, without a body."""


ROUTES = [
    Route("POST", "/submit", object=False, code=201),
    Route("POST", "/plan", object=False, code=201),
    Route("POST", "/register", object=False, code=201),
    Route("POST", "/validate", object=False),
    Route("POST", "/submit-cwl", object=False, code=400),
    Route("GET", "", object=False),
    Route("POST", "/actions", object=False, code=400),
    Route("GET", "/../apps", object=False),
    Route("GET", "/../apps/Date", object=False),
    Route("GET", "/../apps/Date/durations", object=False),
    Route("GET", "/../cwl/tools", object=False),
    Route("GET", "/../cwl/tools/Date", object=False),
    Route("GET", "/{id}/status", linked=True),
    Route("GET", "/{id}", linked=True),
    Route("GET", "/{id}/log"),
    Route("GET", "/{id}/events"),
    Route("GET", "/{id}/explain"),
    Route("GET", "/{id}/forecast"),
    Route("GET", "/{id}/ro-crate"),
    Route("GET", "/{id}/outputs"),
    Route("GET", "/{id}/outputs/file", code=404),
    Route("GET", "/{id}/steps/a/reuse"),
    Route("GET", "/{id}/steps/a/stdout", code=404),
    Route("GET", "/{id}/steps/a/stderr", code=404),
    Route("POST", "/{id}/submit"),
    Route("POST", "/{id}/cancel"),
    Route("POST", "/{id}/retry", code=409),
    Route("PATCH", "/{id}", code=400),
    Route("PUT", "/../admin/users/x", object=False, code=400),
    Route("POST", "/{id}/pause"),
    Route("POST", "/{id}/resume"),
    Route("PUT", "/{id}/token", code=204),
    Route("DELETE", "/{id}", code=409),
    Route("GET", "/../credentials", object=False),
    Route("PUT", "/../credentials", object=False, code=400),
    Route("DELETE", "/../credentials", object=False, code=204),
    Route("GET", "/../holds", object=False),
    Route("POST", "/../holds", object=False, code=400),
    Route("DELETE", "/../holds/hold_0", object=False, code=404),
    Route("GET", "/../usage", object=False),
    Route("GET", "/../../../ga4gh/wes/v1/runs", object=False),
    Route("POST", "/../../../ga4gh/wes/v1/runs", object=False, code=415),
    Route("GET", "/../../../ga4gh/wes/v1/runs/{id}"),
    Route("GET", "/../../../ga4gh/wes/v1/runs/{id}/status"),
    Route("GET", "/../../../ga4gh/wes/v1/runs/{id}/tasks"),
    Route("GET", "/../../../ga4gh/wes/v1/runs/{id}/tasks/0.1", code=404),
    Route("POST", "/../../../ga4gh/wes/v1/runs/{id}/cancel"),
]
OPEN = [
    "/api/v1/health",
    "/ga4gh/wes/v1/service-info",
    "/docs",
    "/openapi.json",
    "/docs/swagger-ui.css",
]
BAD = ["garbage", "forged", "unknown signer", "expired", "cut", "Basic", "Bearer alone"]


def bad_token(api: Api, kind: str) -> str:
    token = api.token(ALICE)
    signed, _, signature = token.rpartition("|sig=")
    made: dict[str, Callable[[], str]] = {
        "garbage": lambda: "garbage",
        "forged": lambda: f"{signed.replace(ALICE, ADMIN)}|sig={signature}",
        "unknown signer": lambda: api.simulator.token(ALICE, kind="unknown_signer"),
        "expired": lambda: api.simulator.token(ALICE, seconds=-60),
        "cut": lambda: token[:-10],
        "Basic": lambda: "Basic YWxpY2U6c2VjcmV0",
        "Bearer alone": lambda: "Bearer ",
    }
    return made[kind]()


def call(api: Api, route: Route, workflow_id: str, token: str | None) -> TestResponse:
    path = normpath(f"{ROOT}{route.path.format(id=workflow_id)}")
    headers = {} if token is None else {"Authorization": token}
    body = {"json": document("")} if not route.object and route.method == "POST" else {}
    return api.client.open(path, method=route.method, headers=headers, **body)


@pytest.fixture(params=["link", "owner"])
def reads(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def guarded(make_api: Callable[..., Api], reads: str) -> Api:
    return make_api(auth={"reads": reads}, api={"bad_tokens_per_minute": 1_000_000})


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_the_matrix_of_routes_and_tokens(guarded: Api, reads: str, route: Route) -> None:
    workflow_id = guarded.submit(document(""))
    linked = route.linked and reads == "link"

    none = call(guarded, route, workflow_id, None)
    assert none.status_code == (200 if linked else 401)
    for kind in BAD:
        refused = call(guarded, route, workflow_id, bad_token(guarded, kind))
        assert refused.status_code == 401, kind
        assert refused.headers["WWW-Authenticate"]
    other = call(guarded, route, workflow_id, guarded.token(BOB))
    assert other.status_code == (403 if route.object and not linked else route.code)
    for user in (ALICE, ADMIN):
        expected = 403 if (user, route.path) == (ADMIN, "/{id}/token") else route.code
        for prefix in ("", "Bearer ", "OAuth ", "bearer  ", " "):
            answer = call(guarded, route, workflow_id, prefix + guarded.token(user))
            assert answer.status_code == expected, (user, prefix)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_an_unknown_workflow_is_not_found(guarded: Api, route: Route) -> None:
    if route.object:
        answer = call(guarded, route, "wf_" + "0" * 32, guarded.token(ALICE))

        assert answer.status_code == 404
        assert "wf_000" in answer.json["detail"]


@pytest.mark.usefixtures("patient_health")
@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("token", [None, "garbage"])
def test_what_is_open_looks_at_no_token(guarded: Api, path: str, token: str | None) -> None:
    headers = {} if token is None else {"Authorization": token}

    with guarded.client.get(path, headers=headers) as answer:
        assert answer.status_code == 200


def test_a_stranger_changes_nothing(api: Api) -> None:
    workflow_id = api.submit(document(""))
    before = api("GET", f"{ROOT}/{workflow_id}", None).json

    for route in ROUTES:
        if route.object and route.method != "GET":
            assert call(api, route, workflow_id, api.token(BOB)).status_code == 403

    assert api("GET", f"{ROOT}/{workflow_id}", None).json == before


def test_an_admin_sees_and_cancels_everybodys_workflow_and_lists_their_own(api: Api) -> None:
    workflow_id = api.submit(document(""))

    assert api("GET", ROOT, ADMIN).json["workflows"] == []
    assert api("GET", f"{ROOT}/{workflow_id}/log", ADMIN).status_code == 200
    assert api("POST", f"{ROOT}/{workflow_id}/cancel", ADMIN).status_code == 200


def test_a_role_in_the_token_makes_no_admin(api: Api) -> None:
    """Who is an admin here is configured here."""
    workflow_id = api.submit(document(""))
    token = api.simulator.token(BOB, roles="admin")

    answer = api("GET", f"{ROOT}/{workflow_id}/log", None, headers={"Authorization": token})

    assert answer.status_code == 403


def test_bad_tokens_are_throttled_and_genuine_ones_never(make_api: Callable[..., Api]) -> None:
    api = make_api(api={"bad_tokens_per_minute": 3})

    answers = [api("GET", ROOT, headers={"Authorization": "garbage"}) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert "bad tokens" in answers[-1].json["detail"]
    for user in (ALICE, BOB):
        fresh = {"Authorization": api.simulator.token(user)}
        assert api("GET", ROOT, headers=fresh).status_code == 200


def test_the_address_before_the_trusted_proxies_counts(make_api: Callable[..., Api]) -> None:
    api = make_api(api={"bad_tokens_per_minute": 1, "trusted_proxies": 1})

    def code(address: str) -> int:
        headers = {"Authorization": "garbage", "X-Forwarded-For": address}
        return api("GET", ROOT, headers=headers).status_code

    assert [code("192.0.2.1"), code("192.0.2.1"), code("192.0.2.2")] == [401, 429, 401]
    assert code("192.0.2.9, 192.0.2.1") == 429


def test_failures_are_forgotten_with_time() -> None:
    now = [0.0]
    throttle = Throttle(burst=2, per_second=0.5, now=lambda: now[0])
    throttle.record_failure("a")
    assert throttle.wait_seconds("a") == 0
    throttle.record_failure("a")

    assert throttle.wait_seconds("a") == 2
    now[0] = 1.0
    assert throttle.wait_seconds("a") == 1
    now[0] = 2.0
    assert throttle.wait_seconds("a") == 0
    assert throttle.wait_seconds("b") == 0


def test_so_many_addresses_are_remembered_and_no_more() -> None:
    throttle = Throttle(burst=1, per_second=0.001)
    for number in range(REMEMBERED + 1):
        throttle.record_failure(str(number))

    assert throttle.wait_seconds("0") == 0
    assert throttle.wait_seconds(str(REMEMBERED)) > 0
