"""Messages are claimed, sent and recorded by one process at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.store.guards.stored_rows import FUTURE, MINUTE, PAST, everything, stored
from tests.store.guards.webhook_rows import (
    COLLECTIONS,
    DAY,
    STATES,
    VAULT,
    message,
    put_message,
    put_webhook,
)
from workflows.model.errors import NotFound
from workflows.store import documents
from workflows.store.webhooks import claims, deliveries, outbox

SLOTS = claims.SLOTS


def test_a_message_is_claimed_by_one_when_it_is_due() -> None:
    put_message()
    put_message("m2", due=FUTURE)
    put_message("m3", webhook="wh_2")

    taken = claims.take_next("wh_1", "first", MINUTE)
    assert taken is not None
    assert taken.message.id == "m1"
    assert stored(documents.Delivery, "m1")["claim"] == "first"
    assert claims.take_next("wh_1", "second", MINUTE) is None


RECORDS: dict[str, Callable[[claims.Claimed], None]] = {
    "delivered": lambda claimed: claims.record_delivered(claimed, "ours", 200),
    "failed": lambda claimed: claims.record_failure(claimed, "ours", 500, "$no", MINUTE),
    "failed for good": lambda claimed: claims.record_failure(claimed, "ours", None, "no", None),
    "not sent": lambda claimed: claims.record_outage(claimed, "ours", "no", MINUTE),
}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_what_became_of_a_message_is_recorded_under_its_claim(
    record: Callable[[claims.Claimed], None],
) -> None:
    put_webhook()
    ours, theirs = put_message(claim="ours"), put_message("m2", claim="theirs")
    before = stored(documents.Delivery, "m1"), stored(documents.Delivery, "m2")

    for claimed in (ours, theirs):
        record(claimed)

    after = stored(documents.Delivery, "m1")
    assert after != before[0]
    assert "claim" not in after
    assert stored(documents.Delivery, "m2") == before[1]


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_a_record_concerns_no_other_webhook(record: Callable[[claims.Claimed], None]) -> None:
    other = put_webhook("wh_0", failing_since=PAST, hold_until=FUTURE)
    put_message("m0", webhook="wh_0", claim="ours")
    put_webhook()
    before = stored(documents.Delivery, "m0")

    record(put_message(claim="ours"))

    assert stored(documents.Webhook, "wh_0") == other
    assert stored(documents.Delivery, "m0") == before


def test_a_delivery_ends_what_failed_before() -> None:
    put_webhook(failing_since=PAST, hold_until=FUTURE)

    claims.record_delivered(put_message(claim="ours", last_error="no"), "ours", 200)

    row, delivery = stored(documents.Webhook, "wh_1"), stored(documents.Delivery, "m1")
    assert not {"failing_since", "hold_until"} & set(row)
    assert not {"due", "last_error"} & set(delivery)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 3)


@pytest.mark.parametrize(
    ("status", "wait", "expected"),
    [
        (500, MINUTE, {"state": "pending", "last_status": 500, "attempts": 3}),
        (None, MINUTE, {"state": "pending", "attempts": 3}),
        (410, None, {"state": "failed", "last_status": 410, "attempts": 3}),
    ],
)
def test_a_failure_is_sent_again_unless_it_is_for_good(
    status: int | None, wait: timedelta | None, expected: dict[str, Any]
) -> None:
    claimed = put_message(claim="ours", last_status=200)

    claims.record_failure(claimed, "ours", status, "$no", wait)

    row = stored(documents.Delivery, "m1")
    shown = {name: row[name] for name in ("state", "last_status", "attempts") if name in row}
    assert shown == expected
    assert row["last_error"] == "$no"
    assert bool(row.get("due")) is bool(wait)


def test_an_outage_of_ours_is_no_attempt_and_holds_the_address_back() -> None:
    put_webhook()

    claims.record_outage(put_message(claim="ours"), "ours", "$no", MINUTE)

    row = stored(documents.Delivery, "m1")
    assert (row["attempts"], row["last_error"], row["due"] > PAST) == (2, "$no", True)
    assert stored(documents.Webhook, "wh_1")["hold_until"] > PAST


def test_a_failure_is_over_where_every_attempt_has_failed_for_so_long() -> None:
    put_webhook()
    put_webhook("wh_2", failing_since=PAST)
    put_webhook("wh_3", failing_since=FUTURE)

    assert not claims.note_failing("wh_1", MINUTE, DAY)
    assert claims.note_failing("wh_2", None, DAY)
    assert not claims.note_failing("wh_3", None, DAY)
    assert not claims.note_failing("unknown", None, DAY)

    first, second = stored(documents.Webhook, "wh_1"), stored(documents.Webhook, "wh_2")
    assert first["hold_until"] > first["failing_since"] > PAST
    assert second["failing_since"] == PAST
    assert "hold_until" not in second


@pytest.mark.parametrize(
    ("fields", "taken"),
    [
        ({}, True),
        ({"state": "unconfirmed"}, True),
        ({"state": "disabled"}, False),
        ({"hold_until": FUTURE}, False),
        ({"hold_until": PAST}, True),
        ({"slots": [{"token": str(n), "until": FUTURE} for n in range(SLOTS)]}, False),
        ({"slots": [{"token": str(n), "until": FUTURE} for n in range(SLOTS - 1)]}, True),
        ({"slots": [{"token": str(n), "until": PAST} for n in range(SLOTS)]}, True),
    ],
)
def test_a_slot_is_taken_where_one_is_free(fields: dict[str, Any], *, taken: bool) -> None:
    other = put_webhook("wh_0")
    put_webhook(**fields)
    before = stored(documents.Webhook, "wh_1")

    assert (claims.take_slot(VAULT, "wh_1", "ours", MINUTE) is not None) is taken

    row = stored(documents.Webhook, "wh_1")
    assert (row != before) is taken
    if taken:
        assert (row["slots"][-1]["token"], row["slots"][-1]["until"] > PAST) == ("ours", True)
    assert stored(documents.Webhook, "wh_0") == other


def test_a_slot_is_given_back_by_who_took_it() -> None:
    slots = [{"token": token, "until": FUTURE} for token in ("ours", "theirs")]
    other = put_webhook("wh_0", slots=slots)
    put_webhook(slots=slots)

    claims.give_slot_back("wh_1", "ours")

    assert [slot["token"] for slot in stored(documents.Webhook, "wh_1")["slots"]] == ["theirs"]
    assert stored(documents.Webhook, "wh_0") == other


def test_messages_are_signed_with_the_former_secret_while_it_counts() -> None:
    former = VAULT.seal("old")
    put_webhook(old_secret=former, old_secret_until=FUTURE)
    put_webhook("wh_2", old_secret=former, old_secret_until=PAST)
    put_webhook("wh_3", secret="nonsense", old_secret=former, old_secret_until=FUTURE)

    secrets = [
        endpoint.secrets
        for key in ("wh_1", "wh_2", "wh_3")
        if (endpoint := claims.take_slot(VAULT, key, "ours", MINUTE))
    ]
    assert secrets == [("s", "old"), ("s",), ("old",)]


def test_a_message_is_sent_again_for_its_own_webhook_alone() -> None:
    put_message("m0", state="delivered", due=None)
    sent = {"state": "delivered", "due": None, "delivered_at": PAST}
    put_message(claim="theirs", last_error="no", last_status=500, **sent)
    before = everything(COLLECTIONS)

    with pytest.raises(NotFound):
        deliveries.send_again("wh_2", "m1")
    with pytest.raises(NotFound):
        deliveries.get("wh_2", "m1")
    assert everything(COLLECTIONS) == before

    deliveries.send_again("wh_1", "m1")
    row = stored(documents.Delivery, "m1")
    assert (row["state"], row["attempts"], row["due"] > PAST) == ("pending", 0, True)
    assert stored(documents.Delivery, "m0")["state"] == "delivered"
    assert not {"claim", "last_error", "last_status", "delivered_at"} & set(row)


def test_a_message_that_is_there_already_stays_as_it_is() -> None:
    put_message(state="delivered", due=None)
    before = stored(documents.Delivery, "m1")

    outbox.insert_new([])
    outbox.insert_new([message("m1"), message("m2")])

    assert stored(documents.Delivery, "m1") == before
    assert stored(documents.Delivery, "m2")["state"] == "pending"


def test_nothing_is_sent_where_it_is_not_wanted() -> None:
    for state in STATES:
        put_webhook(state, state=state)

    live = {state: claims.is_live(state) for state in (*STATES, "deleted")}

    assert live == {
        "enabled": True,
        "unconfirmed": True,
        "disabled": False,
        "unsubscribed": False,
        "deleted": None,
    }
