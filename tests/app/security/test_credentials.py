"""The caller's stored token over HTTP: how it stands, and whether the engine renews it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.app.conftest import Api
from tests.engine.conftest import document

PATH = "/api/v1/credentials"
BOB = "bob@bvbrc"


def test_the_answer_says_how_the_token_stands_and_never_the_token(api: Api) -> None:
    none = api("GET", PATH, BOB).json
    api.submit(document(""), BOB)
    kept = api("GET", PATH, BOB)

    assert (none["stored"], none["expires_at"], none["renews_at"]) == (False, None, None)
    assert kept.json["stored"]
    assert kept.json["renews_at"] < kept.json["expires_at"]
    assert (kept.json["renew"], kept.json["renew_tokens"]) == (True, "active")
    assert api.token(BOB) not in kept.text


def test_who_wants_no_renewal_says_so_and_may_change_it(api: Api) -> None:
    refused = api("PUT", PATH, json={"renew": False}).json
    api("DELETE", PATH)

    assert (refused["renew"], refused["renews_at"]) == (False, None)
    assert api("GET", PATH).json["renew"] is False
    assert api("PUT", PATH, json={"renew": True}).json["renew"] is True
    assert api("GET", PATH, BOB).json["renew"] is True


@pytest.mark.parametrize("body", [{}, {"renew": "no"}, {"renew": None}, {"renew": True, "re": 1}])
def test_a_wish_that_cannot_be_read_changes_nothing(api: Api, body: dict[str, object]) -> None:
    assert api("PUT", PATH, json=body).status_code == 400
    assert api("GET", PATH).json["renew"] is True


def test_it_says_where_the_operator_renews_none(make_api: Callable[..., Api]) -> None:
    api = make_api(auth={"renew_tokens": "never"})
    api.submit(document(""))

    found = api("GET", PATH).json

    assert (found["renew_tokens"], found["renews_at"]) == ("never", None)
