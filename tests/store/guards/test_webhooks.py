"""What commands on webhooks write, and to which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mongoengine import ValidationError

from tests.store.guards.stored_rows import (
    ALICE,
    BOB,
    FUTURE,
    MINUTE,
    PAST,
    everything,
    replace,
    stored,
)
from tests.store.guards.webhook_rows import (
    COLLECTIONS,
    KEY,
    VAULT,
    put_address,
    put_message,
    put_webhook,
    register,
)
from workflows.model.errors import NotFound
from workflows.store import documents
from workflows.store.users.credentials import Vault
from workflows.store.webhooks import addresses, changes, deliveries
from workflows.store.webhooks import stored as webhooks


def test_a_webhook_that_is_disabled_fails_its_own_waiting_messages() -> None:
    other = put_webhook("wh_0")
    put_webhook()
    for key, fields in {"m1": {}, "m2": {"webhook": "wh_2"}, "m3": {"due": None}}.items():
        put_message(key, claim="theirs", **fields)
    before = everything(COLLECTIONS)

    assert not changes.disable("wh_1", "no", {"state": "unconfirmed"})
    assert everything(COLLECTIONS) == before

    assert changes.disable("wh_1", "$no")
    states = [stored(documents.Delivery, key)["state"] for key in ("m1", "m2", "m3")]
    assert states == ["failed", "pending", "pending"]
    failed, row = stored(documents.Delivery, "m1"), stored(documents.Webhook, "wh_1")
    assert not {"due", "claim"} & set(failed)
    assert failed["last_error"] == "its receiver was disabled"
    assert (row["state"], row["reason"], row["updated_at"] > PAST) == ("disabled", "$no", True)
    assert stored(documents.Webhook, "wh_0") == other


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
    """MongoDB would meet the first of two first."""
    for key, of in (("wh_0", "m0"), ("wh_1", "m1")):
        put_webhook(key, state="disabled", reason="no", failing_since=PAST, hold_until=FUTURE)
        put_message(of, webhook=key, claim="theirs", last_error="no")
    before = everything(COLLECTIONS)

    write("wh_1")

    after = everything(COLLECTIONS)
    assert after != before
    for kind in ("Webhook", "Delivery"):
        assert after[kind][0] == before[kind][0]


def test_a_removed_webhook_goes_with_its_messages() -> None:
    put_webhook()
    put_message()

    changes.remove("wh_1")

    assert not stored(documents.Webhook, "wh_1")
    assert not stored(documents.Delivery, "m1")


def test_a_new_secret_leaves_the_former_one_for_a_while() -> None:
    before = put_webhook()

    changes.rotate("wh_1", "$new", MINUTE)

    row = stored(documents.Webhook, "wh_1")
    assert (row["secret"], row["old_secret"]) == ("$new", before["secret"])
    assert row["old_secret_until"] > PAST


def test_what_is_changed_of_a_webhook_is_what_was_named() -> None:
    before = put_webhook()

    changes.change("wh_1", {"url": "$new", "events": ["$e"]})

    row = stored(documents.Webhook, "wh_1")
    changed = {name for name in row if row[name] != before.get(name)}
    assert (row["url"], row["events"]) == ("$new", ["$e"])
    assert changed == {"url", "events", "updated_at"}


def test_what_is_enabled_again_has_not_failed() -> None:
    put_webhook(state="disabled", reason="no", failing_since=PAST, hold_until=FUTURE)

    changes.enable("wh_1")

    assert not {"reason", "failing_since", "hold_until"} & set(stored(documents.Webhook, "wh_1"))


def new_webhook(key: str, **fields: Any) -> changes.NewWebhook:
    found = {"events": ["$e"], "labels": {"a": "$b"}, "description": "$d"}
    return changes.NewWebhook(
        **{"id": key, "owner": ALICE, "url": "$url", "sealed": "$s", **found, **fields}
    )


def test_a_webhook_is_stored_as_it_was_asked_for() -> None:
    assert changes.create(new_webhook("wh_1"), 1)

    row = stored(documents.Webhook, "wh_1")
    assert row == {
        "_id": "wh_1",
        "owner": ALICE,
        "url": "$url",
        "events": ["$e"],
        "labels": {"a": "$b"},
        "description": "$d",
        "state": "enabled",
        "secret": "$s",
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }


def test_what_is_not_as_declared_is_not_stored() -> None:
    anything: Any = 7
    for write in (
        lambda: changes.create(new_webhook("wh_1", owner=anything), 1),
        lambda: addresses.take_request(anything, "d", 1),
        lambda: register(owner=anything),
    ):
        with pytest.raises(ValidationError):
            write()

    assert not any(everything(COLLECTIONS).values())


def test_of_too_many_webhooks_the_last_one_is_not_stored() -> None:
    for key in ("wh_1", "wh_2"):
        put_webhook(key, owner=BOB)
    put_address(owner=ALICE)

    def create(key: str, most: int) -> bool:
        return changes.create(new_webhook(key), most)

    assert create("wh_3", 1)
    before = everything(COLLECTIONS)
    assert not create("wh_4", 1)
    assert everything(COLLECTIONS) == before


def test_secrets_that_no_key_opens_stay_as_they_are() -> None:
    lost = put_webhook("wh_0", secret="nonsense")
    address = put_address()
    before = put_webhook(old_secret=VAULT.seal("old"))
    put_webhook("wh_2")
    unread = put_webhook("wh_3", old_secret="nonsense")

    assert changes.reseal(VAULT) == (3, 1)

    after = stored(documents.Webhook, "wh_1")
    assert "old_secret" not in stored(documents.Webhook, "wh_2")
    assert stored(documents.Webhook, "wh_3")["old_secret"] == unread["old_secret"]
    assert {after[name] != before[name] for name in ("secret", "old_secret")} == {True}
    assert VAULT.open(after["old_secret"]) == "old"
    assert stored(documents.Webhook, "wh_0") == lost
    assert stored(documents.Webhook, "em_1") == address


def test_a_secret_that_changes_while_all_are_sealed_again_stays_as_it_is() -> None:
    before, theirs = put_webhook(), {"secret": VAULT.seal("theirs"), "old_secret": "s"}

    class Overtaken(Vault):
        """Between reading a secret and writing it, its user has another one made."""

        def open(self, sealed: str) -> str | None:
            replace(documents.Webhook, {**before, **theirs})
            return super().open(sealed)

    assert changes.reseal(Overtaken([KEY])) == (0, 0)

    assert stored(documents.Webhook, "wh_1") == {**before, **theirs}


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
