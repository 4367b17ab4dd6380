"""A token is written as it was read, or where it serves for longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.store.guards.stored_rows import (
    ALICE,
    BOB,
    FUTURE,
    MINUTE,
    PAST,
    everything,
    put,
    replace,
    stored,
)
from tests.store.guards.token_rows import COLLECTIONS, FORMER, KEY, OLD_KEY, VAULT, put_token
from workflows.model.errors import Unauthorized
from workflows.store import documents
from workflows.store.jobs import waiting
from workflows.store.users import credentials, renewals
from workflows.store.users.credentials import Credential, Vault
from workflows.store.users.renewals import DueToken


def due(owner: str = ALICE) -> DueToken:
    [token] = [each for each in renewals.due_tokens(9) if each.owner == owner]
    return token


def put_parked(owner: str, **fields: Any) -> None:
    """A job that waits for a token; its key is its user's name."""
    put(documents.Job, _id=owner, owner=owner, **{"state": "intended", "due": None, **fields})


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
    other, before = put_token(BOB), put_token()
    put(documents.Credential, **{**before, "_id": "carol@bvbrc"})
    token = due()

    answer = write(token)

    assert answer is None or answer
    assert stored(documents.Credential, ALICE) != before
    assert stored(documents.Credential, BOB) == other
    assert stored(documents.Credential, "carol@bvbrc") == {**before, "_id": "carol@bvbrc"}
    for broken in breaks:
        replace(documents.Credential, {**before, **broken})
        assert not write(token)
        assert stored(documents.Credential, ALICE) == {**before, **broken}, broken


def test_a_token_that_is_given_up_is_not_looked_at_again() -> None:
    put_token()

    renewals.postpone([(due(), None)])
    renewals.postpone([])

    assert "renew_at" not in stored(documents.Credential, ALICE)


def test_tokens_are_due_when_their_time_has_come() -> None:
    put_token(ALICE)
    put_token(BOB, renew_at=FUTURE)
    put_token("carol@bvbrc", renew_at=PAST - MINUTE)
    put(documents.Credential, _id="dora@bvbrc", sealed="s", digest="d", expires_at=FUTURE)

    assert [each.owner for each in renewals.due_tokens(9)] == ["carol@bvbrc", ALICE]
    assert [each.owner for each in renewals.due_tokens(1)] == ["carol@bvbrc"]


def test_a_renewed_token_counts_as_any_fresh_one() -> None:
    put_token(refused_at=PAST, renewal_problem="no")
    put_parked(ALICE)
    put_parked(BOB)

    assert renewals.replace(VAULT, due(), "new", FUTURE)

    row = stored(documents.Credential, ALICE)
    assert row["renewed_at"]
    assert is_in(row, "new")
    assert [bool(stored(documents.Job, owner).get("due")) for owner in (ALICE, BOB)] == [
        True,
        False,
    ]
    assert not {"refused_at", "renewal_problem"} & set(row)


def keep(token: str, **fields: Any) -> dict[str, Any]:
    """The stored token after a user handed one in."""
    credentials.renew(VAULT, ALICE, token, fields.get("expires_at", FUTURE))
    return stored(documents.Credential, ALICE)


def is_in(row: dict[str, Any], token: str) -> bool:
    return row["digest"] == VAULT.digest(token) and VAULT.open(row["sealed"]) == token


def test_the_first_token_is_stored_of_its_user_alone() -> None:
    other = put_token(BOB)
    put_parked(ALICE)

    assert is_in(keep("new"), "new")
    assert stored(documents.Credential, BOB) == other
    assert stored(documents.Job, ALICE)["due"]


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
    other = put_token(BOB, **before)
    row = put_token(renewed_at=PAST, renewal_problem="no", **before)

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


def test_the_same_token_is_stored_again_where_no_key_opens_it() -> None:
    put_token(text="same", sealed=FORMER.seal("same"))

    assert is_in(keep("same"), "same")


class OtherStoresFirst(Vault):
    """The keys of a process that another one overtakes between reading a token and writing."""

    def __init__(self, key: str, **fields: Any) -> None:
        super().__init__([key])
        self.fields = fields

    def open(self, sealed: str) -> str | None:
        replace(documents.Credential, {**stored(documents.Credential, ALICE), **self.fields})
        return super().open(sealed)


@pytest.mark.parametrize(
    "before", [{"refused_at": PAST}, {"sealed": FORMER.seal("same")}], ids=["refused", "lost"]
)
def test_a_token_that_another_process_stored_in_between_stays(before: dict[str, Any]) -> None:
    theirs = {"sealed": VAULT.seal("theirs"), "digest": "theirs", "expires_at": FUTURE + MINUTE}
    put_token(BOB, **before)
    put_token(text="same", **before)
    vault = OtherStoresFirst(KEY, **theirs)

    credentials.renew(vault, ALICE, "same", FUTURE)

    row = stored(documents.Credential, ALICE)
    assert {name: row[name] for name in theirs} == theirs


def test_a_refusal_in_between_counts_for_the_token_that_was_refused() -> None:
    """The user hands in the refused token while another process stores another one."""
    theirs = {"digest": "theirs", "refused_at": FUTURE, "expires_at": FUTURE + MINUTE}
    put_token(text="same", refused_at=PAST)

    credentials.renew(OtherStoresFirst(KEY, **theirs), ALICE, "same", FUTURE)

    assert stored(documents.Credential, ALICE)["refused_at"] == FUTURE


@pytest.mark.parametrize("present", [True, False], ids=["replaced", "deleted"])
def test_a_token_that_changes_while_all_are_sealed_again_stays_as_it_is(*, present: bool) -> None:
    before, theirs = put_token(text="ours"), VAULT.seal("theirs")

    class Overtaken(Vault):
        """Between reading a token and writing it, its user hands in another one or deletes it."""

        def open(self, sealed: str) -> str | None:
            if present:
                replace(documents.Credential, {**before, "sealed": theirs, "digest": "theirs"})
            else:
                credentials.forget(ALICE)
            return super().open(sealed)

    assert credentials.rotate(Overtaken([KEY])) == (0, 0)

    row = stored(documents.Credential, ALICE)
    assert (row == {**before, "sealed": theirs, "digest": "theirs"}) if present else not row


def test_every_token_that_a_key_opens_is_sealed_again() -> None:
    former = put_token(text="a", sealed=FORMER.seal("a"), digest=FORMER.digest("a"))
    put_token(BOB, text="b")
    lost = put_token("carol@bvbrc", sealed=Vault([Fernet.generate_key().decode()]).seal("c"))

    assert credentials.rotate(Vault([KEY, OLD_KEY])) == (2, 1)

    assert is_in(stored(documents.Credential, ALICE), "a")
    assert is_in(stored(documents.Credential, BOB), "b")
    assert stored(documents.Credential, ALICE)["renew_at"] == former["renew_at"]
    assert stored(documents.Credential, "carol@bvbrc") == lost


def test_a_user_who_is_forgotten_takes_no_other_ones_token_along() -> None:
    others = [put_token(BOB), put_token("carol@bvbrc")]
    put_token()

    credentials.forget(ALICE)
    credentials.forget(ALICE)

    assert everything(COLLECTIONS)["Credential"] == others


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


def test_only_jobs_of_users_with_a_usable_token_are_taken_back() -> None:
    for owner, fields in {
        ALICE: {},
        BOB: {"expires_at": PAST},
        "carol@bvbrc": {"refused_at": PAST},
    }.items():
        put_token(owner, **fields)
        put_parked(owner)
    put_parked("dora@bvbrc", state="checking", reuse_due=None)
    put_token("dora@bvbrc")
    put_token("erin@bvbrc")
    asked = [ALICE, BOB, "carol@bvbrc", "dora@bvbrc"]

    assert waiting.with_token(asked) == {ALICE, "dora@bvbrc"}
    assert waiting.unpark_usable() == 2
    assert waiting.unpark_usable() == 0

    jobs = everything([documents.Job])["Job"]
    due_again = {row["_id"] for row in jobs if row.get("due") or row.get("reuse_due")}
    assert due_again == {ALICE, "dora@bvbrc"}


def test_a_token_that_came_while_jobs_were_parked_brings_them_back() -> None:
    put_token(ALICE)
    for owner in (ALICE, BOB):
        put_parked(owner, due=PAST)

    waiting.park([ALICE, BOB])

    assert stored(documents.Job, ALICE)["due"] > PAST
    assert "due" not in stored(documents.Job, BOB)
