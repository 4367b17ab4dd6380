"""Who sent a request, as far as the server knows."""

from __future__ import annotations

from server.requesters import Requesters


def test_a_credential_is_its_users_once_the_application_has_accepted_it() -> None:
    requesters = Requesters()
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
