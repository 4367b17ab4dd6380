"""Who sent a request, as far as the server knows."""

from __future__ import annotations

import pytest

from server.requesters import MOST, Requesters


def test_a_credential_is_its_users_once_the_application_has_accepted_it() -> None:
    requesters = Requesters("session")
    token, session = {"AUTHORIZATION": "un=a|sig=1"}, {"COOKIE": "session=1"}
    assert requesters.find(token, "10.0.0.1") == "address 10.0.0.1"

    requesters.learn(token, "a")
    requesters.learn(session, "a", session=True)

    assert requesters.find(token, "10.0.0.1") == requesters.find(session, "10.0.0.2") == "user a"


def test_credentials_nobody_has_accepted_are_all_of_their_address() -> None:
    requesters = Requesters()
    requesters.learn({"AUTHORIZATION": "un=a|sig=1"}, "a")
    requesters.learn({}, "a")

    shown = [{}, {"AUTHORIZATION": "un=a|sig=2"}, {"AUTHORIZATION": "Bearer  un=a|sig=1"}]
    assert {requesters.find(each, "10.0.0.1") for each in shown} == {"address 10.0.0.1"}
    assert requesters.find({}, "10.0.0.2") == "address 10.0.0.2"


def test_other_cookies_than_the_sessions_say_nothing() -> None:
    requesters = Requesters("session")
    requesters.learn({"COOKIE": "node=7; session=1"}, "a", session=True)
    requesters.learn({"COOKIE": "language=en"}, "b", session=True)

    assert requesters.find({"COOKIE": "session=1; node=8"}, "10.0.0.1") == "user a"
    assert requesters.find({"COOKIE": "language=en"}, "10.0.0.1") == "address 10.0.0.1"


def test_what_was_not_accepted_beside_a_session_says_nothing() -> None:
    """A proxy in front may want a password of its own, the same for all."""
    requesters, basic = Requesters("session"), {"AUTHORIZATION": "Basic eDp4"}
    requesters.learn(basic | {"COOKIE": "session=1"}, "a", session=True)
    requesters.learn(basic | {"COOKIE": "session=2"}, "b", session=True)

    assert requesters.find(basic | {"COOKIE": "session=1"}, "10.0.0.1") == "user a"
    assert requesters.find(basic, "10.0.0.1") == "address 10.0.0.1"


@pytest.mark.parametrize("sent", ["session=\xff", "\xff", "=;;=\x00", 'session="', "session"])
def test_no_cookie_is_an_error(sent: str) -> None:
    requesters = Requesters("session")
    requesters.learn({"COOKIE": sent}, "a", session=True)

    assert requesters.find({"COOKIE": sent}, "10.0.0.1") in {"user a", "address 10.0.0.1"}


@pytest.mark.parametrize(
    ("proxies", "sent", "address"),
    [
        (0, "6.6.6.6, 1.2.3.4, 10.0.0.2", "10.0.0.1"),
        (1, "6.6.6.6, 1.2.3.4, 10.0.0.2", "10.0.0.2"),
        (2, "6.6.6.6, 1.2.3.4, 10.0.0.2", "1.2.3.4"),
        (4, "6.6.6.6, 1.2.3.4, 10.0.0.2", "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "1.2.3.4,", "10.0.0.1"),
        (1, "unknown", "10.0.0.1"),
        (1, "1.2.3.4:5678", "1.2.3.4"),
        (1, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        (1, "[2001:db8:1:2:3::4]:5678", "2001:db8:1:2::/64"),
    ],
)
def test_behind_proxies_of_ours_the_address_is_the_one_that_they_saw(
    proxies: int, sent: str, address: str
) -> None:
    requesters = Requesters(trusted_proxies=proxies)

    assert requesters.find({"X_FORWARDED_FOR": sent}, "10.0.0.1") == f"address {address}"
    assert requesters.find({}, "a socket") == "address a socket"


def test_a_client_with_a_network_of_ipv6_is_one_requester() -> None:
    found = {Requesters().find({}, f"2001:db8:1:2::{last}") for last in (1, 2)}

    assert found == {"address 2001:db8:1:2::/64"}


def test_of_ten_thousand_credentials_the_last_ones_are_remembered() -> None:
    requesters = Requesters()
    for number in range(MOST):
        requesters.learn({"AUTHORIZATION": f"{number}"}, "a")
    requesters.learn({"AUTHORIZATION": "0"}, "a")

    for number in range(2):
        requesters.learn({"AUTHORIZATION": f"more{number}"}, "a")

    known = {name: requesters.find({"AUTHORIZATION": name}, "::1") for name in ("0", "1", "2", "3")}
    assert {name for name, found in known.items() if found == "user a"} == {"0", "3"}
