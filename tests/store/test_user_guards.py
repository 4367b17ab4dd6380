"""What is written of a user: tokens, letters, open things. Each part of a guard is broken in the
stored row, and the row stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pymongo import MongoClient

from tests.store.stored_rows import (
    ALICE,
    BOB,
    FUTURE,
    MINUTE,
    PAST,
    clear,
    everything,
    put,
    replace,
    stored,
)
from workflows.model.errors import Unauthorized
from workflows.store import connection, documents
from workflows.store.users import credentials, letters, preferences, renewals, usage
from workflows.store.users.credentials import Credential, Vault
from workflows.store.users.renewals import DueToken

VAULT, FORMER = (Vault([Fernet.generate_key().decode()]) for _ in range(2))
COLLECTIONS = (
    documents.Credential,
    documents.User,
    documents.Workflow,
    documents.Batch,
    documents.Job,
    documents.Usage,
)


@pytest.fixture(scope="module", autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_user_guards")
    yield
    connection.close_database()
    mongo.drop_database("test_user_guards")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    clear(COLLECTIONS)


def put_token(owner: str = ALICE, text: str = "t", **fields: Any) -> dict[str, Any]:
    sealed = {"sealed": VAULT.seal(text), "digest": VAULT.digest(text)}
    return put(
        documents.Credential,
        _id=owner,
        **{**sealed, "expires_at": FUTURE, "renew_at": PAST, **fields},
    )


def due(owner: str = ALICE) -> DueToken:
    [token] = [each for each in renewals.due_tokens(9) if each.owner == owner]
    return token


AS_READ = ({"digest": "another"}, {"renew_at": FUTURE - MINUTE})
RENEWALS: dict[str, tuple[Callable[[DueToken], object], tuple[dict[str, Any], ...]]] = {
    "claim": (lambda token: renewals.claim(token, MINUTE), AS_READ),
    "postpone": (lambda token: renewals.postpone([(token, FUTURE)]), AS_READ),
    "give up": (lambda token: renewals.postpone([(token, None)]), AS_READ),
    "replace": (lambda token: renewals.replace(VAULT, token, "new", FUTURE), AS_READ[:1]),
    "note failure": (lambda token: renewals.note_failure(token, FUTURE, "no"), AS_READ[:1]),
}


@pytest.mark.parametrize("name", RENEWALS)
def test_a_token_is_written_as_it_was_read_and_no_other(name: str) -> None:
    write, breaks = RENEWALS[name]
    before, other = put_token(), put_token(BOB, text="another")
    token = due()

    write(token)

    assert stored(documents.Credential, ALICE) != before
    assert stored(documents.Credential, BOB) == other
    for broken in breaks:
        replace(documents.Credential, {**before, **broken})
        assert not write(token)
        assert stored(documents.Credential, ALICE) == {**before, **broken}, broken


def test_tokens_are_due_when_their_time_has_come() -> None:
    put_token(ALICE)
    put_token(BOB, renew_at=FUTURE)
    put_token("carol@bvbrc", renew_at=PAST - MINUTE)
    put(documents.Credential, _id="dora@bvbrc", sealed="s", digest="d", expires_at=FUTURE)

    assert [each.owner for each in renewals.due_tokens(9)] == ["carol@bvbrc", ALICE]
    assert [each.owner for each in renewals.due_tokens(1)] == ["carol@bvbrc"]


def test_a_renewed_token_counts_as_any_fresh_one() -> None:
    put_token(refused_at=PAST, renewal_problem="no")

    assert renewals.replace(VAULT, due(), "new", FUTURE)

    row = stored(documents.Credential, ALICE)
    assert row["renewed_at"]
    assert not {"refused_at", "renewal_problem"} & set(row)


def test_a_renewal_is_for_users_with_work() -> None:
    put(documents.Workflow, _id="wf_1", owner=ALICE, state="running")
    put(documents.Workflow, _id="wf_2", owner=BOB, state="succeeded")
    put(documents.Batch, _id="b1", owner=BOB, finished_at=PAST)
    put(documents.Batch, _id="b2", owner="carol@bvbrc")
    put(documents.Workflow, _id="wf_3", owner="dora@bvbrc", state="running")

    asked = [ALICE, BOB, "carol@bvbrc"]
    assert renewals.with_work(asked) == {ALICE, "carol@bvbrc"}


def test_letters_are_counted_for_a_day_and_given_back_once() -> None:
    today, tomorrow = PAST, PAST + timedelta(days=1)
    put(documents.User, _id=BOB, letters=1, letters_day=today)

    assert [letters.take(ALICE, today, 2) for _ in range(3)] == [True, True, False]
    assert stored(documents.User, ALICE)["letters"] == 2

    letters.give_back(ALICE, tomorrow)
    assert stored(documents.User, ALICE)["letters"] == 2
    for _ in range(3):
        letters.give_back(ALICE, today)
    assert stored(documents.User, ALICE)["letters"] == 0
    assert stored(documents.User, BOB)["letters"] == 1


def test_a_late_letter_does_not_begin_the_day_before_again() -> None:
    today, tomorrow = PAST, PAST + timedelta(days=1)
    letters.take(ALICE, tomorrow, 2)

    assert letters.take(ALICE, today, 2)

    row = stored(documents.User, ALICE)
    assert (row["letters"], row["letters_day"]) == (2, tomorrow)


def keep(token: str, **fields: Any) -> dict[str, Any]:
    """The stored token after a user handed one in."""
    credentials.renew(VAULT, ALICE, token, fields.get("expires_at", FUTURE))
    return stored(documents.Credential, ALICE)


def is_in(row: dict[str, Any], token: str) -> bool:
    return row["digest"] == VAULT.digest(token) and VAULT.open(row["sealed"]) == token


def test_the_first_token_is_stored_of_its_user_alone() -> None:
    other = put_token(BOB)

    assert is_in(keep("new"), "new")
    assert stored(documents.Credential, BOB) == other


@pytest.mark.parametrize(
    ("before", "replaced"),
    [
        ({"expires_at": FUTURE - MINUTE}, True),
        ({"expires_at": FUTURE + MINUTE}, False),
        ({"expires_at": FUTURE}, False),
        ({"expires_at": FUTURE + MINUTE, "refused_at": PAST}, True),
        ({"expires_at": FUTURE + MINUTE, "sealed": FORMER.seal("t")}, True),
    ],
)
def test_a_token_gives_way_to_a_fresher_one_or_where_it_is_of_no_use(
    before: dict[str, Any], *, replaced: bool
) -> None:
    row, other = put_token(renewed_at=PAST, renewal_problem="no", **before), put_token(BOB)

    after = keep("new")

    assert is_in(after, "new") is replaced
    assert (after == row) is not replaced
    assert not (replaced and {"refused_at", "renewed_at", "renewal_problem"} & set(after))
    assert stored(documents.Credential, BOB) == other


def test_a_refused_token_that_is_handed_in_again_is_tried_again() -> None:
    put_token(text="same", refused_at=PAST)

    after = keep("same")

    assert "refused_at" not in after
    assert after["renew_at"] > PAST


def test_the_same_token_again_changes_nothing() -> None:
    before = put_token(text="same")

    assert keep("same") == before


@pytest.mark.parametrize(
    ("before", "stays"),
    [
        ({}, True),
        ({"expires_at": PAST}, False),
        ({"refused_at": FUTURE}, False),
        ({"sealed": FORMER.seal("t")}, False),
    ],
)
def test_a_submission_stores_its_token_where_none_there_serves_as_long(
    before: dict[str, Any], *, stays: bool
) -> None:
    row = put_token(**before)

    credentials.keep(VAULT, ALICE, "new", FUTURE)

    assert (stored(documents.Credential, ALICE) == row) is stays


@pytest.mark.parametrize(("refused_at", "tried_again"), [(PAST, True), (FUTURE, False)])
def test_a_submission_tries_its_refused_token_again_after_a_while(
    refused_at: Any, *, tried_again: bool
) -> None:
    put_token(text="same", refused_at=refused_at)

    credentials.keep(VAULT, ALICE, "same", FUTURE)

    assert ("refused_at" not in stored(documents.Credential, ALICE)) is tried_again


def test_only_the_refused_token_is_marked() -> None:
    put_token(text="newer")
    put_token(BOB, text="older")
    before = everything(COLLECTIONS)
    refused = Credential(ALICE, "older", FUTURE)

    credentials.mark_refused(VAULT, refused, Unauthorized("no"))
    theirs, unasked = Credential(BOB, "older", FUTURE), Unauthorized("no", by_service=False)
    credentials.mark_refused(VAULT, theirs, unasked)
    assert everything(COLLECTIONS) == before

    credentials.mark_refused(VAULT, theirs, Unauthorized("no"))
    assert "refused_at" in stored(documents.Credential, BOB)
    assert "refused_at" not in stored(documents.Credential, ALICE)


def test_a_token_is_usable_until_it_ends_or_is_refused() -> None:
    put_token(ALICE)
    put_token(BOB, expires_at=PAST)
    put_token("carol@bvbrc", refused_at=PAST)
    put_token("dora@bvbrc", sealed=FORMER.seal("t"))
    put_token("erin@bvbrc", expires_at=FUTURE + MINUTE)

    asked = [ALICE, BOB, "carol@bvbrc", "dora@bvbrc"]
    assert credentials.usable_of(VAULT, asked).keys() == {ALICE}
    some = [each.owner for each in credentials.some_usable(VAULT, 9)]
    assert some == ["erin@bvbrc", ALICE]
    assert len(credentials.some_usable(VAULT, 1)) == 1


def test_what_is_set_for_a_user_is_set_for_no_other() -> None:
    preferences.set_renewal(ALICE, wanted=False)
    preferences.set_renewal(BOB, wanted=True)
    preferences.set_weight(ALICE, 3)
    preferences.note_priorities([BOB])

    assert preferences.without_renewal([ALICE, BOB]) == {ALICE}
    assert preferences.without_renewal([BOB]) == set()
    shares = preferences.shares([ALICE, BOB])
    assert (shares[ALICE].weight, shares[ALICE].prioritises) == (3, False)
    assert (shares[BOB].weight, shares[BOB].prioritises) == (1, True)
    assert preferences.shares([BOB]).keys() == {BOB}


def test_what_a_process_has_open_is_counted_once_and_not_for_ever() -> None:
    key = ("streams", ALICE)
    row = usage.publish("ours", {key: 2})
    assert row == {key: 0}
    assert usage.publish("theirs", {key: 3}) == {key: 2}
    assert usage.publish("ours", {key: 1}) == {key: 3}

    [stored_row] = everything([documents.Usage])["Usage"]
    stored_row["open"]["theirs"]["at"] = PAST
    replace(documents.Usage, stored_row)
    assert usage.publish("ours", {key: 1}) == {key: 0}
