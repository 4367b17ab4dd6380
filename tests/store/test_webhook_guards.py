"""What is written to webhooks, e-mail addresses and their messages: each part of a guard is broken
in the stored row, and the row stays as it is."""

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
from workflows.model.errors import NotFound
from workflows.model.webhooks import AddressState, Message
from workflows.store import connection, documents
from workflows.store.users.credentials import Vault
from workflows.store.webhooks import addresses, changes, claims, deliveries, outbox
from workflows.store.webhooks import stored as webhooks
from workflows.store.webhooks.addresses import Asked

VAULT = Vault([Fernet.generate_key().decode()])
COLLECTIONS = (documents.Webhook, documents.Delivery, documents.MailRequest)
DAY = timedelta(days=1)
STATES = ("enabled", "disabled", "unconfirmed", "unsubscribed")
SLOTS = claims.SLOTS


@pytest.fixture(scope="module", autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_webhook_guards")
    yield
    connection.close_database()
    mongo.drop_database("test_webhook_guards")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    clear(COLLECTIONS)


def put_webhook(key: str = "wh_1", **fields: Any) -> dict[str, Any]:
    times = {"created_at": PAST, "updated_at": PAST}
    row = {"owner": ALICE, "url": "https://a.org", "state": "enabled", "secret": VAULT.seal("s")}
    return put(documents.Webhook, _id=key, **row | times | fields)


def put_address(key: str = "em_1", **fields: Any) -> dict[str, Any]:
    email = {"kind": "email", "url": "a@b.org", "nonce": "n", "unsubscribe": "word", **fields}
    return put_webhook(key, **email)


def put_message(key: str = "m1", **fields: Any) -> claims.Claimed:
    row = {
        "webhook": "wh_1",
        "owner": ALICE,
        "event": "e",
        "at": PAST,
        "body": "{}",
        "source": "/s",
        "state": "pending",
        "attempts": 2,
        "due": PAST,
        "created_at": PAST,
        **fields,
    }
    put(documents.Delivery, _id=key, **row)
    return claims.Claimed(message(key, row["webhook"]), 0)


def message(key: str, webhook: str = "wh_1") -> Message:
    return Message(key, webhook, ALICE, "e", PAST, "{}", "/s")


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
    put_webhook()
    other = put_webhook("wh_2", failing_since=PAST, hold_until=FUTURE)

    record(put_message(claim="ours"))

    assert stored(documents.Webhook, "wh_2") == other


def test_a_delivery_ends_what_failed_before() -> None:
    put_webhook(failing_since=PAST, hold_until=FUTURE)

    claims.record_delivered(put_message(claim="ours", last_error="no"), "ours", 200)

    row, delivery = stored(documents.Webhook, "wh_1"), stored(documents.Delivery, "m1")
    assert not {"failing_since", "hold_until"} & set(row)
    assert not {"due", "last_error"} & set(delivery)
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 3)


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
    put_webhook(**fields)
    other = put_webhook("wh_0")
    before = stored(documents.Webhook, "wh_1")

    assert (claims.take_slot(VAULT, "wh_1", "ours", MINUTE) is not None) is taken

    assert (stored(documents.Webhook, "wh_1") != before) is taken
    assert stored(documents.Webhook, "wh_0") == other


def test_a_slot_is_given_back_by_who_took_it() -> None:
    slots = [{"token": token, "until": FUTURE} for token in ("ours", "theirs")]
    put_webhook(slots=slots)
    other = put_webhook("wh_2", slots=slots)

    claims.give_slot_back("wh_1", "ours")

    assert [slot["token"] for slot in stored(documents.Webhook, "wh_1")["slots"]] == ["theirs"]
    assert stored(documents.Webhook, "wh_2") == other


def test_messages_are_signed_with_the_former_secret_while_it_counts() -> None:
    former = VAULT.seal("old")
    put_webhook(old_secret=former, old_secret_until=FUTURE)
    put_webhook("wh_2", old_secret=former, old_secret_until=PAST)

    secrets = [
        endpoint.secrets
        for key in ("wh_1", "wh_2")
        if (endpoint := claims.take_slot(VAULT, key, "ours", MINUTE))
    ]
    assert secrets == [("s", "old"), ("s",)]


def test_a_webhook_that_is_disabled_fails_its_own_waiting_messages() -> None:
    put_webhook()
    other = put_webhook("wh_2")
    for key, fields in {"m1": {}, "m2": {"webhook": "wh_2"}, "m3": {"due": None}}.items():
        put_message(key, claim="theirs", **fields)
    before = everything(COLLECTIONS)

    assert not changes.disable("wh_1", "no", {"state": "unconfirmed"})
    assert everything(COLLECTIONS) == before

    assert changes.disable("wh_1", "$no")
    states = [stored(documents.Delivery, key)["state"] for key in ("m1", "m2", "m3")]
    assert states == ["failed", "pending", "pending"]
    assert not {"due", "claim"} & set(stored(documents.Delivery, "m1"))
    assert stored(documents.Webhook, "wh_2") == other


WEBHOOK_WRITES: dict[str, Callable[[str], object]] = {
    "change": lambda key: changes.change(key, {"url": "$new"}),
    "enable": changes.enable,
    "rotate": lambda key: changes.rotate(key, VAULT.seal("new"), MINUTE),
    "remove": changes.remove,
    "fail what waits": changes.fail_waiting,
    "send again": lambda key: deliveries.send_again(key, "m1"),
}


@pytest.mark.parametrize("write", WEBHOOK_WRITES.values(), ids=WEBHOOK_WRITES)
def test_a_command_on_a_webhook_concerns_no_other(write: Callable[[str], object]) -> None:
    put_webhook(state="disabled", reason="no", failing_since=PAST, hold_until=FUTURE)
    put_message(claim="theirs", last_error="no")
    put_webhook("wh_2", state="disabled", reason="no", failing_since=PAST)
    put_message("m2", webhook="wh_2")
    before = everything(COLLECTIONS)

    write("wh_1")

    after = everything(COLLECTIONS)
    assert after != before
    for kind in ("Webhook", "Delivery"):
        assert after[kind][-1] == before[kind][-1]


def test_what_is_enabled_again_has_not_failed() -> None:
    put_webhook(state="disabled", reason="no", failing_since=PAST, hold_until=FUTURE)

    changes.enable("wh_1")

    assert not {"reason", "failing_since", "hold_until"} & set(stored(documents.Webhook, "wh_1"))


def test_a_message_is_sent_again_for_its_own_webhook_alone() -> None:
    put_message(claim="theirs", state="delivered", last_error="no", last_status=500)
    before = everything(COLLECTIONS)

    with pytest.raises(NotFound):
        deliveries.send_again("wh_2", "m1")
    with pytest.raises(NotFound):
        deliveries.get("wh_2", "m1")
    assert everything(COLLECTIONS) == before

    deliveries.send_again("wh_1", "m1")
    row = stored(documents.Delivery, "m1")
    assert (row["state"], row["attempts"]) == ("pending", 0)
    assert not {"claim", "last_error", "last_status", "delivered_at"} & set(row)


def test_of_too_many_webhooks_the_last_one_is_not_stored() -> None:
    for key in ("wh_1", "wh_2"):
        put_webhook(key, owner=BOB)
    put_address(owner=ALICE)

    def create(key: str, most: int) -> bool:
        new = changes.NewWebhook(id=key, owner=ALICE, url="https://a.org", sealed="s")
        return changes.create(new, most)

    assert create("wh_3", 1)
    before = everything(COLLECTIONS)
    assert not create("wh_4", 1)
    assert everything(COLLECTIONS) == before


def test_secrets_that_no_key_opens_stay_as_they_are() -> None:
    lost = put_webhook("wh_0", secret="nonsense")
    address = put_address()
    put_webhook(old_secret=VAULT.seal("old"))
    before = stored(documents.Webhook, "wh_1")

    assert changes.reseal(VAULT) == (1, 1)

    after = stored(documents.Webhook, "wh_1")
    assert {after[name] != before[name] for name in ("secret", "old_secret")} == {True}
    assert VAULT.open(after["old_secret"]) == "old"
    assert stored(documents.Webhook, "wh_0") == lost
    assert stored(documents.Webhook, "em_1") == address


def test_addresses_and_webhooks_are_read_apart() -> None:
    put_webhook()
    put_address()
    put_webhook("wh_2", owner=BOB)
    put_address("em_2", owner=BOB)

    assert [each.id for each in webhooks.of_owner(ALICE)] == ["wh_1"]
    assert [each.id for each in addresses.of_owner(ALICE)] == ["em_1"]
    for get, key in ((webhooks.get, "em_1"), (addresses.get, "wh_1")):
        with pytest.raises(NotFound):
            get(key)


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
    before = put_address(state=state, failing_since=PAST, hold_until=FUTURE)
    other = put_address("em_2", state=state)

    write()

    assert stored(documents.Webhook, "em_1") != before
    assert stored(documents.Webhook, "em_2") == other
    for broken in breaks:
        replace(documents.Webhook, {**before, **broken})
        assert not write()
        assert stored(documents.Webhook, "em_1") == {**before, **broken}, broken


def test_an_address_that_is_disabled_may_be_unsubscribed() -> None:
    put_address(state="disabled")

    addresses.unsubscribe("em_1", "word")

    assert stored(documents.Webhook, "em_1")["state"] == AddressState.UNSUBSCRIBED


def test_a_confirmed_address_stays_and_has_no_end() -> None:
    put_address(state="unconfirmed", expires_at=FUTURE, failing_since=PAST, hold_until=FUTURE)

    assert addresses.confirm(CONFIRM)
    row = stored(documents.Webhook, "em_1")
    gone = {"expires_at", "failing_since", "hold_until", "last_success_at"}
    assert not gone & set(row)

    assert addresses.confirm(CONFIRM)
    assert stored(documents.Webhook, "em_1") == row


def register(address: str = "a@b.org", owner: str = ALICE) -> str:
    return addresses.register(
        owner, address, ["e"], DAY, lambda asked: message(f"c {asked.id}", asked.id)
    )


@pytest.mark.parametrize(
    ("state", "stays"),
    [("enabled", True), ("disabled", True), ("unconfirmed", False), ("unsubscribed", False)],
)
def test_a_registration_replaces_one_that_is_not_confirmed(state: str, *, stays: bool) -> None:
    put_address(state=state)
    put_message(webhook="em_1")
    others = [
        put_address("em_0", owner=BOB, state=state),
        put_address("em_2", url="b@b.org", state=state),
    ]
    put_message("m2", webhook="em_2")
    before = everything(COLLECTIONS)

    assert (register() == "em_1") is stays

    after = everything(COLLECTIONS)
    assert (after == before) is stays
    assert [stored(documents.Webhook, each["_id"]) for each in others] == others
    assert bool(stored(documents.Delivery, "m1")) is stays
    assert stored(documents.Delivery, "m2")


def test_a_user_asks_for_so_many_confirmations_within_a_day() -> None:
    put(documents.MailRequest, _id="r1", owner=ALICE, address="d", created_at=PAST)
    put(documents.MailRequest, _id="r2", owner=BOB, address="e", created_at=FUTURE)

    assert [addresses.take_request(ALICE, "d", 2) for _ in range(3)] == [1, 2, 0]
    assert addresses.take_request(BOB, "d", 2) == 3
    assert len(everything(COLLECTIONS)["MailRequest"]) == 5


def test_a_message_that_is_there_already_stays_as_it_is() -> None:
    put_message(state="delivered", due=None)
    before = stored(documents.Delivery, "m1")

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
