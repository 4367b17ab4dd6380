"""What is written of a user besides the token: letters, preferences, what is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
from tests.store.guards.token_rows import put_token
from workflows.store import documents, parked
from workflows.store.users import letters, preferences, renewals, usage


def test_a_renewal_is_for_users_with_work() -> None:
    put(documents.Workflow, _id="wf_1", owner=ALICE, state="running")
    put(documents.Workflow, _id="wf_2", owner=BOB, state="succeeded")
    put(documents.Batch, _id="b1", owner=BOB, finished_at=PAST)
    put(documents.Batch, _id="b2", owner="carol@bvbrc")
    put(documents.Workflow, _id="wf_3", owner="dora@bvbrc", state="running")
    put(documents.Batch, _id="b3", owner="dora@bvbrc")

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


def test_users_whose_token_cannot_be_used_are_parked_since_then() -> None:
    put_token(ALICE)
    put_token(BOB, expires_at=PAST)
    put_token("carol@bvbrc", refused_at=PAST)
    put_token("dora@bvbrc", expires_at=PAST, refused_at=PAST - MINUTE)
    asked = [ALICE, BOB, "carol@bvbrc", "dora@bvbrc", "erin@bvbrc"]
    for number, owner in enumerate(asked[1:]):
        state = "succeeded" if owner == BOB else "running"
        put(documents.Workflow, _id=f"wf_{number}", owner=owner, state=state)

    since = parked.since_of(asked)

    assert since == {
        BOB: PAST,
        "carol@bvbrc": PAST,
        "dora@bvbrc": PAST - MINUTE,
        "erin@bvbrc": None,
    }
    assert parked.since_of([]) == {}
    assert parked.owners() == ["carol@bvbrc", "dora@bvbrc", "erin@bvbrc"]
    assert parked.owners([ALICE, BOB]) == [BOB]
    assert parked.begin_of(since, BOB, FUTURE) == FUTURE
    assert parked.begin_of(since, "erin@bvbrc", FUTURE) is None


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


def test_what_is_counted_is_kept_for_some_minutes_after_the_last_use() -> None:
    usage.add(7, {("requests", ALICE): 1.0})
    [row] = everything([documents.Usage])["Usage"]
    replace(documents.Usage, row | {"until": PAST})

    usage.add(7, {("requests", ALICE): 1.0})

    [row] = everything([documents.Usage])["Usage"]
    assert row["total"] == 2
    assert MINUTE < row["until"] - datetime.now(UTC) < 10 * MINUTE


def test_what_is_set_for_a_user_changes_no_other() -> None:
    other = put(documents.User, _id=BOB, weight=2, prioritises=False, renew=True)

    preferences.set_weight(ALICE, 3)
    preferences.note_priorities([ALICE])
    preferences.set_renewal(ALICE, wanted=False)

    assert stored(documents.User, BOB) == other
    mine = stored(documents.User, ALICE)
    assert (mine["weight"], mine["prioritises"], mine["renew"]) == (3, True, False)
