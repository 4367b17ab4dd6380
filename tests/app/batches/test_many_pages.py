"""The pages over the list: what a filter finds is acted on after a look; operators have a page."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from tests.app.conftest import ADMIN, ALICE, BOB, ROOT, Api
from tests.engine.conftest import document

_HIDDEN = re.compile(r'type="hidden" name="([^"]+)" value="([^"]*)"')


def sign_in(api: Api, user: str = ALICE) -> FlaskClient:
    answer = api.client.post("/ui/sign-in", data={"token": api.token(user)})
    assert answer.status_code == 303
    return api.client


def state(api: Api, workflow_id: str) -> str:
    return str(api("GET", f"{ROOT}/{workflow_id}/status").json["status"])


@pytest.fixture
def flock(api: Api) -> list[str]:
    """Two of one name, and another."""
    named = ("Flock 1", "flock 2", "single")
    return [api.submit(document("", workflow_name=name)) for name in named]


def test_what_a_filter_finds_is_cancelled_after_a_look(api: Api, flock: list[str]) -> None:
    client = sign_in(api)

    listed = client.get("/ui/?name=FLOCK").text
    looked = client.get("/ui/many/cancel?name=FLOCK").text
    fields = {name: unescape(value) for name, value in _HIDDEN.findall(looked)}
    done = client.post("/ui/many/cancel", data=fields).text

    assert all(each in listed for each in flock[:2])
    assert flock[2] not in listed
    assert 'href="/ui/many/cancel?name=FLOCK"' in listed
    assert "Cancel 2 workflows?" in looked
    assert "2 workflows cancelled" in done
    assert [state(api, each) for each in flock] == ["cancelled", "cancelled", "pending"]
    assert client.post("/ui/many/cancel", data=fields).status_code == 409
    assert client.get("/ui/many/cancel").status_code == 400
    assert client.get("/ui/many/stop?name=x").status_code == 404
    assert client.post("/ui/many/cancel", data={"name": "single"}).status_code == 403


def test_another_user_sees_and_acts_on_nothing_of_it(api: Api, flock: list[str]) -> None:
    client = sign_in(api, BOB)

    looked = client.get("/ui/many/cancel?name=flock").text

    assert "Cancel 0 workflows?" in looked
    assert flock[0] not in looked
    for path in ("/ui/?owner=*", f"/ui/many/cancel?name=flock&owner={ALICE}", "/ui/admin"):
        assert client.get(path).status_code == 403
    assert "Overview" not in client.get("/ui/").text


def test_an_admin_sees_all_users_and_the_overview(api: Api, flock: list[str]) -> None:
    client = sign_in(api, ADMIN)

    listed = client.get("/ui/?owner=*&status=pending").text
    page = client.get("/ui/admin").text

    assert all(each in listed for each in flock)
    assert f"<td>{ALICE}</td>" in listed
    assert 'href="/ui/admin"' in client.get("/ui/").text
    assert "Waiting for a fresh token" in page
    assert f'href="/ui/?owner={ALICE}"' in page


def test_what_waits_for_a_token_is_seen_in_the_list(api: Api, flock: list[str]) -> None:
    client = sign_in(api)
    before = client.get("/ui/?parked=1").text
    api("DELETE", "/api/v1/credentials")

    after = client.get("/ui/?parked=1").text

    assert flock[0] not in before
    assert all(each in after for each in flock)
    assert "waits for a token" in after
