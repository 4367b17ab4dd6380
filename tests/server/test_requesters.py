"""Who sent a request, as far as the server knows."""

from __future__ import annotations

from server.requesters import Requesters


def test_a_credential_is_its_users_once_the_application_has_accepted_it() -> None:
    requesters = Requesters("session")
    token, session = {"AUTHORIZATION": "un=a|sig=1"}, {"COOKIE": "session=1"}
    assert requesters.find(token, "10.0.0.1") == "address 10.0.0.1"

    requesters.learn(token, "a")
    requesters.learn(session, "a")

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
    requesters.learn({"COOKIE": "node=7; session=1"}, "a")
    requesters.learn({"COOKIE": "language=en"}, "b")

    assert requesters.find({"COOKIE": "session=1; node=8"}, "10.0.0.1") == "user a"
    assert requesters.find({"COOKIE": "language=en"}, "10.0.0.1") == "address 10.0.0.1"


def test_behind_proxies_of_ours_the_address_is_the_one_that_they_saw() -> None:
    came = {"X_FORWARDED_FOR": "6.6.6.6, 1.2.3.4, 10.0.0.2"}

    assert Requesters().find(came, "10.0.0.1") == "address 10.0.0.1"
    assert Requesters(trusted_proxies=1).find(came, "10.0.0.1") == "address 10.0.0.2"
    assert Requesters(trusted_proxies=2).find(came, "10.0.0.1") == "address 1.2.3.4"
    assert Requesters(trusted_proxies=4).find(came, "10.0.0.1") == "address 10.0.0.1"
    assert Requesters(trusted_proxies=1).find({}, "10.0.0.1") == "address 10.0.0.1"
