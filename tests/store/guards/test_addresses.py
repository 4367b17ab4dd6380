"""E-mail addresses are registered, confirmed and left under their guards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.store.guards.stored_rows import (
    ALICE,
    BOB,
    FUTURE,
    PAST,
    everything,
    put,
    replace,
    stored,
)
from tests.store.guards.webhook_rows import (
    COLLECTIONS,
    DAY,
    STATES,
    put_address,
    put_message,
    put_webhook,
    register,
)
from workflows.model.webhooks import AddressState
from workflows.store import documents
from workflows.store.webhooks import addresses
from workflows.store.webhooks.addresses import Asked

CONFIRM = Asked("em_1", "n")


ADDRESS_WRITES: dict[str, tuple[Callable[[], object], str, tuple[dict[str, Any], ...]]] = {
    "confirm": (
        lambda: addresses.confirm(CONFIRM),
        "unconfirmed",
        ({"nonce": "m"}, {"kind": None}, {"state": "unsubscribed"}),
    ),
    "unsubscribe": (
        lambda: addresses.unsubscribe("em_1", "word"),
        "enabled",
        ({"unsubscribe": "another"}, {"kind": None}, {"state": "unconfirmed"}),
    ),
    "change events": (
        lambda: addresses.change_events("em_1", ["$e"]),
        "enabled",
        ({"kind": None},),
    ),
    "enable": (
        lambda: addresses.enable("em_1"),
        "disabled",
        ({"kind": None}, *({"state": state} for state in STATES if state != "disabled")),
    ),
}


@pytest.mark.parametrize("name", ADDRESS_WRITES)
def test_an_address_is_written_where_its_guard_holds(name: str) -> None:
    write, state, breaks = ADDRESS_WRITES[name]
    others = [put_address("em_0", state=state), put_address("em_2", state="enabled")]
    before = put_address(state=state, failing_since=PAST, hold_until=FUTURE)

    answer = write()

    assert answer is None or answer
    assert stored(documents.Webhook, "em_1") != before
    assert [stored(documents.Webhook, each["_id"]) for each in others] == others
    for broken in breaks:
        replace(documents.Webhook, {**before, **broken})
        assert not write()
        assert stored(documents.Webhook, "em_1") == {**before, **broken}, broken


def test_an_address_that_is_disabled_may_be_unsubscribed() -> None:
    put_address(state="disabled")

    addresses.unsubscribe("em_1", "word")

    assert stored(documents.Webhook, "em_1")["state"] == AddressState.UNSUBSCRIBED


def test_a_confirmed_address_stays_and_has_no_end() -> None:
    times = {"expires_at": FUTURE, "hold_until": FUTURE, "last_success_at": PAST}
    put_address(state="unconfirmed", failing_since=PAST, **times)

    assert addresses.confirm(CONFIRM)
    row = stored(documents.Webhook, "em_1")
    gone = {"expires_at", "failing_since", "hold_until", "last_success_at"}
    assert not gone & set(row)

    assert addresses.confirm(CONFIRM)
    assert stored(documents.Webhook, "em_1") == row


def test_an_address_that_is_enabled_again_has_not_failed() -> None:
    put_address(state="disabled", reason="no", failing_since=PAST, hold_until=FUTURE)

    assert addresses.enable("em_1")

    assert not {"reason", "failing_since", "hold_until"} & set(stored(documents.Webhook, "em_1"))


def test_other_events_of_an_address_are_stored() -> None:
    put_address()

    addresses.change_events("em_1", ["$e"])

    assert stored(documents.Webhook, "em_1")["events"] == ["$e"]


@pytest.mark.parametrize(
    ("state", "stays"),
    [("enabled", True), ("disabled", True), ("unconfirmed", False), ("unsubscribed", False)],
)
def test_a_registration_replaces_one_that_is_not_confirmed(state: str, *, stays: bool) -> None:
    others = [
        put_address("em_0", owner=BOB, state=state),
        put_address("em_2", url="b@b.org", state=state),
        put_webhook("wh_0", url="a@b.org", state=state),
    ]
    put_address(state=state)
    put_message(webhook="em_1")
    put_message("m2", webhook="em_2")
    before = everything(COLLECTIONS)

    found = register()

    after = everything(COLLECTIONS)
    assert (found == "em_1") is stays
    assert (after == before) is stays
    if not stays:
        assert not stored(documents.Webhook, "em_1")
        row, asked = stored(documents.Webhook, found), stored(documents.Delivery, f"c {found}")
        assert (row["state"], row["events"], row["owner"]) == ("unconfirmed", ["e"], ALICE)
        assert row["expires_at"] > row["created_at"] == row["updated_at"]
        assert (asked["webhook"], asked["due"]) == (found, PAST)
    assert [stored(documents.Webhook, each["_id"]) for each in others] == others
    assert bool(stored(documents.Delivery, "m1")) is stays
    assert stored(documents.Delivery, "m2")


def test_an_address_is_registered_without_a_message() -> None:
    found = addresses.register(ALICE, "a@b.org", ["e"], DAY, None)

    assert stored(documents.Webhook, found)["nonce"]
    assert not everything(COLLECTIONS)["Delivery"]


def test_a_user_asks_for_so_many_confirmations_within_a_day() -> None:
    put(documents.MailRequest, _id="r1", owner=ALICE, address="d", created_at=PAST)
    put(documents.MailRequest, _id="r2", owner=BOB, address="e", created_at=FUTURE)

    assert [addresses.take_request(ALICE, "d", 2) for _ in range(3)] == [1, 2, 0]
    assert addresses.take_request(BOB, "d", 2) == 3
    assert len(everything(COLLECTIONS)["MailRequest"]) == 5
