"""Ways to sign in to the pages that an operator has switched off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.app.conftest import Api

LOOPBACK = "http://localhost"


@pytest.mark.parametrize(
    ("way", "other", "controls"),
    [
        ("password", {"token": ""}, "username"),
        ("token", {"username": "a", "password": "b"}, "token"),
    ],
)
def test_a_way_that_is_switched_off_is_neither_shown_nor_taken(
    make_api: Callable[..., Api], way: str, other: dict[str, str], controls: str
) -> None:
    client = make_api(auth={"sign_in": (way,)}).client

    page = client.get("/ui/sign-in", base_url=LOOPBACK).text
    answer = client.post("/ui/sign-in", data=other, base_url=LOOPBACK)

    assert f'name="{controls}"' in page
    assert ('name="token"' in page) is (way == "token")
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
